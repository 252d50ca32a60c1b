import { PerformanceObserver } from 'node:perf_hooks';
import Redis from 'ioredis';
import { must } from '../src/base/assert';
import { systemClock } from '../src/base/clock';
import { feedbackDecoder } from '../src/feedback/decode';
import { readBatches } from '../src/kafka/fetch.kafka';
import { partitionOf } from '../src/log/partitioner';
import { partitionBuffer } from '../src/kafka/partition-buffer.kafka';
import type { RecordBatch } from '../src/kafka/records.kafka';
import { parseWriterSchema } from '../src/avro/schema';
import { SCHEMAS } from '../src/feedback/schemas';
import { FEEDBACK_TOPICS } from '../src/feedback/topics';
import { encodeBatch } from '../src/kafka/encode.kafka';
import type { OutgoingRecord } from '../src/log/sink';
import { wireEncoder } from '../src/feedback/encode';
import { ORDINARY_TRAFFIC, traffic } from '../src/simulation/traffic';
import { redisStore } from '../src/store/store.redis';
import { startRedis } from '../test/servers/redis';
import { cpuSeconds } from './processes';
import { grouped, median, printTable } from './report';
import { type BenchTask, openTasks } from './tasks';
import { PARTITIONS } from './world';

export interface PathOptions {
  readonly messages: number;
  /** Passes of the same bytes, each into an empty Redis. The first one is a warm-up. */
  readonly repeat: number;
}

/** Undecoded batches of one partition, by topic index. */
type Log = readonly (readonly RecordBatch[])[];

const PRODUCED_AT_ONCE = 300;
const BATCH = 2_000;
const INBOX = { records: 8_000, bytes: 1 << 20, bytesInAll: 24 << 20 };
const LIMITS = ORDINARY_TRAFFIC.limits;
const SCHEMA_IDS = {
  Relayed: 1,
  Delivered: 2,
  HardBounced: 3,
  SoftBounced: 4,
  RetryOutcome: 5,
  Complained: 6,
};

interface Pass {
  readonly records: number;
  /** CPU microseconds per record. */
  readonly node: number;
  readonly redis: number;
  /** Microseconds per record for which garbage collection blocked the thread. */
  readonly gc: number;
}

/**
 * The cost of the status pipeline from the bytes of a fetch to the commit in a real Redis, without Kafka: one process,
 * all of whose CPU is counted. Steadier than `throughput`, and it starts in a second.
 */
export async function benchPath({ messages, repeat }: PathOptions): Promise<void> {
  const logs = await makeLogs(messages);
  const server = await startRedis();
  const redis = new Redis(server.url);
  try {
    const passes: Pass[] = [];
    for (let turn = 0; turn <= repeat; turn++) {
      await redis.flushall();
      const pass = await measure(redis, server.pid(), logs);
      if (turn > 0) passes.push(pass);
    }
    const middle = (figure: (pass: Pass) => number): string => grouped(median(passes.map(figure)), 2);
    printTable([
      [`${grouped(passes[0]?.records ?? 0)} records, medians of ${repeat}`, 'µs per record'],
      ['node, CPU of all threads', middle((pass) => pass.node)],
      ['  its thread blocked by garbage collection', middle((pass) => pass.gc)],
      ['Redis, CPU', middle((pass) => pass.redis)],
    ]);
  } finally {
    redis.disconnect();
    await server.stop();
  }
}

/** The bytes as a broker sends them. */
async function makeLogs(messages: number): Promise<Log[]> {
  const waiting = Array.from({ length: PARTITIONS }, () => FEEDBACK_TOPICS.map((): OutgoingRecord[] => []));
  const logs = waiting.map((topics) => topics.map((): RecordBatch[] => []));
  const flush = (partition: number, topic: number): void => {
    const records = must(waiting[partition]?.[topic], 'a topic').splice(0);
    if (records.length === 0) return;
    const log = must(logs[partition]?.[topic], 'a topic');
    const bytes = encodeBatch(records, ORDINARY_TRAFFIC.startAt);
    bytes.writeBigInt64BE(BigInt(log.at(-1)?.nextOffset ?? 0), 0);
    log.push(
      ...readBatches(bytes, [], {
        topic: '',
        partition,
        end: Number.MAX_SAFE_INTEGER,
        maxBatchBytes: 64 << 20,
      }),
    );
  };
  const campaign = { ...ORDINARY_TRAFFIC, messages, deliveries: 40, disorder: 0.05, duplicates: 0.05 };
  for (const { topic, key, value } of traffic(campaign, wireEncoder(SCHEMA_IDS))) {
    const partition = partitionOf(must(key, 'a key'), PARTITIONS);
    const records = must(waiting[partition]?.[topic], 'a topic');
    records.push({ topic: '', partition, key, value });
    if (records.length >= PRODUCED_AT_ONCE) flush(partition, topic);
  }
  for (let partition = 0; partition < PARTITIONS; partition++)
    for (const topic of FEEDBACK_TOPICS.keys()) flush(partition, topic);
  return logs;
}

async function measure(redis: Redis, redisPid: number, logs: readonly Log[]): Promise<Pass> {
  const schemas = new Map(
    Object.entries(SCHEMA_IDS).map(([name, id]) => [id, parseWriterSchema(SCHEMAS[name as 'Relayed'].text)]),
  );
  const decode = feedbackDecoder({
    registry: { schemaById: async (id: number) => schemas.get(id) ?? null } as never,
    clock: systemClock,
    limits: LIMITS,
    topics: FEEDBACK_TOPICS,
    partitioner: 'murmur2',
    partitions: PARTITIONS,
  });
  const tasks = await openTasks(redisStore(redis, { namespace: 'bench' }), 1, decode);
  let gc = 0;
  const observer = new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) gc += entry.duration;
  });
  observer.observe({ entryTypes: ['gc'] });
  const begun = { node: process.cpuUsage(), redis: cpuSeconds(redisPid) };
  const folded = await Promise.all(
    tasks.map((task, partition) => drain(task, logs[partition] ?? [], partition)),
  );
  const node = process.cpuUsage(begun.node);
  const records = folded.reduce((sum, count) => sum + count, 0);
  const redisMicros = (cpuSeconds(redisPid) - begun.redis) * 1e6;
  observer.disconnect();
  return {
    records,
    node: (node.user + node.system) / records,
    redis: redisMicros / records,
    gc: (gc * 1e3) / records,
  };
}

async function drain(task: BenchTask, log: Log, partition: number): Promise<number> {
  const queue = partitionBuffer({
    topics: FEEDBACK_TOPICS.map(({ topic }) => topic),
    partition,
    positions: FEEDBACK_TOPICS.map(() => 0),
    limits: INBOX,
    held: { bytes: 0 },
    onArrival: () => undefined,
    onRoom: () => undefined,
  });
  const next = log.map(() => 0);
  let folded = 0;
  for (;;) {
    for (const [topic, lane] of queue.targets.entries()) {
      const batch = log[topic]?.[next[topic] ?? 0];
      if (batch === undefined || !lane.hasCapacity()) continue;
      lane.deliver([batch], batch.nextOffset, 0);
      next[topic] = (next[topic] ?? 0) + 1;
    }
    if (
      queue.size() >= BATCH ||
      (queue.pending() && log.every((batches, topic) => next[topic] === batches.length))
    )
      folded += await task.process(queue.take(BATCH));
    else if (!queue.pending()) return folded;
  }
}
