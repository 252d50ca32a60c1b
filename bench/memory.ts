import Redis from 'ioredis';
import { must } from '../src/base/assert';
import type { Feedback } from '../src/feedback/feedback';
import { partitionOf } from '../src/log/partitioner';
import { feedback, ORDINARY_TRAFFIC } from '../src/simulation/traffic';
import { decodeDeadlineEntry } from '../src/pipeline/timer-index';
import { CONTRIBUTIONS_HASH, TIMER_INDEX_HASH } from '../src/store/hashes';
import { redisStore } from '../src/store/store.redis';
import { startRedis } from '../test/servers/redis';
import { sleep } from './processes';
import { against, grouped, printTable } from './report';
import { openTasks } from './tasks';
import { usedMemory } from './throughput';
import { PARTITIONS } from './world';

export interface MemoryOptions {
  readonly messages: number;
  /** Bucket counts to try: hashes per delivery and partition. */
  readonly buckets: readonly number[];
}

const BATCH = 1_000;

/** The Redis memory of a message: simulated feedback, folded by the real pipeline into the real store. */
export async function benchMemory({ messages, buckets }: MemoryOptions): Promise<void> {
  const rows: string[][] = [['', 'bytes', 'floor', '']];
  for (const count of buckets) {
    const { bytes, timer, contribution } = await load(messages, count);
    const name = `Redis bytes per message, ${grouped(count)} bucket(s)`;
    rows.push(against(name, bytes, count === 1 ? { most: 120 } : {}, 1));
    if (count > 1) continue;
    rows.push(against('  of them the timer index, per waiting message', timer, { most: 8 }, 1));
    rows.push(against('what a retired delivery leaves in a status task', contribution, {}, 0));
  }
  console.log(`\n${grouped(messages)} messages, 40 deliveries, ${PARTITIONS} partitions\n`);
  printTable(rows);
}

/** Bytes of the timer index for each message in it. */
async function timerBytes(redis: Redis): Promise<number> {
  let bytes = 0;
  let waiting = 0;
  for (const key of await redis.keys(`*:h:${TIMER_INDEX_HASH}`)) {
    bytes += must(await redis.memory('USAGE', key, 'SAMPLES', 0), 'a key');
    for (const entry of await redis.hvalsBuffer(key)) waiting += decodeDeadlineEntry(entry).count;
  }
  return bytes / waiting;
}

/** Bytes of a delivery's contribution in a partition. */
async function contributionBytes(redis: Redis): Promise<number> {
  let bytes = 0;
  let deliveries = 0;
  for (const key of await redis.keys(`*:h:${CONTRIBUTIONS_HASH}`)) {
    bytes += must(await redis.memory('USAGE', key, 'SAMPLES', 0), 'a key');
    deliveries += await redis.hlen(key);
  }
  return bytes / deliveries;
}

/** Redis bytes: of each message, of each timer, and of each contribution. */
interface Loaded {
  readonly bytes: number;
  readonly timer: number;
  readonly contribution: number;
}

/** Folds the feedback on so many messages. */
async function load(messages: number, buckets: number): Promise<Loaded> {
  const server = await startRedis();
  const redis = new Redis(server.url);
  try {
    const before = await usedMemory(redis);
    const tasks = await openTasks(redisStore(redis, { namespace: 'bench' }), buckets);
    const waiting = tasks.map((): Feedback[] => []);
    const flush = async (partition: number): Promise<void> => {
      const inputs = must(waiting[partition], 'a partition').splice(0);
      await must(tasks[partition], 'a task').fold(inputs);
    };
    for (const each of feedback({ ...ORDINARY_TRAFFIC, messages, deliveries: 40 })) {
      const partition = partitionOf(Buffer.from(each.messageId), PARTITIONS);
      if (must(waiting[partition], 'a partition').push(each) >= BATCH) await flush(partition);
    }
    for (const partition of waiting.keys()) await flush(partition);
    await sleep(1_000); // large hashes are still moving into their larger tables
    const bytes = ((await usedMemory(redis)) - before) / messages;
    return { bytes, timer: await timerBytes(redis), contribution: await contributionBytes(redis) };
  } finally {
    redis.disconnect();
    await server.stop();
  }
}
