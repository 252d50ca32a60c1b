import { DAY_MS, LATE_BOUNCES_MS, VALIDITY_MAX_MS } from '../base/time';
import { CONNECTION_SETTINGS } from './connections';
import { baseUrls, INGESTION_SETTINGS } from './ingestion';
import {
  address,
  brokers,
  domainGroups,
  duration,
  hostName,
  hostNames,
  matching,
  oneOf,
  onOff,
  policy,
  redisUrl,
  setting,
  token,
  type ValuesOf,
  whole,
} from './kinds';

const DEFAULT_GROUPS =
  'apple=icloud.com,mac.com,me.com;google=gmail.com,googlemail.com;' +
  'microsoft=hotmail.com,live.com,msn.com,outlook.com;yahoo=aol.com,rocketmail.com,yahoo.com,ymail.com';

const registryUrl = address(['http:', 'https:'], 'an http:// or https:// URL; a path is allowed');
const topicPrefix = matching(
  /^[A-Za-z0-9._-]{0,150}$/,
  'has characters that no topic name may have',
  'at most 150 letters, digits, dots, hyphens and underscores',
);
const groupId = matching(
  /^[^\p{Cc}\s]{1,200}$/u,
  'is too long, or has blanks in it',
  '1 to 200 characters without blanks',
);

/**
 * The settings, one row each: the source of the environment variables, the command line's flags, `efs config print` and the
 * README's table. A row's key is its field in `Config`; `variableOf` and `flagOf` derive the other two names from it.
 */
export const SETTINGS = {
  kafkaBrokers: setting('localhost:9092', brokers, 'Kafka brokers to start from'),
  schemaRegistryUrl: setting(
    'http://localhost:8081',
    registryUrl,
    'schema registry with the Confluent-compatible API',
  ),
  redisUrl: setting(
    'redis://localhost:6379',
    redisUrl,
    'Redis or Valkey that keeps the state: a server, nodes of a cluster, or sentinels',
  ),
  policy: setting('efs', policy, 'policy of deliveries whose relay events name none'),
  groupId: setting('efs', groupId, 'prefix of the consumer groups'),
  partitions: setting('12', whole(1, 10_000), 'partitions of topics that `efs setup` creates'),
  partitioner: setting(
    'murmur2',
    oneOf('murmur2', 'off'),
    'partitioner of the producers; off accepts records in any partition',
  ),
  httpPort: setting('8090', whole(0, 65_535), 'port of page, API, health and metrics; 0 takes a free one'),
  httpHost: setting('127.0.0.1', hostName, 'address that the HTTP port listens on'),
  httpAllowedHosts: setting(
    '',
    hostNames,
    'host names of the page and API, beside the host above and localhost',
  ),
  httpToken: setting('', token, 'token that the API asks for; empty asks for none'),
  httpShowRecipients: setting('off', onOff, 'whether the API shows free text of dead letters unmasked'),
  ingestUrls: setting(
    '',
    baseUrls,
    'base URLs of `efs ingest serve` and `efs ingest kafka`, whose sources the page of `efs run` shows',
  ),
  topicPrefix: setting('', topicPrefix, 'put before the names of topics, groups and transactional ids'),
  lingerMs: setting('100', whole(0, 60_000), 'how long a KPI change waits for more of its delivery'),
  batchMax: setting('2000', whole(1, 2_000), 'records that one commit takes at most'),
  maxValueBytes: setting(
    '262144',
    whole(1_024, 16_777_216),
    'longest record value that is decoded; longer ones are dead-lettered',
  ),
  maxHeaders: setting('256', whole(0, 10_000), 'most headers of a record; with more it is dead-lettered'),
  maxBatchBytes: setting(
    '67108864',
    whole(65_536, 268_435_456),
    'most bytes that a compressed record batch may hold; a larger one is dead-lettered as a whole',
  ),
  messageStatus: setting('off', onOff, 'whether every change of a message status is published'),
  expiry: setting(
    'on',
    onOff,
    'whether the service expires messages without an outcome after their validity period',
  ),
  expiryGrace: setting(
    '1h',
    duration(0, LATE_BOUNCES_MS),
    'how long after its validity period feedback on a message may still arrive',
  ),
  retention: setting(
    '30d',
    duration(VALIDITY_MAX_MS + LATE_BOUNCES_MS, 3_650 * DAY_MS),
    'how long after its last feedback a delivery is kept in Redis; `efs setup` keeps the inputs longer by 252 hours',
  ),
  domainGroups: setting(DEFAULT_GROUPS, domainGroups, 'recipient domains that count as one'),
  buckets: setting('1', whole(1, 65_536), 'Redis hashes per delivery and partition; fixed once state exists'),
  onMismatch: setting(
    'refuse',
    oneOf('refuse', 'follow'),
    'what a worker does at its start where the active generation has another policy, domain groups or buckets',
  ),
  sessionTimeoutMs: setting(
    '30000',
    whole(6_000, 1_800_000),
    'time without heartbeats after which Kafka reassigns a worker’s partitions',
  ),
  logLevel: setting('info', oneOf('debug', 'info', 'warn', 'error', 'silent'), 'least severe line logged'),
  logFormat: setting(
    'auto',
    oneOf('auto', 'json', 'pretty'),
    'form of log lines; auto is pretty on a terminal',
  ),
  ...INGESTION_SETTINGS,
  ...CONNECTION_SETTINGS,
} as const;

type Settings = typeof SETTINGS;

/** The name of a setting as a field. */
export type SettingName = keyof Settings;

/** `kafkaBrokers` → `EFS_KAFKA_BROKERS`. */
export const variableOf = (name: SettingName): string => `EFS_${name.replace(/[A-Z]/g, '_$&').toUpperCase()}`;

/** `kafkaBrokers` → `--kafka-brokers`. */
export const flagOf = (name: SettingName): string => `--${name.replace(/[A-Z]/g, '-$&').toLowerCase()}`;

/** Every setting with its value, all valid, and fitting each other. */
export type Config = ValuesOf<Settings>;
