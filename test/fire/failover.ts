import { pollMs } from '../servers/child';
import type { KafkaServer } from '../servers/kafka';
import { areInSync, haveLeadersWithout, rolesOf } from './brokers';
import type { EventLog } from './chaos';
import { type Verdict, verdict } from './evidence';
import { type KpiFlow, watchKpis } from './kpi-flow';
import { lastLines, type Worker } from './processes';
import { masterOf, type ShardedRedis } from './shards';
import { drain, type Stage, until, untidy } from './stage';

/** One server that is taken down and restarted. */
interface Target {
  readonly kind: 'broker' | 'Redis master';
  /** Its name and current role. */
  describe(): Promise<string>;
  takeDown(): Promise<void>;
  /** Whether other servers have taken over its work. */
  isReplaced(): Promise<boolean>;
  start(): Promise<void>;
  /** Whether everything is in sync again. */
  isWhole(): Promise<boolean>;
}

/** A broker; with SIGTERM it hands its partitions over first. Brokers count from 1. */
export function brokerTarget(
  kafka: KafkaServer,
  id: number,
  { stage, signal }: { readonly stage: Stage; readonly signal: 'SIGKILL' | 'SIGTERM' },
): Target {
  const node = kafka.nodes[id - 1] as KafkaServer['nodes'][number];
  const groupId = stage.settings['EFS_GROUP_ID'] ?? '';
  return {
    kind: 'broker',
    describe: async () => `broker ${id} [${await rolesOf(kafka, id, groupId)}]`,
    takeDown: () => node.kill(signal),
    isReplaced: () => haveLeadersWithout(kafka, id),
    start: () => node.restart(),
    isWhole: () => areInSync(kafka),
  };
}

/** The master of a shard, whichever member that is at the time. Without a replica nothing replaces it. Shards count from 1. */
export function masterTarget(redis: ShardedRedis, id: number): Target {
  const shard = redis.shards[id - 1] ?? [];
  let master: Awaited<ReturnType<typeof masterOf>> = null;
  return {
    kind: 'Redis master',
    async describe() {
      master = await masterOf(shard);
      return `Redis master ${id} [port ${master?.port}]`;
    },
    takeDown: async () => master?.kill(),
    isReplaced: async () => shard.length === 1 || (await masterOf(shard)) !== null,
    start: async () => master?.restart(),
    isWhole: redis.isWhole,
  };
}

/** The cost of one server's failure; milliseconds since then. */
export interface Failover extends Pick<Target, 'kind'> {
  readonly what: string;
  /** Until others have taken over: every partition has a leader, the shard a master. */
  readonly replacedMs: number;
  /** From then until every partition had new KPI records. */
  readonly resumedMs: number;
}

const DOWN_MS = 5_000;
const WITHIN_MS = 120_000;
/** Few deliveries: messages expire delivery by delivery, and each takes a commit. */
const CAMPAIGN = { messages: 10_000, deliveries: 8 };

async function failOver(target: Target, flow: KpiFlow, events: EventLog): Promise<Failover> {
  const what = await target.describe();
  events.add(`${what} goes down`);
  const at = Date.now();
  await target.takeDown();
  await until(`${what} is replaced`, target.isReplaced, WITHIN_MS);
  const replaced = Date.now();
  const replacedMs = replaced - at;
  events.add(`replaced after ${replacedMs} ms`);
  await pollMs(Math.max(0, at + DOWN_MS - Date.now()));
  await target.start();
  await until(`${what} is back`, target.isWhole, WITHIN_MS);
  const back = Date.now();
  events.add('back, and everything in sync');
  await until('KPI records come again', () => flow.hasFlowedSince(back), WITHIN_MS);
  const resumedMs = flow.resumedSince(replaced) - replaced;
  events.add(`KPI records had come again ${resumedMs} ms after that`);
  return { kind: target.kind, what, replacedMs, resumedMs };
}

export interface FailoverRun {
  readonly failovers: readonly Failover[];
  readonly records: number;
  readonly perSecond: number;
  readonly found: Verdict;
}

/**
 * Runs two workers and takes down one target after the other under feedback at a rate, each once everything is in sync
 * again; then waits until all is folded, and compares with the recount. Throws where a worker ends, a server does not
 * come back, or KPI records do not.
 */
export async function failOverEach(
  stage: Stage,
  targets: readonly Target[],
  how: { readonly seed: number; readonly perSecond: number; readonly events: EventLog },
): Promise<FailoverRun> {
  const { seed, perSecond, events } = how;
  const workers = ['worker 1', 'worker 2'].map((name) => stage.run(name));
  const enough = new AbortController();
  const flow = watchKpis(stage);
  const began = Date.now();
  const producing = stage.produce(campaigns(stage, seed, enough.signal), perSecond, { catchUp: true });
  producing.catch(() => undefined);
  const failovers: Failover[] = [];
  const takingDown = async (): Promise<void> => {
    await until('KPI records come', () => flow.hasFlowedSince(began), WITHIN_MS);
    for (const target of targets) {
      if (!enough.signal.aborted) failovers.push(await failOver(target, flow, events));
    }
  };
  const taken = takingDown();
  try {
    await Promise.race([taken, ...workers.map(isLost)]);
  } finally {
    enough.abort();
    // A server that is down is restarted also where a worker has ended meanwhile.
    await taken.catch(() => undefined);
    await flow.close();
  }
  const records = await producing;
  const seconds = (Date.now() - began) / 1000;
  events.add(`${records} records produced in ${Math.round(seconds)} s`);
  await drain(stage, 2 * WITHIN_MS).catch(async (error: unknown) => {
    for (const worker of workers) events.add(await lastLines(worker));
    throw error;
  });
  events.add('everything is folded');
  const found = await verdict(stage);
  return { failovers, records, perSecond: records / seconds, found };
}

/** Rejects when a worker ends. */
async function isLost(worker: Worker): Promise<never> {
  const { exitCode, err } = await worker.ended;
  throw new Error(`${worker.name} ended with ${String(exitCode)}: ${err}`);
}

/** One disordered campaign after the other, the last one to its end. */
function* campaigns(stage: Stage, seed: number, enough: AbortSignal) {
  for (let next = seed; !enough.aborted; next += 1) {
    yield* untidy(stage.encode, { ...CAMPAIGN, seed: next });
  }
}
