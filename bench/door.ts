import { setTimeout as pause } from 'node:timers/promises';
import { saidTraffic } from '../src/simulation/sources/said';
import { SPARKPOST } from '../src/simulation/sources/sparkpost';
import { ORDINARY_TRAFFIC } from '../src/simulation/traffic';
import { runEfs, startEfs } from './efs';
import { against, printTable } from './report';
import { startWorld } from './world';

const EVENTS = 1_000;
/** Batches a second: 10,000 events, half of what one core maps. */
const PER_SECOND = 10;
const P99_MAX_MS = 500;

/** Requests of 1,000 events each. */
function requests(messages: number): string[] {
  const texts = [...saidTraffic(SPARKPOST, { ...ORDINARY_TRAFFIC, messages, stripIdentity: 0 })].map(
    ({ text }) => text,
  );
  const bodies: string[] = [];
  for (let from = 0; from + EVENTS <= texts.length; from += EVENTS)
    bodies.push(SPARKPOST.framing.body(texts.slice(from, from + EVENTS)));
  return bodies;
}

/** Milliseconds until a request is answered with 200: its records are acknowledged then. */
async function answered(url: string, body: string): Promise<number> {
  const began = performance.now();
  const headers = { 'content-type': 'application/json' };
  const { status } = await fetch(url, { method: 'POST', headers, body });
  if (status !== 200) throw new Error(`answered ${status}`);
  return performance.now() - began;
}

/** How long `efs ingest serve` takes for an answer, at a steady rate of batches, on a real Kafka. */
export async function benchDoor(messages: number): Promise<void> {
  const world = await startWorld();
  try {
    const settings = {
      ...world.settings('door.'),
      ...{ EFS_INGEST_PORT: '0', EFS_INGEST_FORMAT: 'sparkpost' },
    };
    await runEfs(['setup'], settings);
    const door = await startEfs(settings, [], ['ingest', 'serve']);
    const url = `http://127.0.0.1:${door.port}/in/sparkpost`;
    const [first = '', ...bodies] = requests(messages);
    // Until it has found Kafka it answers 503.
    while ((await answered(url, first).catch(() => null)) === null) await pause(200);
    const times: Promise<number>[] = [];
    for (const body of [...bodies, ...bodies, ...bodies]) {
      times.push(answered(url, body));
      await pause(1_000 / PER_SECOND);
    }
    const sorted = (await Promise.all(times)).sort((a, b) => a - b);
    const at = (share: number): number => sorted[Math.ceil(share * sorted.length) - 1] ?? NaN;
    printTable([
      [`answers to ${EVENTS} events each, ${PER_SECOND} batches/s, ms`, 'measured', 'floor', ''],
      against('p50', at(0.5), {}, 0),
      against('p99', at(0.99), { most: P99_MAX_MS }, 0),
    ]);
    await door.stop();
  } finally {
    await world.stop();
  }
}
