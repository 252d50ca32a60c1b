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
  redisTimeoutMs: setting('5000', timeout, 'how long a Redis command may take'),
  kafkaRequestTimeoutMs: setting('10000', timeout, 'how long a Kafka request may take'),
  registryTimeoutMs: setting('5000', timeout, 'how long a registry request may take'),
  kafkaTls: setting('off', onOff, 'whether Kafka is reached over TLS'),
  kafkaCaFile: setting(
    '',
    certificates,
    'who may have signed the brokers’ certificates; empty takes the well-known ones',
  ),
  kafkaCertFile: setting('', certificates, 'client certificate for Kafka'),
  kafkaKeyFile: setting('', privateKey, 'private key of the client certificate for Kafka'),
  kafkaSasl: setting(
    'off',
    oneOf('off', 'plain', 'scram-sha-256', 'scram-sha-512', 'oauthbearer', 'aws-msk-iam'),
    'how the service logs in to Kafka',
  ),
  kafkaUser: setting('', userName, 'user for SASL plain and scram'),
  kafkaPassword: setting('', password, 'password for SASL plain and scram'),
  kafkaOauthTokenUrl: setting(
    '',
    tokenUrl,
    'token endpoint for SASL oauthbearer, asked for tokens by client credentials',
  ),
  kafkaOauthClientId: setting('', userName, 'client id at the token endpoint'),
  kafkaOauthClientSecret: setting('', password, 'client secret at the token endpoint'),
  kafkaOauthScope: setting('', scope, 'scopes that tokens are asked for with'),
  kafkaOauthExtensions: setting(
    '',
    extensions,
    'SASL extensions sent to Kafka with the token, such as logicalCluster=lkc-1',
  ),
  kafkaOauthCaFile: setting(
    '',
    certificates,
    'who may have signed the token endpoint’s certificate; empty takes the well-known ones',
  ),
  kafkaAwsRegion: setting('', region, 'AWS region for SASL aws-msk-iam'),
  kafkaCompression: setting(
    'off',
    oneOf('off', 'gzip', 'snappy', 'lz4', 'zstd'),
    'what published records are compressed with; every codec is read, whatever is set',
  ),
  registryUser: setting('', basicUser, 'user for basic authentication at the registry'),
  registryPassword: setting('', password, 'password of that user'),
  registryToken: setting('', bearer, 'bearer token for the registry, instead of a user'),
  registryCaFile: setting(
    '',
    certificates,
    'who may have signed the certificate of an https:// registry; empty takes the well-known ones',
  ),
  registryCertFile: setting('', certificates, 'client certificate for the registry'),
  registryKeyFile: setting('', privateKey, 'private key of the client certificate for the registry'),
  redisUser: setting('', userName, 'user for Redis, in place of one in the URL'),
  redisPassword: setting('', password, 'password for Redis, in place of one in the URL'),
  redisSentinelUser: setting(
    '',
    userName,
    'user for the sentinels of a redis+sentinel:// URL; empty is their default user',
  ),
  redisSentinelPassword: setting(
    '',
    password,
    'password for the sentinels; the one in the URL is for Redis itself',
  ),
  redisCaFile: setting(
    '',
    certificates,
    'who may have signed the certificate of a rediss:// server; empty takes the well-known ones',
  ),
  redisCertFile: setting('', certificates, 'client certificate for Redis'),
  redisKeyFile: setting('', privateKey, 'private key of the client certificate for Redis'),
} as const;
