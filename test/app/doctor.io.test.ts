import { randomBytes } from 'node:crypto';
import { type Admin, Kafka, logLevel } from 'kafkajs';
import { examine } from '../../src/app/doctor';
import { NO_LOG } from '../../src/base/log';
import { setUp } from '../../src/cli/setup';
import type { Finding } from '../../src/service/doctor/finding';
import { neededRetention } from '../../src/service/input-retention';
import { configOf } from '../../src/service/topic-configs';
import { configFrom, readConfig } from '../../src/settings/config';
import { redisRules } from '../security/rights';
import type { KafkaServer } from '../servers/kafka';
import { cli, type RedisServer, startRedis } from '../servers/redis';
import { describeWithServers } from '../servers/servers';
import {
  aclsOf,
  configure,
  copyUneven,
  joinAsStranger,
  kafkaWithUsers,
  PASSWORD,
  putJson,
} from './doctor-kafka';

type Settings = Record<string, string>;

const PREFIX = `doctor-${randomBytes(4).toString('hex')}.`;
const KEPT_MS = neededRetention(configFrom({}).retention);

describeWithServers(['own-kafka', 'registry', 'own-redis'], 'efs doctor on real servers', (servers) => {
  let kafka: KafkaServer;
  let login: string;
  let redis: RedisServer;
  let client: Kafka;
  let admin: Admin;

  const settings = (): Settings => ({
    EFS_KAFKA_BROKERS: kafka.brokers.join(','),
    EFS_SCHEMA_REGISTRY_URL: servers.registryUrl,
    EFS_REDIS_URL: redis.url,
    EFS_TOPIC_PREFIX: PREFIX,
    EFS_HTTP_PORT: '0',
  });
  const as = (user: string, password = PASSWORD): Settings => ({
    EFS_KAFKA_BROKERS: login,
    EFS_KAFKA_SASL: 'plain',
    EFS_KAFKA_USER: user,
    EFS_KAFKA_PASSWORD: password,
  });
  const doctor = (changed: Settings = {}) => examine(readConfig({ ...settings(), ...changed }), NO_LOG);
  const unsound = (findings: readonly Finding[]) => findings.filter(({ verdict }) => verdict !== 'ok');

  beforeAll(async () => {
    [{ kafka, login }, redis] = await Promise.all([
      kafkaWithUsers(),
      startRedis({ args: ['--save', '3600', '1'] }),
    ]);
    client = new Kafka({ brokers: kafka.brokers, logLevel: logLevel.NOTHING });
    admin = client.admin();
    await admin.connect();
  }, 90_000);

  afterAll(async () => {
    await admin.disconnect();
    await Promise.all([kafka.stop(), redis.stop()]);
  });

  it('finds that set-up was not run: the topics and every schema at once', async () => {
    const problems = (await doctor()).filter(({ verdict }) => verdict === 'problem');
    expect(problems).toContainEqual(
      expect.objectContaining({
        check: 'topics',
        text: expect.stringContaining(`${PREFIX}mta.relayed`),
        remedy: 'run `efs setup`',
      }),
    );
    const schemas = problems.filter(({ check }) => check === 'schemas');
    expect([schemas.length, new Set(schemas.map(({ remedy }) => remedy))]).toEqual([
      4,
      new Set(['run `efs setup`']),
    ]);
  });

  it('finds nothing after set-up', async () => {
    await setUp(configFrom({ ...settings(), EFS_PARTITIONS: '1' }), NO_LOG);
    await admin.createAcls({ acl: aclsOf(PREFIX) });
    const rules = redisRules().replace(' +hset ', ' ').split(' ');
    await cli(redis.port, ['acl', 'setuser', 'partial', 'on', `>${PASSWORD}`, ...rules]);
    expect(unsound(await doctor())).toEqual([]);
  });

  it('finds no problem with the documented rights of a worker', async () => {
    await cli(redis.port, ['acl', 'setuser', 'worker', 'on', `>${PASSWORD}`, ...redisRules().split(' ')]);
    const found = await doctor({ ...as('worker'), EFS_REDIS_USER: 'worker', EFS_REDIS_PASSWORD: PASSWORD });
    expect(unsound(found).map(({ verdict, text }) => `${verdict}: ${text}`)).toEqual([
      expect.stringMatching(/^warning: .*ingest-dead-letter: the page shows no/),
      expect.stringMatching(/^warning: .* lacks DescribeConfigs on the topics /),
      expect.stringMatching(/^warning: not checked: /),
    ]);
  });

  /** Configures a topic in another way for as long as it takes. */
  const configured =
    (topic: string, changed: Settings): Plant =>
    async () => {
      const sound = configOf(topic, KEPT_MS);
      await configure(admin, PREFIX + topic, { ...sound, ...changed });
      return { undo: () => configure(admin, PREFIX + topic, sound) };
    };
  const inRedis =
    (plant: readonly string[], ...undo: readonly (readonly string[])[]): Plant =>
    async () => {
      await cli(redis.port, plant);
      return {
        undo: async () => {
          for (const each of undo) await cli(redis.port, each);
        },
      };
    };
  const setTo =
    (changed: () => Settings): Plant =>
    async () => ({ changed: changed() });
  type Plant = () => Promise<{ changed?: Settings; undo?: () => Promise<unknown> }>;

  const level: Plant = async () => {
    const url = `${servers.registryUrl}/config/${PREFIX}mta.relayed-value`;
    const put = (compatibility: string) => putJson(url, { compatibility });
    await put('FORWARD');
    return { undo: () => put('BACKWARD_TRANSITIVE') };
  };
  const FAULTS: [title: string, Finding['verdict'], Finding['check'], RegExp, Plant][] = [
    [
      'topics of different numbers of partitions',
      'problem',
      'topics',
      /efs\.delivery-kpi 2/,
      () => copyUneven(admin, PREFIX),
    ],
    [
      'an input that is compacted',
      'problem',
      'topic-configs',
      /mta\.delivered has cleanup\.policy=compact/,
      configured('mta.delivered', { 'cleanup.policy': 'compact' }),
    ],
    [
      'an input that is kept for a day',
      'warning',
      'input-retention',
      /mta\.relayed keeps only 24 hours/,
      configured('mta.relayed', { 'retention.ms': '86400000' }),
    ],
    [
      'dead letters that do not fit',
      'warning',
      'topic-configs',
      /efs\.dead-letter takes batches of 1048588 bytes/,
      configured('efs.dead-letter', { 'max.message.bytes': '1048588' }),
    ],
    [
      'a topic that asks for more replicas than there are',
      'problem',
      'replicas',
      /min\.insync\.replicas is 2/,
      configured('efs.delivery-kpi', { 'min.insync.replicas': '2' }),
    ],
    [
      'another program in the group',
      'problem',
      'groups',
      /efs-status has members that read other topics: .* reads another/,
      () => joinAsStranger(client, `${PREFIX}efs-status`),
    ],
    [
      'brokers that do not answer',
      'problem',
      'kafka-brokers',
      /ECONNREFUSED/,
      setTo(() => ({ EFS_KAFKA_BROKERS: '127.0.0.1:1' })),
    ],
    [
      'one address of several that does not answer',
      'warning',
      'kafka-brokers',
      /^127\.0\.0\.1:1 does not answer/,
      setTo(() => ({ EFS_KAFKA_BROKERS: `127.0.0.1:1,${kafka.brokers[0]}` })),
    ],
    [
      'a wrong password for Kafka',
      'problem',
      'kafka-brokers',
      /Authentication failed/i,
      setTo(() => as('worker', 'wrong')),
    ],
    [
      'a user who may not write the KPIs',
      'problem',
      'kafka-rights',
      /lacks Write on the topic .*efs\.delivery-kpi$/,
      setTo(() => as('writeless')),
    ],
    [
      'a user who may not join the group',
      'problem',
      'kafka-rights',
      /lacks Read on the group .*efs-kpi$/,
      setTo(() => as('groupless')),
    ],
    [
      'a user who may not publish in transactions',
      'problem',
      'kafka-rights',
      /lacks Write on the transactional id/,
      setTo(() => as('unfenced')),
    ],
    [
      'a registry that does not answer',
      'problem',
      'registry',
      /ECONNREFUSED/,
      setTo(() => ({ EFS_SCHEMA_REGISTRY_URL: 'http://127.0.0.1:1' })),
    ],
    [
      'a server that is no registry',
      'problem',
      'registry',
      /./,
      setTo(() => ({ EFS_SCHEMA_REGISTRY_URL: `${servers.registryUrl}/nothing` })),
    ],
    ['another compatibility level', 'warning', 'schema-levels', /has compatibility FORWARD/, level],
    [
      'a Redis that does not answer',
      'problem',
      'redis',
      /ECONNREFUSED/,
      setTo(() => ({ EFS_REDIS_URL: 'redis://127.0.0.1:1' })),
    ],
    [
      'a wrong password for Redis',
      'problem',
      'redis',
      /WRONGPASS/,
      setTo(() => ({ EFS_REDIS_USER: 'partial', EFS_REDIS_PASSWORD: 'wrong' })),
    ],
    [
      'a Redis that evicts',
      'problem',
      'redis',
      /maxmemory-policy allkeys-lru/,
      inRedis(
        ['config', 'set', 'maxmemory-policy', 'allkeys-lru'],
        ['config', 'set', 'maxmemory-policy', 'noeviction'],
      ),
    ],
    [
      'a Redis that is full',
      'problem',
      'redis-memory',
      /% of maxmemory/,
      inRedis(['config', 'set', 'maxmemory', '900000'], ['config', 'set', 'maxmemory', '0']),
    ],
    [
      'a Redis that keeps nothing on disk',
      'warning',
      'redis-persistence',
      /does not save to disk/,
      inRedis(['config', 'set', 'save', ''], ['config', 'set', 'save', '3600 1']),
    ],
    [
      'a Redis user without a command',
      'problem',
      'redis-rights',
      /may not use hset$/,
      setTo(() => ({ EFS_REDIS_USER: 'partial', EFS_REDIS_PASSWORD: PASSWORD })),
    ],
    [
      'a replica in place of the primary',
      'problem',
      'redis',
      /a replica of 127\.0\.0\.1:1 /,
      inRedis(['replicaof', '127.0.0.1', '1'], ['replicaof', 'no', 'one']),
    ],
  ];

  it.each(FAULTS)('finds %s: a %s of %s', async (_title, verdict, check, text, plant) => {
    const { changed, undo } = await plant();
    const findings = await doctor(changed);
    await undo?.();
    const found = findings.filter((each) => each.check === check && each.verdict === verdict);
    expect(found).toEqual([
      { check, verdict, text: expect.stringMatching(text), remedy: expect.stringMatching(/\w/) },
    ]);
  });

  it('has changed nothing: all is sound once the faults are gone', async () => {
    expect(unsound(await doctor())).toEqual([]);
  });
});
