import { must } from '../../src/base/assert';
import { DeliveryId } from '../../src/base/ids';
import type { Feedback } from '../../src/feedback/feedback';
import { SCHEMAS } from '../../src/feedback/schemas';
import { domainGroups } from '../../src/kpi/domains';
import { type Contribution, wireType } from '../../src/kpi/encode';
import type { OutgoingRecord } from '../../src/log/sink';
import type { Projected } from '../../src/pipeline';
import { evictions } from '../../src/pipeline/eviction';
import { adoptRetired, retirementRecord } from '../../src/pipeline/retention';
import { messageCache } from '../../src/pipeline/message-cache';
import { planStatus, statusMemory } from '../../src/pipeline/status';
import { closeRedis, connectRedis } from '../../src/store/connect.redis';
import { redisStore } from '../../src/store/store.redis';
import type { RedisClient } from '../../src/store/scripts.redis';
import type { TaskAddress, Write } from '../../src/store/store';
import { describeWithServers } from '../servers/servers';
import { commitOf, manifestOf, start } from '../store/given';
import { mastersOf, lineLog } from '../store/redis.subject';
import { virtualClock } from '../support/clock';
import { feedback } from '../support/feedback';

const MESSAGES = 6_000;
const ADDRESS: TaskAddress = { stateId: 1, pipeline: 'status', partition: 0 };
const { partitions } = manifestOf(1);
const old = DeliveryId('old');
const contribution = wireType<Contribution>(SCHEMAS.Contribution, 1);

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
    'loses its messages page by page, in %i hashes, and keeps its contribution; other deliveries stay',
    async (buckets) => {
      const store = redisStore(client, { namespace: `${namespace}:${buckets}` });
      await store.create({ ...manifestOf(1), buckets }, start);
      const rules = {
        ...{ stateId: 1, generation: 1, partition: 0, partitions, buckets, contribution },
        ...{ statusChanged: null, retryOutcome: wireType(SCHEMAS.RetryOutcome, 2) as never },
        ...{ defaultPolicy: 'EFS' as const, groups: domainGroups([]) },
      };
      const memory = statusMemory(messageCache());
      let claim = must(await store.claim(ADDRESS, 1), 'a task laid out');
      const commit = async (writes: readonly Write[]): Promise<void> => {
        const next = commitOf(claim, { writes });
        expect(await store.commit(ADDRESS, next)).toBe('committed');
        claim = { ...claim, sequence: next.sequence, positions: next.next };
      };
      const fold = async (inputs: readonly Feedback[]): Promise<void> => {
        const plan = planStatus(rules, inputs, memory);
        await commit(plan.project(await store.load(ADDRESS, plan.reads)).writes);
      };
      for (let at = 0; at < MESSAGES; at += 1_000) {
        const ids = Array.from({ length: 1_000 }, (_, index) => `m${at + index}`);
        await fold(ids.map((messageId) => feedback.relayed({ deliveryId: old, messageId })));
      }
      await fold([feedback.relayed({ deliveryId: 'young', messageId: 'm' })]);

      const [values = []] = await store.load(ADDRESS, [{ hash: 'c', fields: [Buffer.from(old)] }]);
      const share = contribution.decode(must(values[0], 'a contribution'));
      expect(share.relayed).toBe(MESSAGES);
      const retired: OutgoingRecord = retirementRecord(rules, share, claim.positions);
      const task = { address: ADDRESS, manifest: { buckets }, store, rules, memory, clock: virtualClock() };
      const adoption = adoptRetired(
        {
          ...task,
          readRetired: async (onRecord) =>
            onRecord({
              ...{ topic: 0, partition: 0, offset: 0, timestamp: 0, headerCount: 0, headers: () => [] },
              ...{ key: retired.key, value: retired.value },
            }),
          onStranger: () => undefined,
          rejectFolded: async () => undefined,
        },
        claim.positions,
      );
      const evict = evictions({ ...task, evicting: memory.evicting });
      const sizes: number[] = [];
      const commitAll = async (commands: AsyncIterable<Projected>): Promise<void> => {
        for await (const { writes } of commands) {
          await commit(writes);
          sizes.push(writes.reduce((sum, { entries: { length } }) => sum + length, 0));
        }
      };
      await commitAll(adoption);
      expect([...memory.evicting]).toEqual([old]);
      for (let tick = 0; tick < 100; tick += 1) await commitAll(evict());
      const left = await hashesLeft(buckets);
      expect(left.map((name) => name.replace(/\d+$/, ''))).toEqual(['c', 'f', 'm/young/', 'w']);
      const kept = (await store.scan(ADDRESS, 'c', '0')).entries.map(([field, value]) => {
        const { relayed, retiredFrom } = contribution.decode(value);
        return [String(field), relayed, retiredFrom];
      });
      expect(kept.sort()).toEqual([
        ['old', MESSAGES, { 0: 7, 1: 7 }],
        ['young', 1, null],
      ]);
      expect(sizes.reduce((sum, size) => sum + size)).toBeGreaterThanOrEqual(MESSAGES);
      expect(Math.max(...sizes)).toBeLessThanOrEqual(1_100);
    },
  );
});
