import { readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { extname, join } from 'node:path';
import type { CDPSession } from 'playwright-core';
import { systemClock } from '../src/base/clock';
import { kpiFeed } from '../src/queries/feed';
import { deliveryView, listDeliveries } from '../src/queries/delivery-view';
import type { KpiChanged } from '../src/kpi/encode';
import { emptyTotals } from '../src/kpi/kpis';
import { openBrowser } from '../test/dashboard/browsing';
import { rssBytes } from './processes';
import { against, grouped, printTable, quantile } from './report';

const DELIVERIES = 200;
const TICK_MS = 20;
const MEMORY_EVERY_S = 60;
const PAGE = join(__dirname, '..', 'src', 'dashboard');
const TYPES: Record<string, string> = { '.html': 'text/html', '.js': 'text/javascript', '.css': 'text/css' };
/** The delivery whose `relayed` is the time of its change: it is listed first. */
const PROBE = 'delivery-0';

/** A change of a delivery; `relayed` counts milliseconds since the bench began. */
function change(index: number, revision: number, relayed: number): KpiChanged {
  const hours = Array.from({ length: 24 }, (_, hour) => [
    `2026-01-05T${String(hour).padStart(2, '0')}Z`,
    { successes: relayed >> 5, errors: relayed >> 9 },
  ]);
  const kpis = {
    ...emptyTotals(),
    relayed,
    sent: relayed - (relayed >> 4),
    delivered: relayed - (relayed >> 4),
    failed: relayed >> 4,
    deliverySize: null,
    success: 1 - (relayed >> 4) / Math.max(1, relayed),
    throughput: Object.fromEntries(hours),
  };
  const deliveryId = `delivery-${index}`;
  const asOf = 1_767_600_000_000 + (index === 0 ? 1e9 : relayed);
  return {
    deliveryId,
    generation: 1,
    revision,
    previousRevision: 0,
    policy: 'EFS',
    asOf,
    kpis,
    previous: null,
  };
}

/** The page and the part of the API that its overview needs, on the service's own read model and feed. */
function serve(view: ReturnType<typeof deliveryView>, feed: ReturnType<typeof kpiFeed>): Server {
  return createServer((request, response) => {
    const { pathname } = new URL(request.url ?? '/', 'http://bench');
    if (pathname === '/api/stream') {
      response.writeHead(200, { 'content-type': 'text/event-stream' }).flushHeaders();
      const outlet = {
        write: (bytes: Buffer) => response.write(bytes),
        end: () => void response.destroy(),
      };
      const reader = feed.open(outlet, { deliveryId: null, lastEventId: null, snapshot: false });
      response.on('drain', () => reader?.drained()).on('close', () => reader?.closed());
    } else if (pathname === '/api/deliveries') {
      const query = {
        search: '',
        policy: null,
        sort: 'asOf',
        order: 'desc',
        limit: DELIVERIES,
        offset: 0,
      } as const;
      const answer = {
        ...listDeliveries(view.deliveries(), query),
        at: new Date(systemClock.now()).toISOString(),
        stale: null,
      };
      response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(answer));
    } else if (pathname.startsWith('/api/')) {
      response.writeHead(404, { 'content-type': 'application/json' }).end('{}');
    } else {
      const file = pathname === '/' ? '/index.html' : pathname;
      const type = TYPES[extname(file)] ?? 'image/svg+xml';
      response.writeHead(200, { 'content-type': type }).end(readFileSync(join(PAGE, file)));
    }
  });
}

/** The processes that render pages and run their workers. */
async function renderers(browser: CDPSession): Promise<readonly { id: number; cpuTime: number }[]> {
  const { processInfo } = await browser.send('SystemInfo.getProcessInfo');
  return processInfo.filter(({ type }) => type === 'renderer');
}

/** Their CPU seconds so far. */
const renderersCpu = async (browser: CDPSession): Promise<number> =>
  (await renderers(browser)).reduce((total, { cpuTime }) => total + cpuTime, 0);

/** Bytes of memory that they occupy: the shared worker's heap is not the page's, but it is in here. */
const renderersBytes = async (browser: CDPSession): Promise<number> =>
  (await renderers(browser)).reduce((total, { id }) => total + rssBytes(id), 0);

