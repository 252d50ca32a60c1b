import { randomBytes } from 'node:crypto';
import { systemClock } from '../../src/base/clock';
import { kafkaClient } from '../../src/kafka/client.kafka';
import type { FeedbackKind } from '../../src/feedback/feedback';
import { partitionOf } from '../../src/log/partitioner';
import { kafkaReader } from '../../src/kafka/reader.kafka';
import { confluentRegistry } from '../../src/avro/registry.confluent';
import { SCHEMAS, subjectOf } from '../../src/feedback/schemas';
import type { TopicReader } from '../../src/log/source';
import { CONTRIBUTIONS_TOPIC, FEEDBACK_TOPICS } from '../../src/feedback/topics';
import type { OutgoingRecord, Sink } from '../../src/log/sink';
import { kafkaSink } from '../../src/kafka/sink.kafka';
import { type Encode, wireEncoder } from '../../src/feedback/encode';
import { ORDINARY_TRAFFIC, traffic, type TrafficOptions } from '../../src/simulation/traffic';
import type { TrafficRecord } from '../../src/simulation/record';
import { closeRedis, connectRedis } from '../../src/store/connect.redis';
import { namespaceOf } from '../../src/store/keys';
import type { Generations, Store, TaskAddress } from '../../src/store/store';
import { redisStore } from '../../src/store/store.redis';
import { pollMs } from '../servers/child';
import type { InjectedFaults } from './faults';
import { efs, isReady, type Settings, startRun, startFaultyWorker, type Worker } from './processes';

export interface Addresses {
  readonly kafkaBrokers: readonly string[];
  readonly registryUrl: string;
  readonly redisUrl: string;
}

/** Topics, schemas and state of its own on given servers, and the processes that work on them. */
export interface Stage {
  readonly addresses: Addresses;
  readonly settings: Settings;
  readonly partitions: number;
  readonly prefix: string;
  readonly reader: TopicReader;
  readonly store: Store & Generations;
  readonly encode: Encode;
  /** `efs run`. */
  run(name: string, settings?: Settings): Worker;
  /** A test worker with injected faults. */
  faulty(name: string, injected: InjectedFaults, settings?: Settings): Worker;
  workers(): readonly Worker[];
  /**
   * Produces records at a rate, with retries during an outage of Kafka. Resolves with their number. With `catchUp` the
   * backlog of an outage is sent in larger batches.
   */
  produce(
    records: Iterable<TrafficRecord>,
    perSecond?: number,
    how?: { readonly catchUp?: boolean },
  ): Promise<number>;
  /** Kills running processes and closes the connections to the servers. */
  close(): Promise<void>;
}

/** Far longer than anything takes on an idle machine. */
const WITHIN_MS = 90_000;

/**
 * Waits until something holds; throws with its description where it does not come true in time. `everyMs` spares the servers
 * where to ask costs them much.
 */
export async function until(
  what: string,
  holds: () => boolean | Promise<boolean>,
  withinMs = WITHIN_MS,
  everyMs = 50,
): Promise<void> {
  const deadline = Date.now() + withinMs;
  while (!(await holds())) {
    if (Date.now() > deadline) throw new Error(`not within ${withinMs} ms: ${what}`);
    await pollMs(everyMs);
  }
}

/** Disordered traffic: out of order, with duplicates, asynchronous bounces, poison, all policies. */
export function untidy(
  encode: Encode,
  options: Partial<TrafficOptions> & { seed: number; messages: number },
): Iterable<TrafficRecord> {
  const mess = { disorder: 0.3, duplicates: 0.05, poison: 0.004 };
  return traffic({ ...ORDINARY_TRAFFIC, ...mess, policyMix: { efs: 0.4, relay: 0.4 }, ...options }, encode);
}

async function encoderOf(registryUrl: string, prefix: string): Promise<Encode> {
  const registry = confluentRegistry({ url: registryUrl, timeoutMs: 5_000 });
  const ids = await Promise.all(
    FEEDBACK_TOPICS.map(async ({ topic, kind }) => {
      return [kind, await registry.idOf(subjectOf(prefix, topic), SCHEMAS[kind].text)] as const;
    }),
  );
  return wireEncoder(Object.fromEntries(ids) as Record<FeedbackKind, number>);
}

function outgoing(
  { topic, key, value, headers, misplaced }: TrafficRecord,
  partitions: number,
): OutgoingRecord {
  const home = key === null ? 0 : partitionOf(key, partitions);
  const partition = misplaced ? (home + 1) % partitions : home;
  return { topic: FEEDBACK_TOPICS[topic]?.topic ?? '', partition, key, value, headers };
}

const BATCH_MAX = 2_000;

async function produceInto(
  sink: Sink,
  partitions: number,
  records: Iterable<TrafficRecord>,
  { perSecond, catchUp }: { readonly perSecond: number; readonly catchUp: boolean },
  closed: AbortSignal,
): Promise<number> {
  const began = Date.now();
  let sent = 0;
  let batch: OutgoingRecord[] = [];
  const least = Math.max(1, Math.min(BATCH_MAX, Math.round(perSecond / 20)));
  const most = catchUp ? BATCH_MAX : least;
  const due = (): number => ((Date.now() - began) * perSecond) / 1_000 - sent;
  const isFull = (): boolean => batch.length >= least && batch.length >= Math.min(most, due());
  const flush = async (): Promise<void> => {
    const early = (-due() * 1_000) / perSecond;
    if (early > 0) await pollMs(early);
    for (;;) {
      try {
        await sink.emit(batch);
        break;
      } catch (error) {
        if (closed.aborted) throw error;
        await pollMs(200);
      }
    }
    sent += batch.length;
    batch = [];
  };
  for (const record of records) {
    batch.push(outgoing(record, partitions));
    if (isFull()) await flush();
  }
  if (batch.length > 0) await flush();
  return sent;
}

