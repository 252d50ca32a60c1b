import { randomBytes, randomInt } from 'node:crypto';
import type Redis from 'ioredis';
import { assert, must } from '../src/base/assert';
import { closeRedis, connectRedis } from '../src/store/connect.redis';
import { redisStore } from '../src/store/store.redis';
import type { Claim, Commit, Read, Store, TaskAddress, Write } from '../src/store/store';
import { startRedis, type RedisServer } from '../test/servers/redis';
import { cpuSeconds } from './processes';
import { grouped, printTable } from './report';
import { usedMemory } from './throughput';

export interface StoreOptions {
  readonly messages: number;
  /** Bucket counts to try: hashes per delivery and partition. */
  readonly buckets: readonly number[];
}

const BATCH = 1_000;
const ROUNDS = 200;
const WARM_UP = 50;
const DELIVERIES = 200;
const PARTITION: TaskAddress = { stateId: 1, pipeline: 'status', partition: 0 };
const quiet = { info: () => undefined, warn: () => undefined };

/** The store alone: the cost of a load and a commit by the number of hashes, and bytes by bucket count. */
export async function benchStore({ messages, buckets }: StoreOptions): Promise<void> {
  const costs = [['µs per record, batches of 1,000', 'wall', 'node', 'redis']];
  for (const hashes of [5, 100, 200, 1_000]) costs.push(...(await measureBatches(hashes)));
  printTable(costs);
  console.log(`\n${grouped(messages)} messages of ${DELIVERIES} deliveries, the largest a sixth of them\n`);
  const sizes = [['hashes per delivery', 'messages per hash', 'bytes', 'node µs', 'redis µs']];
  for (const count of buckets) sizes.push(await measureMemory(messages, (): number => count, String(count)));
  const ofTwentyFour = (size: number): number => Math.ceil(size / 24);
  sizes.push(await measureMemory(messages, ofTwentyFour, 'one for 24'));
  printTable(sizes);
}

interface Bench {
  readonly server: RedisServer;
  readonly redis: Redis;
  readonly store: Store;
  readonly claim: Claim;
}

async function withRedis<T>(run: (bench: Bench) => Promise<T>): Promise<T> {
  const server = await startRedis();
  const client = await connectRedis(server.url, { log: quiet });
  try {
    const store = redisStore(client, { namespace: 'bench' });
    const manifest = { stateId: 1, partitions: 1, defaultPolicy: 'EFS', domainGroups: '' } as const;
    const start = { status: [[0]], kpi: [[0]] };
    await store.create(
      {
        ...manifest,
        buckets: 1,
        generation: 1,
        predecessor: null,
        contributionsFrom: [],
      },
      start,
    );
    const claim = must(await store.claim(PARTITION, 1), 'a task laid out');
    return await run({ server, redis: client as Redis, store, claim });
  } finally {
    closeRedis(client);
    await server.stop();
  }
}

const value = (): Buffer => randomBytes(randomInt(16, 21));

/** Commits batches one after the other, as an owner does. */
function committer({ store, claim }: Bench): (writes: readonly Write[]) => Promise<void> {
  let { sequence, positions } = claim;
  return async (writes) => {
    const next = positions.map((position) => position + BATCH);
    const commit: Commit = {
      epoch: claim.epoch,
      sequence: sequence + 1,
      expected: positions,
      next,
      writes,
      outbox: null,
    };
    assert((await store.commit(PARTITION, commit)) === 'committed', 'a commit');
    [sequence, positions] = [sequence + 1, next];
  };
}

/** Microseconds per record that `act` takes, for each of the batches. */
async function timed<T>(
  pid: number,
  batches: readonly T[],
  act: (batch: T) => Promise<unknown>,
): Promise<number[]> {
  for (const batch of batches.slice(0, WARM_UP)) await act(batch);
  const begun = { wall: performance.now(), node: process.cpuUsage(), redis: cpuSeconds(pid) };
  for (const batch of batches) await act(batch);
  const node = process.cpuUsage(begun.node);
  const records = batches.length * BATCH;
  return [
    ((performance.now() - begun.wall) * 1e3) / records,
    (node.user + node.system) / records,
    ((cpuSeconds(pid) - begun.redis) * 1e6) / records,
  ];
}