/** Bytes of the page's heap after collecting garbage. */
async function heapBytes(page: CDPSession): Promise<number> {
  await page.send('HeapProfiler.collectGarbage');
  return (await page.send('Runtime.getHeapUsage')).usedSize;
}

/** MiB. */
interface Memory {
  readonly heap: number;
  readonly rss: number;
}

async function memoryOf(page: CDPSession, browser: CDPSession): Promise<Memory> {
  return { heap: (await heapBytes(page)) / 2 ** 20, rss: (await renderersBytes(browser)) / 2 ** 20 };
}

const grown = (memory: readonly Memory[], key: keyof Memory): number =>
  (memory.at(-1)?.[key] ?? NaN) - (memory[0]?.[key] ?? NaN);

/** Runs in the page: how long after its change a figure is rendered, frame by frame. */
const WATCH = (began: number): string => `
  window.waits = [];
  const cell = document.querySelector('[data-delivery="${PROBE}"] td.relayed');
  let shown = cell.textContent;
  const look = () => {
    if (cell.textContent !== shown) {
      shown = cell.textContent;
      window.waits.push(Date.now() - ${began} - Number(shown.replace(/\\D/g, '')));
    }
    requestAnimationFrame(look);
  };
  look();`;

const nothing = (): void => undefined;

/** Measures the page at a steady rate of changes over 200 deliveries: change to pixels, CPU, memory. */
export async function benchPage({ rate, seconds }: { rate: number; seconds: number }): Promise<void> {
  const began = systemClock.now();
  const view = deliveryView();
  const clock = systemClock;
  const meter = { readers: nothing, readerDropped: nothing, changesSkipped: nothing };
  const feed = kpiFeed({ view, clock, meter, random: Math.random, instance: 'bench', stale: () => null });
  const stopped = new AbortController();
  const server = serve(view, feed).listen(0, '127.0.0.1');
  let made = 0;
  const make = (): void =>
    void view.take(change(made % DELIVERIES, Math.floor(made++ / DELIVERIES) + 1, clock.now() - began));
  while (made < DELIVERIES) make();
  void feed.run(stopped.signal);
  const startedAt = clock.monotonic();
  const timer = setInterval(() => {
    const due = DELIVERIES + ((clock.monotonic() - startedAt) / 1_000) * rate;
    while (made < due) make();
  }, TICK_MS);

  const browser = await openBrowser();
  const page = await browser.newPage();
  await page.goto(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
  await page.locator(`[data-delivery="${PROBE}"]`).waitFor();
  await page.evaluate(WATCH(began));
  const [cdp, whole] = [await page.context().newCDPSession(page), await browser.newBrowserCDPSession()];
  await cdp.send('Runtime.enable');
  await clock.sleep(Math.min(10_000, seconds * 250));
  const memory = [await memoryOf(cdp, whole)];
  const [cpu, from] = [await renderersCpu(whole), clock.monotonic()];
  for (let left = seconds; left > 0; left -= MEMORY_EVERY_S) {
    await clock.sleep(Math.min(left, MEMORY_EVERY_S) * 1_000);
    memory.push(await memoryOf(cdp, whole));
  }
  const used = ((await renderersCpu(whole)) - cpu) / ((clock.monotonic() - from) / 1_000);
  const waits = (await page.evaluate<number[]>('window.waits')).sort((a, b) => a - b);
  clearInterval(timer);
  stopped.abort();
  await browser.close();
  server.close();

  printTable([
    ['what', 'measured', 'floor', ''],
    against('p50 from change to pixels, ms', quantile(waits, 0.5), {}, 0),
    against('p95', quantile(waits, 0.95), { most: 500 }, 0),
    against('CPU of the page, % of a core', used * 100, { most: 20 }, 1),
    against('heap after, less before, MiB', grown(memory, 'heap'), { most: 2 }, 2),
    against('RSS of the renderers after, less before, MiB', grown(memory, 'rss'), {}, 1),
  ]);
  const show = (key: keyof Memory): string => memory.map((each) => grouped(each[key], 1)).join('  ');
  console.log(`\nheap after collecting garbage, once a minute, MiB: ${show('heap')}`);
  console.log(`RSS of the renderers, MiB: ${show('rss')}`);
}
