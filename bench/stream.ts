import { loadavg } from 'node:os';
import { join } from 'node:path';
import type { KpiChanged } from '../src/kpi/encode';
import { readMetrics, type RunningEfs, runNode, sumOf } from './efs';
import { type LatencyOptions, measure } from './latency';
import { cpuSeconds, peakRss, rssBytes } from './processes';
import { grouped, printTable, quantile } from './report';
import { onService, type World } from './world';

export interface StreamOptions extends LatencyOptions {
  readonly readers: number;
  /** Of the readers: those that read slowly, and those that read nothing. */
  readonly slow: number;
  readonly stopped: number;
}

const PREFIX = 'stream.';
const READ = join(__dirname, 'doors', 'read.mjs');
const MEASURED = 30;
const WARM_UP_S = 5;
const ALONE_S = 20;
/** The pipeline settles after the load before the readers go. */
const SETTLE_S = 5;

/** One phase: the pipeline's throughput and latency, and the service's cost. */
interface Phase {
  readonly latencies: readonly number[];
  readonly folded: number;
  readonly cpu: number;
  readonly rss: number;
}

interface ReaderFigures {
  readonly bytes: number;
  readonly ended: number;
  readonly changes: readonly (readonly [delivery: string, revision: number, at: number])[];
}

/**
 * The cost of a thousand readers of the live stream: a phase without them, with them, and without them again, at the same
 * rate of records. And the time from a record in the KPI topic to a reader.
 */
export async function benchStream(options: StreamOptions): Promise<void> {
  await onService(PREFIX, async (world, efs) => {
    const published = new Map<string, number>();
    const onChange = ({ deliveryId, revision }: KpiChanged, at: number): void =>
      void published.set(`${deliveryId}/${revision}`, at);
    const short = { ...options, seconds: ALONE_S };
    const before = await phase(world, efs, short, { name: 'before' });
    const reading = read(efs, options);
    const during = await phase(world, efs, options, { name: 'during', onChange });
    const samples = await readMetrics(efs);
    const figures = await reading;
    const after = await phase(world, efs, short, { name: 'after' });
    show(options, {
      before,
      during,
      after,
      peak: peakRss(efs.pid),
      samples,
      waits: waitsOf(figures, published),
      figures,
    });
  });
}

async function phase(
  world: World,
  efs: RunningEfs,
  { rate, seconds }: LatencyOptions,
  place: { readonly name: string; onChange?(change: KpiChanged, at: number): void },
): Promise<Phase> {
  const folded = async () => sumOf(await readMetrics(efs), 'efs_records_total', `topic="${PREFIX}mta`);
  const [cpu, began, already] = [cpuSeconds(efs.pid), performance.now(), await folded()];
  const latencies = await measure(world, { rate, seconds }, { prefix: PREFIX, ...place });
  const lasted = (performance.now() - began) / 1_000;
  return {
    latencies,
    folded: ((await folded()) - already) / (seconds + WARM_UP_S),
    cpu: (cpuSeconds(efs.pid) - cpu) / lasted,
    rss: rssBytes(efs.pid),
  };
}

async function read(
  { port }: RunningEfs,
  { readers, slow, stopped, seconds }: StreamOptions,
): Promise<ReaderFigures> {
  const printed = await runNode([READ], {
    PORT: String(port),
    READERS: String(readers),
    SLOW: String(slow),
    STOPPED: String(stopped),
    MEASURED: String(MEASURED),
    SECONDS: String(seconds + WARM_UP_S + SETTLE_S),
  });
  return JSON.parse(printed.split('\n')[1] ?? '') as ReaderFigures;
}

/** Milliseconds from a change's timestamp in the KPI topic to its reader, sorted. */
function waitsOf({ changes }: ReaderFigures, published: ReadonlyMap<string, number>): number[] {
  const waits = changes.flatMap(([delivery, revision, at]) => {
    const since = published.get(`${delivery}/${revision}`);
    return since === undefined ? [] : [at - since];
  });
  return waits.sort((a, b) => a - b);
}

function show(
  { readers, slow, stopped, rate, seconds }: StreamOptions,
  seen: {
    readonly before: Phase;
    readonly during: Phase;
    readonly after: Phase;
    readonly peak: number;
    readonly samples: Awaited<ReturnType<typeof readMetrics>>;
    readonly waits: readonly number[];
    readonly figures: ReaderFigures;
  },
): void {
  const { before, during, after, peak, samples, waits, figures } = seen;
  console.log(
    `\n${grouped(readers)} readers, ${slow} of them slow and ${stopped} stopped; ${grouped(rate)} records/s; ` +
      `${seconds} s with readers, ${ALONE_S} s without before and after; Node ${process.version}, load average ${grouped(loadavg()[0] ?? NaN, 1)}\n`,
  );
  const row = (name: string, { latencies, folded, cpu, rss }: Phase) => [
    name,
    grouped(folded),
    ...[0.5, 0.99, 1].map((share) => grouped(quantile(latencies, share))),
    grouped(cpu * 100),
    grouped(rss / 2 ** 20),
  ];
  printTable([
    ['', 'records/s folded', 'record to KPI p50, ms', 'p99', 'worst', 'CPU of efs, %', 'RSS of efs, MiB'],
    row('before', before),
    row('with readers', during),
    row('after', after),
  ]);
  const of = (name: string): string => grouped(sumOf(samples, name));
  console.log('');
  printTable([
    ['', 'measured'],
    ['KPI record to reader p50, ms', grouped(quantile(waits, 0.5))],
    ['p99', grouped(quantile(waits, 0.99))],
    ['events of the measured readers', grouped(waits.length)],
    ['MiB read in all', grouped(figures.bytes / 2 ** 20)],
    ['peak RSS of efs, MiB', grouped(peak / 2 ** 20)],
    ['readers at the end of the load', of('efs_stream_readers')],
    ['changes skipped for newer ones', of('efs_stream_changes_skipped_total')],
    ['readers dropped', of('efs_stream_readers_dropped_total')],
    ['ended streams of readers that read', grouped(figures.ended)],
  ]);
}
