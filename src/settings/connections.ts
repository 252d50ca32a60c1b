import {
  address,
  bearer,
  extensions,
  matching,
  oneOf,
  onOff,
  optional,
  password,
  pemFile,
  setting,
  whole,
} from './kinds';

const userName = matching(/^[^\p{Cc}]{0,200}$/u, 'is too long, or has control characters', 'a user name');
/** As above, for basic authentication, where a colon ends the name. */
const basicUser = matching(
  /^[^\p{Cc}:]{0,200}$/u,
  'is too long, or has control characters or a colon',
  'a user name without a colon',
);
const certificates = pemFile('CERTIFICATE');
const privateKey = pemFile('PRIVATE KEY');
const timeout = whole(100, 600_000);
const tokenUrl = optional(address(['https:', 'http:'], 'the https:// URL of a token endpoint'));
const scope = matching(
  /^[\x21\x23-\x5b\x5d-\x7e ]{0,1000}$/,
  'has characters that no scope may have',
  'scopes, separated by blanks',
);
const region = matching(/^[a-z0-9-]{0,50}$/, 'is not the name of a region', 'a region such as eu-west-1');

/** How the servers are reached: time limits, TLS and log-in; rows of the table of settings. */
export const CONNECTION_SETTINGS = {
  redisTimeoutMs: setting('EFS_REDIS_TIMEOUT_MS', '5000', timeout, 'how long a Redis command may take'),
  kafkaRequestTimeoutMs: setting(
    'EFS_KAFKA_REQUEST_TIMEOUT_MS',
    '10000',
    timeout,
    'how long a Kafka request may take',
  ),
  registryTimeoutMs: setting(
    'EFS_REGISTRY_TIMEOUT_MS',
    '5000',
    timeout,
    'how long a registry request may take',
  ),
  kafkaTls: setting('EFS_KAFKA_TLS', 'off', onOff, 'whether Kafka is reached over TLS'),
  kafkaCaFile: setting(
    'EFS_KAFKA_CA_FILE',
    '',
    certificates,
    'who may have signed the brokers’ certificates; empty takes the well-known ones',
  ),
  kafkaCertFile: setting('EFS_KAFKA_CERT_FILE', '', certificates, 'client certificate for Kafka'),
  kafkaKeyFile: setting(
    'EFS_KAFKA_KEY_FILE',
    '',
    privateKey,
    'private key of the client certificate for Kafka',
  ),
  kafkaSasl: setting(
    'EFS_KAFKA_SASL',
    'off',
    oneOf('off', 'plain', 'scram-sha-256', 'scram-sha-512', 'oauthbearer', 'aws-msk-iam'),
    'how the service logs in to Kafka',
  ),
  kafkaUser: setting('EFS_KAFKA_USER', '', userName, 'user for SASL plain and scram'),
  kafkaPassword: setting('EFS_KAFKA_PASSWORD', '', password, 'password for SASL plain and scram'),
  kafkaOauthTokenUrl: setting(
    'EFS_KAFKA_OAUTH_TOKEN_URL',
    '',
    tokenUrl,
    'token endpoint for SASL oauthbearer, asked for tokens by client credentials',
  ),
  kafkaOauthClientId: setting('EFS_KAFKA_OAUTH_CLIENT_ID', '', userName, 'client id at the token endpoint'),
  kafkaOauthClientSecret: setting(
    'EFS_KAFKA_OAUTH_CLIENT_SECRET',
    '',
    password,
    'client secret at the token endpoint',
  ),
  kafkaOauthScope: setting('EFS_KAFKA_OAUTH_SCOPE', '', scope, 'scopes that tokens are asked for with'),
  kafkaOauthExtensions: setting(
    'EFS_KAFKA_OAUTH_EXTENSIONS',
    '',
    extensions,
    'SASL extensions sent to Kafka with the token, such as logicalCluster=lkc-1',
  ),
  kafkaOauthCaFile: setting(
    'EFS_KAFKA_OAUTH_CA_FILE',
    '',
    certificates,
    'who may have signed the token endpoint’s certificate; empty takes the well-known ones',
  ),
  kafkaAwsRegion: setting('EFS_KAFKA_AWS_REGION', '', region, 'AWS region for SASL aws-msk-iam'),
  kafkaCompression: setting(
    'EFS_KAFKA_COMPRESSION',
    'off',
    oneOf('off', 'gzip', 'snappy', 'lz4', 'zstd'),
    'what published records are compressed with; every codec is read, whatever is set',
  ),
  registryUser: setting('EFS_REGISTRY_USER', '', basicUser, 'user for basic authentication at the registry'),
  registryPassword: setting('EFS_REGISTRY_PASSWORD', '', password, 'password of that user'),
  registryToken: setting(
    'EFS_REGISTRY_TOKEN',
    '',
    bearer,
    'bearer token for the registry, instead of a user',
  ),
  registryCaFile: setting(
    'EFS_REGISTRY_CA_FILE',
    '',
    certificates,
    'who may have signed the certificate of an https:// registry; empty takes the well-known ones',
  ),
  registryCertFile: setting(
    'EFS_REGISTRY_CERT_FILE',
    '',
    certificates,
    'client certificate for the registry',
  ),
  registryKeyFile: setting(
    'EFS_REGISTRY_KEY_FILE',
    '',
    privateKey,
    'private key of the client certificate for the registry',
  ),
  redisUser: setting('EFS_REDIS_USER', '', userName, 'user for Redis, in place of one in the URL'),
  redisPassword: setting(
    'EFS_REDIS_PASSWORD',
    '',
    password,
    'password for Redis, in place of one in the URL',
  ),
  redisSentinelUser: setting(
    'EFS_REDIS_SENTINEL_USER',
    '',
    userName,
    'user for the sentinels of a redis+sentinel:// URL; empty is their default user',
  ),
  redisSentinelPassword: setting(
    'EFS_REDIS_SENTINEL_PASSWORD',
    '',
    password,
    'password for the sentinels; the one in the URL is for Redis itself',
  ),
  redisCaFile: setting(
    'EFS_REDIS_CA_FILE',
    '',
    certificates,
    'who may have signed the certificate of a rediss:// server; empty takes the well-known ones',
  ),
  redisCertFile: setting('EFS_REDIS_CERT_FILE', '', certificates, 'client certificate for Redis'),
  redisKeyFile: setting(
    'EFS_REDIS_KEY_FILE',
    '',
    privateKey,
    'private key of the client certificate for Redis',
  ),
} as const;
