import { randomBytes } from 'node:crypto';
import { systemClock } from '../../src/base/clock';
import { kafkaTopicAdmin } from '../../src/kafka/admin.kafka';
import { kafkaClient } from '../../src/kafka/client.kafka';
import { ALL_TOPICS } from '../../src/feedback/topics';
import { type Settings, startRun, type Worker } from '../fire/processes';
import { until } from '../fire/stage';
import { type RedisServer, startRedis } from '../servers/redis';
import { describeWithServers } from '../servers/servers';

const UNREACHABLE = '127.0.0.1:1';

describeWithServers(['kafka', 'registry', 'redis', 'own-redis'], 'efs run at its start', (servers) => {
  const bare = `bare-${randomBytes(4).toString('hex')}.`;
  let evicting: RedisServer;

  beforeAll(async () => {
    evicting = await startRedis({ args: ['--maxmemory-policy', 'allkeys-lru'] });
    const kafka = kafkaClient({ brokers: [...servers.kafkaBrokers], clientId: 'test' });
    const admin = kafkaTopicAdmin(kafka, systemClock);
    const shape = { partitions: 2, replicationFactor: 1, config: {} };
    await admin.create(ALL_TOPICS.map((topic) => ({ name: bare + topic, ...shape })));
    await admin.close();
  }, 60_000);
  afterAll(async () => evicting?.stop());

  let last: Worker | null = null;
  const start = (own: Settings): Worker => (last = startRun('worker', settings(own)));
  afterEach(async () => {
    last?.signal('SIGKILL');
    await last?.ended;
  });

  const settings = (own: Settings): Settings => ({
    EFS_KAFKA_BROKERS: servers.kafkaBrokers.join(','),
    EFS_SCHEMA_REGISTRY_URL: servers.registryUrl,
    EFS_REDIS_URL: servers.redisUrl,
    EFS_TOPIC_PREFIX: bare,
    EFS_GROUP_ID: bare,
    ...own,
  });

  it.each<[string, () => Settings, RegExp]>([
    [
      'a topic is missing',
      () => ({ EFS_TOPIC_PREFIX: `none-${bare}` }),
      /^error: .*do not exist: none-.*mta\.relayed.*\nremedy: run `efs setup`\n$/,
    ],
    [
      'a schema is not registered',
      () => ({}),
      /^error: subject .*-value is not registered\nremedy: run `efs setup`\n$/,
    ],
    [
      'Redis may evict',
      () => ({ EFS_REDIS_URL: evicting.url }),
      /^error: .*allkeys-lru.*\nremedy: set `maxmemory-policy noeviction` in Redis.*\n$/,
    ],
    [
      'settings are wrong',
      () => ({ EFS_POLICY: 'both', EFS_BATCH_MAX: 'many' }),
      /^error: EFS_POLICY: "both" .*\n +EFS_BATCH_MAX: "many" .*\nremedy: .*\n$/,
    ],
  ])('ends with 2, one message and its remedy where %s', async (_, own, message) => {
    const { exitCode, err } = await start(own()).ended;
    expect(err).toMatch(message);
    expect(exitCode).toBe(2);
  });

  it.each<['kafka' | 'registry' | 'redis', Settings]>([
    ['kafka', { EFS_KAFKA_BROKERS: UNREACHABLE }],
    ['registry', { EFS_SCHEMA_REGISTRY_URL: `http://${UNREACHABLE}` }],
    ['redis', { EFS_REDIS_URL: `redis://${UNREACHABLE}` }],
  ])('waits while %s is unavailable, logs that once, and stops on a signal', async (dependency, own) => {
    const worker = start(own);
    const message = `${dependency} does not answer: waiting until it does`;
    await until('it says so', () => worker.hasLogged(message));
    const reasons = async (): Promise<object> => {
      const { status, text } = await worker.get('/readyz');
      expect(status).toBe(503);
      return (JSON.parse(text) as { reasons: object }).reasons;
    };
    const waited = { [dependency]: `${dependency} does not answer`, starting: 'starting' };
    if (dependency === 'kafka')
      expect(await reasons()).toEqual({ ...waited, window: 'still reading the KPI topic' });
    else {
      // Kafka's figures are shown nevertheless.
      await until('the KPI topic has been read', async () => !('window' in (await reasons())));
      expect(await reasons()).toEqual(waited);
    }
    expect((await worker.get('/livez')).status).toBe(200);
    worker.signal('SIGTERM');
    expect((await worker.ended).exitCode).toBe(0);
    expect(
      worker
        .lines()
        .filter(({ level }) => level !== 'info')
        .map(({ msg }) => msg),
    ).toEqual([message]);
  });
});
