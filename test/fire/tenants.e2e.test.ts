import { randomBytes } from 'node:crypto';
import Redis from 'ioredis';
import { systemClock } from '../../src/base/clock';
import { kafkaClient } from '../../src/kafka/client.kafka';
import { kafkaGroups } from '../../src/kafka/groups.kafka';
import { kafkaSource } from '../../src/kafka/source.kafka';
import { CONTRIBUTIONS_TOPIC } from '../../src/feedback/topics';
import { kafkaTransactionalSinks } from '../../src/kafka/transactional-sink.kafka';
import type { TransactionalSink } from '../../src/log/sink';
import { namespaceOf } from '../../src/store/keys';
import { describeWithServers } from '../servers/servers';
import { untilDone } from '../kafka/kafka-world';
import { kpiHistory, verdict } from './evidence';
import { drain, openStage, type Stage, standing, until, untidy } from './stage';

const MESSAGES = 2_000;
const PARTITIONS = 3;

describeWithServers(['kafka', 'registry', 'redis'], 'tenants of one group id', (servers) => {
  const group = `tenants-${randomBytes(4).toString('hex')}`;
  const stages: Stage[] = [];

  const tenant = async (): Promise<Stage> => {
    const settings = { EFS_GROUP_ID: group, EFS_MESSAGE_STATUS: 'on' };
    const stage = await openStage(servers, { partitions: PARTITIONS, settings });
    stages.push(stage);
    return stage;
  };

  afterAll(async () => {
    await Promise.all(stages.map((stage) => stage.close()));
  });

  it('are isolated: each equals the recount of its own inputs while workers of both are killed under load', async () => {
    const both = await Promise.all([tenant(), tenant()]);
    await Promise.all(
      both.map(async (stage, index) => {
        const [first] = [stage.run('first'), stage.run('second')];
        const producing = stage.produce(
          untidy(stage.encode, { seed: index, messages: MESSAGES, deliveries: 10 }),
          2_000,
        );
        await until('it is at work', () => first.hasLogged('partitions assigned'));
        first.signal('SIGKILL');
        await producing;
        await drain(stage, 60_000);
      }),
    );
    for (const stage of both) {
      const found = await verdict(stage);
      expect(found.problems).toEqual([]);
      expect(found.messages).toBeGreaterThan(0.9 * MESSAGES);
      const [, second] = stage.workers();
      expect(second?.hasLogged('consumer group is shared')).toBe(false);
      const lines = second?.lines().filter(({ msg }) => msg === 'partitions assigned') ?? [];
      expect(lines.some(({ partitions }) => (partitions as number[]).length === PARTITIONS)).toBe(true);
    }
  }, 90_000);

  it('continue from the names of 0.1 without loss or repetition, also where Redis is older than the published records', async () => {
    const stage = await tenant();
    const kafka = kafkaClient({ brokers: [...servers.kafkaBrokers], clientId: 'test' });
    const groups = kafkaGroups(kafka);
    const contributions = stage.prefix + CONTRIBUTIONS_TOPIC;
    const records = [...untidy(stage.encode, { seed: 7, messages: MESSAGES, deliveries: 10 })];
    const third = Math.floor(records.length / 3);
    const redis = new Redis(servers.redisUrl);
    const worker = kafkaSource({
      ...{ kafka, clock: systemClock, topics: [contributions], groupId: `${group}-kpi` },
    });
    const zombies: TransactionalSink[] = [];
    try {
      stage.run('first');
      await stage.produce(records.slice(0, third));
      await drain(stage);
      const older = await copyOf(redis, namespaceOf(group, stage.prefix));
      stage.run('second');
      await stage.produce(records.slice(third, 2 * third));
      await drain(stage);

      // As 0.1 leaves it: the checkpoints in the group without the prefix, and a producer that may still have writes in flight.
      const former = kafkaTransactionalSinks(kafka, {
        clock: systemClock,
        group: `${group}-kpi`,
        prefix: stage.prefix,
      });
      const checkpoints = await groups.committed(`${stage.prefix}${group}-kpi`, contributions);
      for (const [partition, checkpoint] of checkpoints) {
        const zombie = await former.open(`kpi-${partition}`);
        expect(
          await zombie.emit([], checkpoint && { ...checkpoint, topic: CONTRIBUTIONS_TOPIC, partition }),
        ).toBe('acknowledged');
        zombies.push(zombie);
      }
      const admin = kafka.admin();
      await admin.connect();
      await untilDone(() =>
        admin.deleteGroups([`${stage.prefix}${group}-kpi`, `${stage.prefix}${group}-status`]),
      );
      await admin.disconnect();
      await older.putBack();
      let isIn = false;
      await worker.start({ onAssigned: () => (isIn = true), onFailed: () => undefined });
      await until('a worker of 0.1 is there', () => isIn);

      const epochs = async () => (await standing(stage, 'kpi'))?.map((task) => task?.epoch);
      const before = await epochs();
      const later = stage.run('later');
      const isWaiting = 'waiting for workers of an earlier version to end';
      await until('it waits', () => later.hasLogged(isWaiting));
      const { status, text } = await later.get('/readyz');
      expect([status, text]).toEqual([503, expect.stringContaining(`${group}-kpi: test at`)]);
      expect(await epochs()).toEqual(before);
      await worker.stop();
      await until(
        'it works',
        async () => (await epochs())?.every((epoch, p) => epoch !== before?.[p]) === true,
      );
      const at = { topic: CONTRIBUTIONS_TOPIC, partition: 0, offset: 0, metadata: '' };
      for (const zombie of zombies) expect(await zombie.emit([], at)).toBe('fenced');

      await stage.produce(records.slice(2 * third));
      await drain(stage);
      expect(later.hasLogged('store is stale') || later.hasLogged('catching up')).toBe(true);
      expect((await verdict(stage)).problems).toEqual([]);
      // Dead letters may be repeated when records are read again; KPI records are not.
      for (const history of (await kpiHistory(stage)).values())
        expect(new Set(history.map(({ bytes }) => bytes.toString('base64'))).size).toBe(history.length);
      const now = await groups.committed(`${stage.prefix}${group}-kpi`, contributions);
      for (const [partition, checkpoint] of checkpoints)
        expect(now.get(partition)?.offset).toBeGreaterThanOrEqual(checkpoint?.offset ?? 0);
    } finally {
      await Promise.all([worker.stop(), ...zombies.map((zombie) => zombie.close())]);
      redis.disconnect();
    }
  }, 90_000);
});

/** A copy of the keys of a namespace, with a function that restores them. */
async function copyOf(redis: Redis, namespace: string): Promise<{ putBack(): Promise<void> }> {
  const pattern = `efs:${namespace}:{*`;
  const dumps: [key: string, bytes: Buffer][] = [];
  for (const key of await redis.keys(pattern)) dumps.push([key, await redis.dumpBuffer(key)]);
  return {
    async putBack() {
      await redis.del(...(await redis.keys(pattern)));
      for (const [key, bytes] of dumps) await redis.restore(key, 0, bytes);
    },
  };
}
