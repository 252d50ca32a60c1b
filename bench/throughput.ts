import { mkdtempSync, rmSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import Redis from 'ioredis';
import { assert } from '../src/base/assert';
import { CONTRIBUTIONS_TOPIC } from '../src/feedback/topics';
import { consumingSince, readMetrics, type RunningEfs, startEfs, sumOf } from './efs';
import { lastChange, readKpis } from './outcome';
import { cpuSeconds, machineSeconds, peakRss, sleep } from './processes';
import { CONSUME_ONLY, runPeer } from './peer';
import { printProfile } from './profile';
import { against, type Floor, grouped, median, printTable } from './report';
import { countRecords, fill, inputTopics, startWorld, type World } from './world';

export interface ThroughputOptions {
  /** Feedback records in the topics, roughly. */
  readonly records: number;
  readonly repeat: number;
  readonly profile: boolean;
  /** Repeats every run with inputs in this codec; `off` does not. */
  readonly compression: string;
}

/** Duplicates included. */
export const RECORDS_PER_MESSAGE = 2.2;
const POLL_MS = 1_000;
/** Polls without a new record after which the run is over. */
const QUIET_POLLS = 2;

/** One run: CPU in microseconds per feedback record. */
interface Run {
  readonly records: number;
  readonly seconds: number;
  readonly rate: number;
  readonly efs: number;
  readonly redis: number;
  readonly kafka: number;
  readonly rss: number;
  /** Share of the machine's CPU that other processes used meanwhile. */
  readonly others: number;
  readonly bytesPerMessage: number;
  readonly peerRate: number;
  readonly peerCpu: number;
  readonly peerBroker: number;
  /** Records per second with compressed inputs; null where there were none. */
  readonly compressedRate: number | null;
}

/** The speed and cost of draining full topics into an empty Redis, KPI changes included. */
export async function benchThroughput(options: ThroughputOptions): Promise<void> {
  const world = await startWorld();
  try {
    const runs: Run[] = [];
    for (let turn = 1; turn <= options.repeat; turn++) {
      runs.push(await measure(world, `run${turn}.`, turn, options));
      const { rate, seconds } = runs.at(-1) as Run;
      console.log(`run ${turn}: ${grouped(rate)} records/s, ${grouped(seconds, 1)} s`);
    }
    show(runs);
  } finally {
    await world.stop();
  }
}

async function measure(
  world: World,
  prefix: string,
  seed: number,
  { records, profile, compression }: ThroughputOptions,
): Promise<Run> {
  const simulated = Math.ceil(records / RECORDS_PER_MESSAGE);
  console.log(`run ${seed}: filling the topics with the feedback on ${grouped(simulated)} messages ...`);
  const messages = await fill(world, prefix, simulated, seed);
  const produced = await countRecords(world, inputTopics(prefix));
  const peer = await runPeer(world, prefix, CONSUME_ONLY, produced);
  const drained = await drain(world, prefix, { produced, messages, profile });
  const compressed = async (): Promise<number> => {
    const other = `${prefix}${compression}.`;
    const withFeedback = await fill(world, other, simulated, seed, { compression });
    return (await drain(world, other, { produced, messages: withFeedback, profile: false })).rate;
  };
  return {
    ...drained,
    records: produced,
    peerRate: peer.rate,
    peerCpu: peer.own,
    peerBroker: peer.kafka,
    compressedRate: compression === 'off' ? null : await compressed(),
  };
}

/** What a drain has to do, and the number of workers that share it; 1 by default. */
export interface Load {
  readonly produced: number;
  readonly messages: number;
  readonly profile: boolean;
  readonly workers?: number;
}

/** The cost of a drain by all of its workers. */
export type Drained = Omit<Run, 'records' | 'peerRate' | 'peerCpu' | 'peerBroker' | 'compressedRate'>;

/**
 * Runs the service until everything is drained, and checks that every message is in the KPIs. With several workers, the rate is
 * that of the records which are left when the last one has partitions.
 */
export async function drain(world: World, prefix: string, load: Load): Promise<Drained> {
  const redis = new Redis(world.redisUrl);
  const profiles = mkdtempSync(join(tmpdir(), 'efs-bench-'));
  await redis.flushall();
  const usedBefore = await usedMemory(redis);
  const node = load.profile ? ['--cpu-prof', `--cpu-prof-dir=${profiles}`] : [];
  const starting = Array.from({ length: load.workers ?? 1 }, () => startEfs(world.settings(prefix), node));
  const workers = await Promise.all(starting);
  const stop = () => Promise.all(workers.map((worker) => worker.stop()));
  try {
    const begun = Math.max(...(await Promise.all(workers.map(consumingSince))));
    const already = workers.length === 1 ? 0 : await foldedOf(workers, prefix);
    const pids = { efs: workers.map(({ pid }) => pid), kafka: [world.pids.kafka], redis: [world.pids.redis] };
    const before = usage(pids);
    await untilDrained(world, workers, prefix, load.produced);
    const after = usage(pids);
    const watched = (after.at - before.at) * availableParallelism();
    const own = after.total - before.total;
    const rss = Math.max(...workers.map(({ pid }) => peakRss(pid)));
    const used = (await usedMemory(redis)) - usedBefore;
    if (load.profile) await showBatches(workers);
    await stop();
    const seconds = ((await lastChange(world, prefix)) - begun) / 1000;
    const { relayed } = await readKpis(world, prefix);
    assert(relayed === load.messages, `${relayed} of ${load.messages} messages are in the KPIs`);
    if (load.profile) printProfile(profiles, load.produced);
    const records = load.produced - already;
    const perRecord = (name: keyof typeof pids) => ((after.of[name] - before.of[name]) * 1e6) / records;
    return {
      seconds,
      rate: records / seconds,
      efs: perRecord('efs'),
      redis: perRecord('redis'),
      kafka: perRecord('kafka'),
      rss,
      others: (after.machine - before.machine - own) / watched,
      bytesPerMessage: used / load.messages,
    };
  } finally {
    await stop();
    redis.disconnect();
    rmSync(profiles, { recursive: true });
  }
}

/** Prints the batches of both pipelines. */
async function showBatches(workers: readonly RunningEfs[]): Promise<void> {
  const samples = await readAll(workers);
  for (const pipeline of ['status', 'kpi']) {
    const label = `pipeline="${pipeline}"`;
    const batches = sumOf(samples, 'efs_batches_total', label);
    const millis = (what: string) =>
      grouped((sumOf(samples, `efs_${what}_duration_seconds_sum`, label) / batches) * 1000, 1);
    console.log(
      `${pipeline}: ${batches} batches of ${millis('batch')} ms, ${millis('commit')} of it the commit`,
    );
  }
}

const readAll = async (workers: readonly RunningEfs[]) =>
  (await Promise.all(workers.map(readMetrics))).flat();

/** Records of the inputs that were folded or dead-lettered so far. */
async function foldedOf(workers: readonly RunningEfs[], prefix: string): Promise<number> {
  const samples = await readAll(workers);
  const folded = (topic: string) => sumOf(samples, 'efs_records_total', `topic="${topic}"`);
  return inputTopics(prefix).reduce((sum, topic) => sum + folded(topic), 0);
}

/** CPU seconds used so far: by the processes of each name, by all of them and this one, by the machine; and the time. */
function usage<Name extends string>(pids: Record<Name, readonly number[]>) {
  const entries = (Object.entries(pids) as [Name, readonly number[]][]).map(([name, of]) => [
    name,
    of.reduce((sum, pid) => sum + cpuSeconds(pid), 0),
  ]);
  const of = Object.fromEntries(entries) as Record<Name, number>;
  const total = Object.values<number>(of).reduce((sum, seconds) => sum + seconds, cpuSeconds(process.pid));
  return { of, total, machine: machineSeconds(), at: performance.now() / 1000 };
}

export async function usedMemory(redis: Redis): Promise<number> {
  return Number(/^used_memory:(\d+)/m.exec(await redis.info('memory'))?.[1]);
}

/**
 * Waits until all inputs are folded or dead-lettered, all contributions are folded, and no record is new. The end is taken
 * from the log's timestamps, not from the polls: frequent polling would cost the service CPU.
 */
export async function untilDrained(
  world: World,
  workers: readonly RunningEfs[],
  prefix: string,
  produced: number,
): Promise<void> {
  const contributions = prefix + CONTRIBUTIONS_TOPIC;
  let quiet = 0;
  let last = -1;
  while (quiet < QUIET_POLLS) {
    await sleep(POLL_MS);
    if ((await foldedOf(workers, prefix)) < produced) continue;
    const folded = sumOf(await readAll(workers), 'efs_records_total', `topic="${contributions}"`);
    const isQuiet = folded === last && folded === (await countRecords(world, [contributions]));
    quiet = isQuiet ? quiet + 1 : 0;
    last = folded;
  }
}

function show(runs: readonly Run[]): void {
  const middle = (figure: (run: Run) => number): number => median(runs.map(figure));
  const total = (run: Run): number => run.efs + run.redis + run.kafka;
  const compressed = runs.some(({ compressedRate }) => compressedRate !== null);
  console.log(
    `\n${grouped(middle((run) => run.records))} records, medians of ${runs.length} run(s), Node ${process.version}\n`,
  );
  const row = (name: string, figure: (run: Run) => number, decimals: number, floor: Floor = {}) =>
    against(name, middle(figure), floor, decimals);
  printTable([
    ['', 'measured', 'floor', ''],
    row('records/s, to emitted KPIs', (run) => run.rate, 0, { least: 100_000 }),
    row('CPU µs per record: efs, Redis, broker', total, 1, { most: 12 }),
    row('  efs', (run) => run.efs, 1),
    row('  Redis', (run) => run.redis, 1),
    row('  broker', (run) => run.kafka, 1),
    row('peak RSS of efs, MiB', (run) => run.rss / 2 ** 20, 0, { most: 400 }),
    row('Redis bytes per message', (run) => run.bytesPerMessage, 1, { most: 120 }),
    row('kafkajs that only consumes, records/s', (run) => run.peerRate, 0),
    row('  its CPU µs per record', (run) => run.peerCpu, 1),
    row("  its broker's", (run) => run.peerBroker, 1),
    row('CPU of the machine that others took, %', (run) => run.others * 100, 0),
    row('efs rate / consume-only rate', (run) => run.rate / run.peerRate, 2),
    ...(compressed
      ? [
          row('records/s with compressed inputs', (run) => run.compressedRate ?? 0, 0),
          row('  in % of uncompressed', (run) => ((run.compressedRate ?? 0) / run.rate) * 100, 0, {
            least: 85,
          }),
        ]
      : []),
  ]);
}
