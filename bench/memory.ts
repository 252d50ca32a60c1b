import Redis from 'ioredis';
import { must } from '../src/base/assert';
import { parseDomainGroups } from '../src/base/domain-groups';
import { SETTINGS } from '../src/base/settings';
import type { Feedback } from '../src/feedback/feedback';
import { partitionOf } from '../src/feedback/partitioner';
import { SCHEMAS } from '../src/feedback/schemas';
import { domainGroups } from '../src/kpi/domains';
import { type Contribution, wireType } from '../src/kpi/encode';
import { type Hold, processInputs, type TaskEnds } from '../src/pipeline';
import { planStatus, type StatusInput } from '../src/pipeline/status';
import { feedback, ORDINARY_TRAFFIC } from '../src/simulation/traffic';
import { redisStore } from '../src/store/store.redis';
import type { Manifest, TaskAddress } from '../src/store/store';
import { startRedis } from '../test/servers/redis';
import { sleep } from './processes';
import { against, grouped, printTable } from './report';
import { usedMemory } from './throughput';
import { PARTITIONS } from './world';

export interface MemoryOptions {
  readonly messages: number;
  /** Bucket counts to try: hashes per delivery and partition. */
  readonly buckets: readonly number[];
}

const BATCH = 1_000;
const START = [0, 0, 0, 0, 0];

/** What a message takes in Redis, all of it simulated feedback folded by the real pipeline into the real store. */
export async function benchMemory({ messages, buckets }: MemoryOptions): Promise<void> {
  const rows: string[][] = [['', 'bytes', 'floor', '']];
  for (const count of buckets) {
    const bytes = await load(messages, count);
    const name = `Redis bytes per message, ${grouped(count)} bucket(s)`;
    rows.push(against(name, bytes, count === 1 ? { most: 120 } : {}, 1));
  }
  console.log(`\n${grouped(messages)} messages, 40 deliveries, ${PARTITIONS} partitions\n`);
  printTable(rows);
}

/** Folds the feedback on so many messages; gives what Redis uses for each of them. */
async function load(messages: number, buckets: number): Promise<number> {
  const server = await startRedis();
  const redis = new Redis(server.url);
  try {
    const before = await usedMemory(redis);
    const tasks = await openTasks(redis, buckets);
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
    return ((await usedMemory(redis)) - before) / messages;
  } finally {
    redis.disconnect();
    await server.stop();
  }
}

/** A status task for each partition, of everything but a log. */
async function openTasks(
  redis: Redis,
  buckets: number,
): Promise<{ fold(inputs: readonly StatusInput[]): Promise<void> }[]> {
  const store = redisStore(redis, { namespace: 'bench' });
  const groups = domainGroups(parseDomainGroups(SETTINGS.domainGroups.fallback).groups);
  const partitions = Array.from({ length: PARTITIONS }, (_, partition) => partition);
  const manifest: Manifest = {
    generation: 1,
    succeeds: false,
    partitions: PARTITIONS,
    defaultPolicy: 'EFS',
    domainGroups: groups.fingerprint,
    buckets,
    targets: [],
  };
  const begin = { status: partitions.map(() => START), kpi: partitions.map(() => [0]) };
  await store.create(manifest, begin, []);
  const contribution = wireType<Contribution>(SCHEMAS.Contribution.type, 1);
  return Promise.all(
    partitions.map(async (partition) => {
      const address: TaskAddress = { generation: 1, pipeline: 'status', partition };
      const rules = {
        ...{ generation: 1, partition, partitions: PARTITIONS, buckets },
        ...{ contribution, statusChanged: null, defaultPolicy: 'EFS' as const, groups },
      };
      const ends: TaskEnds<StatusInput> = {
        decode: () => Promise.reject(new Error('nothing is decoded here')),
        setAside: async () => undefined,
        load: (reads) => store.load(address, reads),
        commit: (commit) => store.commit(address, commit),
        emit: async () => 'acknowledged',
        project: (inputs) => planStatus(rules, inputs),
      };
      const { epoch, sequence, positions } = must(await store.claim(address), 'a task laid out');
      let hold: Hold = { epoch, sequence, positions, emitted: Promise.resolve('acknowledged') };
      return {
        fold: async (inputs) => {
          const [first = 0, ...rest] = hold.positions;
          const next = [first + inputs.length, ...rest];
          hold = (await processInputs(ends, hold, { inputs, rejected: [] }, next)).hold;
        },
      };
    }),
  );
}
