import { copyFileSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import Redis from 'ioredis';
import { Kafka, logLevel } from 'kafkajs';
import { kpiHistory, verdict } from '../fire/evidence';
import { isReady, lastLines, type Worker } from '../fire/processes';
import { drain, openStage, type Stage, standing, until, untidy } from '../fire/stage';
import { type RedisServer, startRedis } from '../servers/redis';
import { describeWithServers } from '../servers/servers';

const MESSAGES = 4_000;
const PER_SECOND = 1_500;

describeWithServers(['kafka', 'registry', 'own-redis'], 'the state', (servers) => {
  const stages: Stage[] = [];
  const redises: RedisServer[] = [];

  interface Opened {
    readonly stage: Stage;
    readonly redis: RedisServer;
  }
  /** Topics and a Redis of their own. */
  const open = async (): Promise<Opened> => {
    const redis = await startRedis();
    redises.push(redis);
    const { kafkaBrokers, registryUrl } = servers;
    const stage = await openStage({ kafkaBrokers, registryUrl, redisUrl: redis.url }, { partitions: 3 });
    stages.push(stage);
    return { stage, redis };
  };
  /** A test that runs concurrently with the others: all of them mostly wait. */
  const beside = (title: string, run: (opened: Opened) => Promise<void>): void => {
    const explained = async (): Promise<void> => {
      const opened = await open();
      try {
        await run(opened);
      } catch (error) {
        const lines = await Promise.all(opened.stage.workers().map(lastLines));
        throw new Error([String(error), ...lines].join('\n'), { cause: error });
      }
    };
    let running: Promise<void>;
    beforeAll(() => {
      running = explained();
      running.catch(() => undefined);
    });
    it(title, () => running, 300_000);
  };
  const admin = async <T>(use: (admin: ReturnType<Kafka['admin']>) => Promise<T>): Promise<T> => {
    const client = new Kafka({ brokers: servers.kafkaBrokers, logLevel: logLevel.NOTHING }).admin();
    await client.connect();
    return use(client).finally(() => client.disconnect());
  };
  const ask = async (redis: RedisServer, ...command: [string, ...string[]]): Promise<unknown> => {
    const client = new Redis(redis.url);
    return client.call(...command).finally(() => client.disconnect());
  };
  const traffic = (stage: Stage, seed: number, messages = MESSAGES) =>
    untidy(stage.encode, { seed, messages, deliveries: 8, disorder: 0.05 });
  const folded = (worker: Worker): Promise<number> => worker.counter('efs_records_total');

  afterAll(async () => {
    await Promise.all(stages.map((stage) => stage.close()));
    await Promise.all(redises.map((server) => server.stop()));
  });

  beside(
    'is rebuilt from the topics as a new generation after a loss of Redis, and no published KPI falls',
    async ({ stage, redis }) => {
      const worker = stage.run('worker');
      const producing = stage.produce(traffic(stage, 1), PER_SECOND);
      await until(
        'half of it is folded',
        async () => (await isUp(worker)) && (await folded(worker)) > MESSAGES,
      );
      await ask(redis, 'FLUSHALL');
      await until('it is not ready, with its progress as the reason', async () => {
        const { status, text } = await worker.get('/readyz');
        return status === 503 && /catching up with published results/.test(text);
      });
      expect(worker.hasLogged('store has lost the state of a generation')).toBe(true);
      await until('it has caught up', () => isReady(worker));
      expect(worker.hasLogged('caught up: publishing resumed')).toBe(true);
      await producing;
      await stage.produce(traffic(stage, 8, 300));
      await drain(stage);
      const found = await verdict(stage);
      expect(found.problems).toEqual([]);
      expect((await stage.store.active())?.stateId).toBe(2);
      const generations = [...(await kpiHistory(stage)).values()].map(
        (history) => history.at(-1)?.change.generation,
      );
      expect(generations).toContain(2);
    },
  );

  beside(
    'is replayed forward after Redis is restored from an older copy, and no older figure is published',
    async ({ stage, redis }) => {
      const worker = stage.run('worker');
      const producing = stage.produce(traffic(stage, 2, 2 * MESSAGES), PER_SECOND);
      await until('some of it is folded', async () => (await isUp(worker)) && (await folded(worker)) > 1_000);
      await ask(redis, 'SAVE');
      const kept = await folded(worker);
      const [, dir = ''] = (await ask(redis, 'CONFIG', 'GET', 'dir')) as string[];
      copyFileSync(join(dir, 'dump.rdb'), join(dir, 'older.rdb'));
      await until('more of it is folded', async () => (await folded(worker)) > kept + PER_SECOND);
      await redis.kill();
      renameSync(join(dir, 'older.rdb'), join(dir, 'dump.rdb'));
      await redis.restart();
      await producing;
      await until('the worker has rewound', async () => (await worker.counter('efs_rewinds_total')) > 0);
      await drain(stage);
      const found = await verdict(stage);
      expect(found.problems).toEqual([]);
      expect((await stage.store.active())?.stateId).toBe(1);
    },
  );

  beside(
    'is replayed forward after a failover to a stale replica, and nothing is published twice',
    async ({ stage, redis }) => {
      const replica = await startRedis();
      redises.push(replica);
      const worker = stage.run('worker');
      const producing = stage.produce(traffic(stage, 7, 3 * MESSAGES), PER_SECOND);
      await until('some of it is folded', async () => (await isUp(worker)) && (await folded(worker)) > 1_000);
      await ask(replica, 'REPLICAOF', '127.0.0.1', String(redis.port));
      await until('the replica follows', async () =>
        String(await ask(replica, 'INFO', 'replication')).includes('master_link_status:up'),
      );
      await ask(replica, 'REPLICAOF', 'NO', 'ONE');
      const missed = await folded(worker);
      await until('more of it is folded', async () => (await folded(worker)) > missed + PER_SECOND);
      // The worker's address now leads to what the replica holds.
      await ask(redis, 'REPLICAOF', '127.0.0.1', String(replica.port));
      await until('it has taken over', async () =>
        String(await ask(redis, 'INFO', 'replication')).includes('master_link_status:up'),
      );
      await ask(redis, 'REPLICAOF', 'NO', 'ONE');
      await until('the worker has rewound', async () => (await worker.counter('efs_rewinds_total')) > 0);
      await producing;
      await drain(stage);
      const found = await verdict(stage);
      expect(found.problems).toEqual([]);
      expect((await stage.store.active())?.stateId).toBe(1);
    },
  );

  beside(
    'of one task stops where Kafka no longer has its position, with a remedy; the other tasks continue',
    async ({ stage }) => {
      const first = stage.run('first');
      await stage.produce(untidy(stage.encode, { seed: 3, messages: 300, poison: 0 }));
      await drain(stage);
      expect((await first.ended).exitCode).toBe(0);
      await stage.produce(untidy(stage.encode, { seed: 4, messages: 300, poison: 0 }));
      const topic = `${stage.prefix}mta.delivered`;
      const partitions = [{ partition: 0, offset: '-1' }];
      await admin(async (client) => {
        await client.fetchTopicOffsets(topic);
        await client.deleteTopicRecords({ topic, partitions });
      });
      const before = await standing(stage, 'status');
      const second = stage.run('second');
      const reasons = async (): Promise<Record<string, string>> =>
        (JSON.parse((await second.get('/readyz')).text) as { reasons: Record<string, string> }).reasons;
      await until(
        'the task has stopped',
        async () => (await isUp(second)) && 'status/0' in (await reasons()),
      );
      expect((await reasons())['status/0']).toMatch(/mta\.delivered\/0.*efs rebuild --promote/);
      const ends = await Promise.all([1, 2].map((partition) => stage.reader.watermarks(topic, partition)));
      await until('the other tasks are through', async () => {
        const tasks = await standing(stage, 'status');
        return [1, 2].every((partition, index) => tasks?.[partition]?.positions[1] === ends[index]?.high);
      });
      expect((await standing(stage, 'status'))?.[0]?.positions).toEqual(before?.[0]?.positions);
      expect(Object.keys(await reasons())).toEqual(['status/0']);
      second.signal('SIGTERM');
      expect((await second.ended).exitCode).toBe(0);
    },
  );

  beside(
    'is complete after workers are stopped under load, and nothing is published twice',
    async ({ stage }) => {
      for (const seed of [5, 6]) {
        const worker = stage.run(`worker-${seed}`);
        await until('it is up', () => isUp(worker));
        const producing = stage.produce(traffic(stage, seed), PER_SECOND);
        await until('it folds', async () => (await folded(worker)) > 500);
        const signalledAt = Date.now();
        worker.signal('SIGTERM');
        expect((await worker.ended).exitCode).toBe(0);
        expect(Date.now() - signalledAt).toBeLessThan(10_000);
        await producing;
      }
      stage.run('last');
      await drain(stage);
      const found = await verdict(stage);
      expect([found.problems, found.repeated]).toEqual([[], 0]);
    },
  );

  beside('is left at once by a worker that gets a second signal', async ({ stage, redis }) => {
    const worker = stage.run('worker');
    await until('it is ready', () => isReady(worker));
    redis.pause();
    try {
      await stage.produce(untidy(stage.encode, { seed: 6, messages: 10, poison: 0 }));
      worker.signal('SIGTERM');
      await until('it is stopping', () => worker.hasLogged('stopping: finishing work in progress'));
      worker.signal('SIGTERM');
      expect((await worker.ended).exitCode).toBe(1);
      expect(worker.hasLogged('stop deadline exceeded')).toBe(false);
    } finally {
      redis.resume();
    }
  });

  beside('is no longer changed once the partition counts of the topics differ', async ({ stage }) => {
    const worker = stage.run('worker');
    await until('it is ready', () => isReady(worker));
    const topic = `${stage.prefix}mta.relayed`;
    await admin((client) => client.createPartitions({ topicPartitions: [{ topic, count: 4 }] }));
    // The worker checks twice a minute.
    const { exitCode, err } = await worker.ended;
    expect(exitCode).toBe(2);
    expect(err).toMatch(
      /^error: .*mta\.relayed.*4.*\nremedy: give every topic of the service the same number/,
    );
  });
});

async function isUp(worker: Worker): Promise<boolean> {
  return worker.hasLogged('"starting"') && (await worker.get('/metrics').catch(() => null)) !== null;
}