/** Sets up topics and schemas under a prefix, by default one of their own. */
export async function openStage(
  addresses: Addresses,
  options: { partitions?: number; prefix?: string; settings?: Settings } = {},
): Promise<Stage> {
  const { partitions = 6, prefix = `fire-${randomBytes(4).toString('hex')}.` } = options;
  const settings: Settings = {
    EFS_KAFKA_BROKERS: addresses.kafkaBrokers.join(','),
    EFS_SCHEMA_REGISTRY_URL: addresses.registryUrl,
    EFS_REDIS_URL: addresses.redisUrl,
    EFS_TOPIC_PREFIX: prefix,
    EFS_GROUP_ID: `${prefix}efs`,
    EFS_SESSION_TIMEOUT_MS: '6000',
    ...options.settings,
  };
  const namespace = namespaceOf(settings['EFS_GROUP_ID'] ?? '', prefix);
  // A registry that has just started answers slowly at first, whatever a test expects of it later.
  const patient = { ...settings, EFS_REGISTRY_TIMEOUT_MS: '30000' };
  const made = await efs(['setup', '--partitions', String(partitions)], patient);
  if (made.exitCode !== 0) throw new Error(`efs setup: ${made.err}`);
  const kafka = kafkaClient({ brokers: [...addresses.kafkaBrokers], clientId: 'test' });
  const reader = kafkaReader(kafka, systemClock);
  const sink = kafkaSink(kafka, { clock: systemClock, prefix });
  const noLog = { info: () => undefined, warn: () => undefined };
  const redis = await connectRedis(addresses.redisUrl, { log: noLog, name: 'test' });
  const workers: Worker[] = [];
  const closed = new AbortController();
  const keep = (worker: Worker): Worker => {
    workers.push(worker);
    return worker;
  };
  return {
    addresses,
    settings,
    partitions,
    prefix,
    reader,
    store: redisStore(redis, { namespace }),
    encode: await encoderOf(addresses.registryUrl, prefix),
    run: (name, own = {}) => keep(startRun(name, { ...settings, ...own })),
    faulty: (name, injected, own = {}) => keep(startFaultyWorker(name, { ...settings, ...own }, injected)),
    workers: () => workers,
    produce: (records, perSecond = 1e9, { catchUp = false } = {}) =>
      produceInto(sink, partitions, records, { perSecond, catchUp }, closed.signal),
    async close() {
      closed.abort();
      for (const worker of workers) worker.signal('SIGKILL');
      await Promise.all(workers.map(({ ended }) => ended));
      await Promise.all([reader.close(), sink.close()]);
      closeRedis(redis);
    },
  };
}

/** The state of every task, or null where there is none. */
export async function standing(stage: Stage, pipeline: TaskAddress['pipeline']) {
  const manifest = await stage.store.active();
  if (manifest === null) return null;
  const { stateId } = manifest;
  return Promise.all(
    Array.from({ length: stage.partitions }, (_, partition) =>
      stage.store.inspect({ stateId, pipeline, partition }),
    ),
  );
}

/** The lag of a pipeline, as `topic/partition: position of end`. */
async function behind(
  stage: Stage,
  pipeline: TaskAddress['pipeline'],
  topics: readonly string[],
): Promise<string[]> {
  const tasks = await standing(stage, pipeline);
  if (tasks === null) return ['there is no state'];
  const found: string[] = [];
  for (const [partition, task] of tasks.entries()) {
    for (const [index, topic] of topics.entries()) {
      const { high } = await stage.reader.watermarks(stage.prefix + topic, partition);
      const position = task?.positions[index] ?? 0;
      if (position < high) found.push(`${topic}/${partition}: ${position} of ${high}`);
    }
  }
  return found;
}

/** What has not been folded yet: of the inputs, and once they all have been, of the contributions. */
async function leftToFold(stage: Stage): Promise<string[]> {
  const inputs = await behind(
    stage,
    'status',
    FEEDBACK_TOPICS.map(({ topic }) => topic),
  );
  return inputs.length > 0 ? inputs : behind(stage, 'kpi', [CONTRIBUTIONS_TOPIC]);
}

/** Whether everything that the log holds has been folded, contributions too. */
export async function isDrained(stage: Stage): Promise<boolean> {
  return (await leftToFold(stage)).length === 0;
}

/**
 * Waits until everything is folded and the workers are ready, then stops them, which drain the outboxes of their partitions;
 * repeats with one more worker where that brought new contributions. Throws where a worker does not exit with 0.
 */
export async function drain(stage: Stage, withinMs = 60_000): Promise<void> {
  for (let round = 1; ; round += 1) {
    await until('everything is folded', () => isDrained(stage), withinMs, 250).catch(
      async (error: unknown) => {
        throw new Error(`still to fold: ${(await leftToFold(stage)).join(', ')}`, { cause: error });
      },
    );
    const living = stage.workers().filter((worker) => worker.alive());
    for (const worker of living)
      await until(`${worker.name} is ready`, async () => !worker.alive() || (await isReady(worker)));
    for (const worker of living) worker.signal('SIGTERM');
    for (const worker of living) {
      const { exitCode, err } = await worker.ended;
      if (exitCode !== 0) throw new Error(`${worker.name} ended with ${String(exitCode)}: ${err}`);
    }
    if (await isDrained(stage)) return;
    stage.run(`drainer ${round}`);
  }
}
