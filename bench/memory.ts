import Redis from 'ioredis';
import { must } from '../src/base/assert';
import type { Feedback } from '../src/feedback/feedback';
import { partitionOf } from '../src/log/partitioner';
import { feedback, ORDINARY_TRAFFIC } from '../src/simulation/traffic';
import { decodeDeadlineEntry } from '../src/pipeline/timer-index';
import { TIMER_INDEX_HASH } from '../src/store/hashes';
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
    const { bytes, timer } = await load(messages, count);
    const name = `Redis bytes per message, ${grouped(count)} bucket(s)`;
    rows.push(against(name, bytes, count === 1 ? { most: 120 } : {}, 1));
    if (count === 1)
      rows.push(against('  of them the timer index, per waiting message', timer, { most: 8 }, 1));
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

/** Folds the feedback on so many messages; returns the Redis bytes for each of them, and those of its timer. */
async function load(messages: number, buckets: number): Promise<{ bytes: number; timer: number }> {
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
    return { bytes: ((await usedMemory(redis)) - before) / messages, timer: await timerBytes(redis) };
  } finally {
    redis.disconnect();
    await server.stop();
  }
}
