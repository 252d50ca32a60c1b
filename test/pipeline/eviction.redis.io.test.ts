import { must } from '../../src/base/assert';
import { DeliveryId } from '../../src/base/ids';
import { SCHEMAS } from '../../src/feedback/schemas';
import { partitionOf } from '../../src/log/partitioner';
import { domainGroups } from '../../src/kpi/domains';
import { wireType } from '../../src/kpi/encode';
import { evictionCommands } from '../../src/pipeline/eviction';
import { RETENTION_SCAN_MS } from '../../src/pipeline/retention';
import { planStatus, statusMemory } from '../../src/pipeline/status';
import type { StatusInput } from '../../src/pipeline/status-input';
import { closeRedis, connectRedis } from '../../src/store/connect.redis';
import { RETIRED_HASH } from '../../src/store/hashes';
import { encodeRetirement } from '../../src/store/retired';
import { redisStore } from '../../src/store/store.redis';
import type { RedisClient } from '../../src/store/scripts.redis';
import type { TaskAddress, Write } from '../../src/store/store';
import { describeWithServers } from '../servers/servers';
import { commitOf, manifestOf, start } from '../store/given';
import { mastersOf, lineLog } from '../store/redis.subject';
import { virtualClock } from '../support/clock';
import { feedback, HOUR } from '../support/feedback';

const MESSAGES = 6_000;
const ADDRESS: TaskAddress = { stateId: 1, pipeline: 'status', partition: 0 };
const { partitions } = manifestOf(1);
const old = DeliveryId('old');

describeWithServers(['redis'], 'a retired delivery in Redis', ({ redisUrl }) => {
  let client: RedisClient;
  const namespace = `eviction-${process.pid}`;

  beforeAll(async () => {
    client = await connectRedis(redisUrl, { log: lineLog().log });
  });

  const keysLeft = (pattern: string): Promise<string[]> =>
    must(mastersOf(client)[0], 'a server').keys(pattern);
  const hashesLeft = async (buckets: number): Promise<string[]> =>
    (await keysLeft(`efs:${namespace}:${buckets}:{1.s.0}:h:*`))
      .map((key) => key.split(':h:')[1] ?? '')
      .sort();

  afterAll(async () => {
    await client.unlink(...(await keysLeft(`efs:${namespace}:*`)));
    closeRedis(client);
  });

  it.each([1, 64])(
    'is deleted page by page, with %i hashes for its messages; other deliveries stay',
    async (buckets) => {
      const store = redisStore(client, { namespace: `${namespace}:${buckets}` });
      await store.create({ ...manifestOf(1), buckets }, start, []);
      const contribution = wireType(SCHEMAS.Contribution, 1) as never;
      const retryOutcome = wireType(SCHEMAS.RetryOutcome, 2) as never;
      const rules = {
        ...{ stateId: 1, generation: 1, partition: 0, partitions, buckets, contribution, retryOutcome },
        ...{ statusChanged: null, defaultPolicy: 'EFS' as const, groups: domainGroups([]) },
      };
      const memory = statusMemory();
      let claim = must(await store.claim(ADDRESS, 1), 'a task laid out');
      const fold = async (inputs: readonly StatusInput[]): Promise<readonly Write[]> => {
        const plan = planStatus(rules, inputs, memory);
        const { writes } = plan.project(await store.load(ADDRESS, plan.reads));
        const commit = commitOf(claim, { writes });
        expect(await store.commit(ADDRESS, commit)).toBe('committed');
        claim = { ...claim, sequence: commit.sequence, positions: commit.next };
        return writes;
      };
      const retired = {
        ...ADDRESS,
        pipeline: 'kpi' as const,
        partition: partitionOf(Buffer.from(old), partitions),
      };
      const owner = must(await store.claim(retired, 1), 'a task laid out');
      const entries = [[Buffer.from(old), encodeRetirement({ at: 1, asOf: 1 })]] as const;
      await store.commit(retired, commitOf(owner, { writes: [{ hash: RETIRED_HASH, entries }] }));
      for (let at = 0; at < MESSAGES; at += 1_000) {
        const ids = Array.from({ length: 1_000 }, (_, index) => `m${at + index}`);
        await fold(ids.map((messageId) => feedback.relayed({ deliveryId: old, messageId })));
      }
      await fold([feedback.relayed({ deliveryId: 'young', messageId: 'm' })]);

      const clock = virtualClock();
      clock.advance(31 * 24 * HOUR);
      const commands = evictionCommands({
        ...{ address: ADDRESS, manifest: { partitions, buckets }, store, contribution, clock },
        retentionMs: 30 * 24 * HOUR,
        inputEnds: async () => [],
        activeUntil: memory.activeUntil,
      });
      clock.advance(RETENTION_SCAN_MS);
      const sizes: number[] = [];
      for (let tick = 0; tick < 100; tick += 1) {
        for await (const inputs of commands({ positions: [] })) {
          const writes = await fold(inputs);
          sizes.push(writes.reduce((sum, { entries: { length } }) => sum + length, 0));
        }
      }
      const left = await hashesLeft(buckets);
      expect(left.map((name) => name.replace(/\d+$/, ''))).toEqual(['c', 'f', 'm/young/', 'w']);
      expect((await store.scan(ADDRESS, 'c', '0')).entries.map(([field]) => field.toString())).toEqual([
        'young',
      ]);
      expect(sizes.reduce((sum, size) => sum + size)).toBeGreaterThanOrEqual(MESSAGES);
      expect(Math.max(...sizes)).toBeLessThanOrEqual(1_100);
    },
  );
});
