import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { systemClock } from '../base/clock';
import type { Log } from '../base/log';
import { portState } from '../http/server.http';
import { kafkaTopicAdmin } from '../kafka/admin.kafka';
import { kafkaServers } from '../kafka/brokers.kafka';
import { CODECS, loadCodec } from '../kafka/codecs.kafka';
import { kafkaGroups } from '../kafka/groups.kafka';
import { kafkaReader } from '../kafka/reader.kafka';
import { kafkaRights } from '../kafka/rights.kafka';
import { type Check, type Finding, ok, problem, warning } from '../service/doctor/finding';
import { checkKafka, type KafkaFindings } from '../service/doctor/kafka';
import { checkMachine, type MachineFacts } from '../service/doctor/machine';
import { checkRedis, redisFailed } from '../service/doctor/redis';
import { checkRegistry } from '../service/doctor/registry';
import { checkState } from '../service/doctor/state';
import { neededRetention } from '../service/input-retention';
import { configFrom, type readConfig } from '../settings/config';
import type { Config, SettingName } from '../settings/table';
import { checkServer, closeRedis } from '../store/connect.redis';
import { redisInspection } from '../store/inspection.redis';
import { namespaceOf } from '../store/keys';
import { redisServer } from '../store/server.redis';
import { formerGroupOf, groupOf, stateSettingsOf } from './compose';
import { connectState, kafkaOf, registryOf } from './connect';
import { openAccess } from './serve';

type Settings = ReturnType<typeof readConfig>;

/** Checks everything that a start needs, all at once. Changes nothing. Servers whose settings are wrong are not asked. */
export async function examine(settings: Settings, log: Log): Promise<readonly Finding[]> {
  const config = 'ok' in settings ? settings.ok : { ...configFrom({}), ...settings.valid };
  const concerned = 'ok' in settings ? new Set<SettingName>() : settings.concerned;
  const unless = <T>(
    check: Check,
    about: RegExp,
    ask: () => Promise<T>,
    otherwise: (found: Finding) => T,
  ) => {
    const wrong = [...concerned].some((name) => about.test(name));
    if (!wrong) return ask();
    return Promise.resolve(
      otherwise(warning(check, 'not checked: its settings are wrong', 'correct them first')),
    );
  };
  const [machine, kafka, registry] = await Promise.all([
    machineFindings(config),
    unless(
      'kafka-brokers',
      /^(kafka|groupId|topicPrefix)/,
      () => kafkaFindings(config, log),
      (found): KafkaFindings => {
        return { findings: [found], partitions: null };
      },
    ),
    unless(
      'registry',
      /^(schemaRegistry|registry|topicPrefix)/,
      () => registryFindings(config, log),
      (found) => [found],
    ),
  ]);
  // The state is compared with the topics.
  const redis = await unless(
    'redis',
    /^redis/,
    () => redisFindings(config, log, kafka.partitions),
    (found) => [found],
  );
  return [...settingsFindings(settings), ...machine, ...kafka.findings, ...registry, ...redis];
}

function settingsFindings(settings: Settings): readonly Finding[] {
  if ('ok' in settings) return [ok('settings', 'they are valid and fit each other')];
  return settings.errors.map((error) => {
    const [text = '', remedy] = error.split(/; (?=[^;]*$)/);
    return problem('settings', text, remedy ?? '`efs config print` shows them all');
  });
}

async function machineFindings(config: Config): Promise<readonly Finding[]> {
  const manifest = readFileSync(join(__dirname, '..', '..', 'package.json'), 'utf8');
  const { engines } = JSON.parse(manifest) as { engines: { node: string } };
  const brokenCodecs = new Map<string, string>();
  for (const codec of CODECS)
    await loadCodec(codec).catch((error: unknown) =>
      brokenCodecs.set(codec, String(error).split('\n')[0] ?? ''),
    );
  const { httpHost: host, httpPort: port } = config;
  const facts: MachineFacts = {
    node: process.version,
    nodeWanted: engines.node,
    brokenCodecs,
    port: await portState({ host, port, settings: 'EFS_HTTP' }),
    openAccess: openAccess(config, host),
  };
  return checkMachine(facts);
}

async function kafkaFindings(config: Config, log: Log): Promise<KafkaFindings> {
  const kafka = kafkaOf(config, log);
  const reader = kafkaReader(kafka, systemClock, config);
  const admin = kafkaTopicAdmin(kafka, systemClock);
  const rights = kafkaRights(kafka, systemClock);
  const { topicPrefix: prefix, kafkaBrokers: brokers } = config;
  try {
    return await checkKafka({
      servers: kafkaServers(brokers, (address) => kafkaOf({ ...config, kafkaBrokers: [address] }, log)),
      reader,
      admin,
      rights,
      groupsOfKafka: kafkaGroups(kafka),
      groups: { status: groupOf(config, 'status'), kpi: groupOf(config, 'kpi') },
      formerGroups: prefix === '' ? [] : [formerGroupOf(config, 'status'), formerGroupOf(config, 'kpi')],
      prefix,
      brokers,
      infersExpiry: config.expiry,
      publishesStatuses: config.messageStatus,
      neededRetentionMs: neededRetention(config.retention),
    });
  } finally {
    await Promise.allSettled([reader.close(), admin.close(), rights.close()]);
  }
}

const registryFindings = (config: Config, log: Log): Promise<readonly Finding[]> =>
  checkRegistry({ registrar: registryOf(config, log), prefix: config.topicPrefix });

/** With the state, where Kafka has answered how many `partitions` the topics have. */
async function redisFindings(
  config: Config,
  log: Log,
  partitions: number | null,
): Promise<readonly Finding[]> {
  let opened: Awaited<ReturnType<typeof connectState>>;
  try {
    opened = await connectState(config, log, 'efs-doctor');
  } catch (error) {
    return redisFailed(error);
  }
  const { client, store } = opened;
  const reader = kafkaReader(kafkaOf(config, log), systemClock, config);
  const { topicPrefix: prefix } = config;
  try {
    const redis = await checkRedis({
      server: redisServer(client, systemClock),
      inspection: redisInspection(client, namespaceOf(config.groupId, prefix)),
      checkServer: () => checkServer(client),
    });
    if (partitions === null) return redis;
    const { stateSettings, followsSettings } = stateSettingsOf(config);
    const settings = { ...stateSettings, partitions };
    return [...redis, ...(await checkState({ store, reader, prefix, settings, followsSettings }))];
  } catch (error) {
    return redisFailed(error);
  } finally {
    await reader.close();
    closeRedis(client);
  }
}