function measureBatches(hashes: number): Promise<string[][]> {
  return withRedis(async (bench) => {
    const each = BATCH / hashes;
    const known = Array.from({ length: hashes }, () =>
      Array.from({ length: each * 20 }, () => randomBytes(16)),
    );
    const names = known.map((_, i) => `m/campaign-2026-11-${i}/0`);
    const commit = committer(bench);
    await commit(
      known.map((fields, i) => ({ hash: names[i] ?? '', entries: fields.map((field) => [field, value()]) })),
    );
    const some = (fields: readonly Buffer[]): readonly Buffer[] => {
      const from = randomInt(fields.length - each + 1);
      return fields.slice(from, from + each);
    };
    const rounds = Array.from({ length: ROUNDS });
    const reads = rounds.map((): Read[] =>
      known.map((fields, i) => ({ hash: names[i] ?? '', fields: some(fields) })),
    );
    const writes = reads.map((batch): Write[] =>
      batch.map(({ hash, fields }) => ({ hash, entries: Array.from(fields, (field) => [field, value()]) })),
    );
    const pid = bench.server.pid();
    const row = (name: string, figures: number[]): string[] => [
      `${name}, ${grouped(hashes)} hashes`,
      ...figures.map((figure) => grouped(figure, 2)),
    ];
    return [
      row('load', await timed(pid, reads, (batch) => bench.store.load(PARTITION, batch))),
      row('commit', await timed(pid, writes, commit)),
    ];
  });
}

/** Messages of each delivery: falling as 1/n, so that some are large and most are small. */
function skewed(messages: number): number[] {
  const weights = Array.from({ length: DELIVERIES }, (_, i) => 1 / (i + 1));
  const sum = weights.reduce((a, b) => a + b);
  return weights.map((weight) => Math.round((messages * weight) / sum));
}

/** Bytes and CPU per message where each delivery has as many hashes as `bucketsOf` its size, ids spread at random. */
function measureMemory(
  messages: number,
  bucketsOf: (size: number) => number,
  name: string,
): Promise<string[]> {
  return withRedis(async (bench) => {
    const before = await usedMemory(bench.redis);
    const sizes = skewed(messages);
    const commit = committer(bench);
    const batches = sizes.flatMap((size, delivery) =>
      Array.from({ length: Math.ceil(size / BATCH) }, (_, i) => ({
        delivery,
        size: Math.min(BATCH, size - i * BATCH),
      })),
    );
    const hashOf = (delivery: number): string =>
      `m/campaign-2026-11-${delivery}/${randomInt(bucketsOf(sizes[delivery] ?? 0))}`;
    const begun = cpuSeconds(bench.server.pid());
    let node = 0;
    for (const { delivery, size } of batches) {
      const entries = new Map<string, [Buffer, Buffer][]>();
      for (let i = 0; i < size; i++) {
        const hash = hashOf(delivery);
        const list = entries.get(hash) ?? [];
        entries.set(hash, list);
        list.push([randomBytes(16), value()]);
      }
      const writes = [...entries].map(([hash, list]) => ({ hash, entries: list }));
      const usage = process.cpuUsage();
      await commit(writes);
      const { user, system } = process.cpuUsage(usage);
      node += user + system;
    }
    const redis = ((cpuSeconds(bench.server.pid()) - begun) * 1e6) / messages;
    const hashes = (await bench.redis.dbsize()) - 3;
    const bytes = ((await usedMemory(bench.redis)) - before) / messages;
    const figures = [messages / hashes, bytes, node / messages, redis];
    return [name, ...figures.map((figure) => grouped(figure, 1))];
  });
}
