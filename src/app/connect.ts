import type { PemFile } from '../settings/files';
import type { Config } from '../settings/table';
import { systemClock } from '../base/clock';
import type { Log } from '../base/log';
import { type KafkaAddress, kafkaClient } from '../kafka/client.kafka';
import { kafkaReader } from '../kafka/reader.kafka';
import { kafkaSink } from '../kafka/sink.kafka';
import { SOURCE_LIMITS, type SourceLimits } from '../kafka/source.kafka';
import type { Sink } from '../log/sink';
import type { TopicReader } from '../log/source';
import { oauthBearer } from '../kafka/oauth.kafka';
import type { SchemaRegistrar } from '../avro/registry';
import { basic, confluentRegistry } from '../avro/registry.confluent';
import { sharedToken, type Token } from '../kafka/token';
import { closeRedis, type ConnectOptions, connectRedis } from '../store/connect.redis';
import { namespaceOf } from '../store/keys';
import type { RedisClient } from '../store/scripts.redis';
import type { Generations, Store } from '../store/store';
import { redisStore } from '../store/store.redis';
import { mskTokens } from './aws-msk-iam';
import { renewedSecret, renewedTls } from './credentials';
import { requestToken } from './oauth-token';

/** The PEM texts of the configured files. */
const pems = (ca: PemFile | null, cert: PemFile | null, key: PemFile | null) => ({
  ...(ca === null ? {} : { ca: ca.pem }),
  ...(cert === null ? {} : { cert: cert.pem }),
  ...(key === null ? {} : { key: key.pem }),
});

/** How long the token endpoint may take, in milliseconds: kafkajs gives a broker 11 s to be connected and logged in. */
const TOKEN_TIMEOUT_MS = 5_000;

/** A Kafka client. It connects on use, and rereads the configured files then. Throws `config-invalid`. */
export function kafkaOf(config: Config, log: Log): ReturnType<typeof kafkaClient> {
  const { kafkaCaFile: ca, kafkaCertFile: cert, kafkaKeyFile: key } = config;
  return kafkaClient(
    {
      brokers: config.kafkaBrokers,
      clientId: `${config.topicPrefix}efs`,
      requestTimeout: config.kafkaRequestTimeoutMs,
      tls: config.kafkaTls ? renewedTls({ ca, cert, key }, log) : null,
      sasl: saslOf(config, log),
    },
    (level, message) => log.debug(`kafkajs ${level}: ${message}`, { dependency: 'kafka' }),
  );
}

/** The SASL log-in to Kafka; null without one. */
function saslOf(config: Config, log: Log): KafkaAddress['sasl'] {
  const { kafkaSasl: mechanism, kafkaUser: username } = config;
  switch (mechanism) {
    case 'off':
      return null;
    case 'oauthbearer':
      return oauthBearer(sharedToken(oauthTokens(config, log), systemClock), config.kafkaOauthExtensions);
    case 'aws-msk-iam':
      return oauthBearer(sharedToken(mskTokens(config.kafkaAwsRegion), systemClock), {});
    case 'plain':
    case 'scram-sha-256':
    case 'scram-sha-512': {
      const password = renewedSecret(config.kafkaPassword, log);
      return {
        mechanism: mechanism as 'plain',
        username,
        get password() {
          return password();
        },
      };
    }
  }
}

/** Requests tokens from the configured token endpoint. */
function oauthTokens(config: Config, log: Log): () => Promise<Token> {
  const client = {
    tokenUrl: config.kafkaOauthTokenUrl,
    clientId: config.kafkaOauthClientId,
    clientSecret: renewedSecret(config.kafkaOauthClientSecret, log),
    scope: config.kafkaOauthScope,
    timeoutMs: TOKEN_TIMEOUT_MS,
    tls: renewedTls({ ca: config.kafkaOauthCaFile }, log),
  };
  return () => requestToken(client);
}

/** The authorization header for the registry; null where no setting holds a log-in, or only the URL does. */
function registryLogin(config: Config, log: Log): () => string | null {
  const { registryUser: user, registryToken, registryPassword } = config;
  const [token, password] = [renewedSecret(registryToken, log), renewedSecret(registryPassword, log)];
  if (registryToken.text !== '') return () => `Bearer ${token()}`;
  return () => (user === '' ? null : basic(user, password()));
}

/** The registry client. It connects on use. */
export function registryOf(config: Config, log: Log): SchemaRegistrar {
  return confluentRegistry({
    url: config.schemaRegistryUrl,
    timeoutMs: config.registryTimeoutMs,
    authorization: registryLogin(config, log),
    ...pems(config.registryCaFile, config.registryCertFile, config.registryKeyFile),
  });
}

/** Connects to Redis, and rereads the configured files at each connection. Throws as `connectRedis` does. */
export function redisOf(
  config: Config,
  log: Log,
  how: Pick<ConnectOptions, 'log' | 'name'>,
): Promise<RedisClient> {
  const { redisCaFile: ca, redisCertFile: cert, redisKeyFile: key } = config;
  const hasOwnLogin = config.redisPassword.text !== '';
  const { redisSentinelUser: username, redisSentinelPassword: sentinelPassword } = config;
  return connectRedis(config.redisUrl, {
    ...how,
    commandTimeoutMs: config.redisTimeoutMs,
    ...(config.redisUrl.startsWith('rediss') ? { tls: renewedTls({ ca, cert, key }, log) } : {}),
    ...(hasOwnLogin ? { user: config.redisUser, password: renewedSecret(config.redisPassword, log) } : {}),
    sentinel: {
      ...(username === '' ? {} : { username }),
      ...(sentinelPassword.text === '' ? {} : { password: renewedSecret(sentinelPassword, log) }),
    },
  });
}

/** Connects to the state of this installation in Redis. Throws as `connectRedis` does. */
export async function connectState(
  config: Config,
  log: Log,
  name: string,
): Promise<{ client: RedisClient; store: Store & Generations }> {
  const debug = (_: object, message: string): void => log.debug(message);
  const client = await redisOf(config, log, { log: { info: debug, warn: debug }, name });
  return {
    client,
    store: redisStore(client, { namespace: namespaceOf(config.groupId, config.topicPrefix) }),
  };
}

/** Opens the state for as long as `use` takes. Throws `redis-unavailable`, `access-refused`, `tls-failed`. */
export async function withState<T>(
  config: Config,
  log: Log,
  use: (store: Store & Generations) => Promise<T>,
): Promise<T> {
  const { client, store } = await connectState(config, log, 'efs-cli');
  try {
    return await use(store);
  } finally {
    closeRedis(client);
  }
}

/** Opens a reader of topics for as long as `use` takes; it connects on use. */
export async function withReader<T>(
  config: Config,
  log: Log,
  use: (reader: TopicReader) => Promise<T>,
): Promise<T> {
  const reader = kafkaReader(kafkaOf(config, log), systemClock, config);
  try {
    return await use(reader);
  } finally {
    await reader.close();
  }
}

/** The limits of a source that reads in a group, as the settings say. */
export const sourceLimits = (config: Config, limits: SourceLimits = SOURCE_LIMITS): SourceLimits => ({
  ...limits,
  fetch: { ...limits.fetch, maxBatchBytes: config.maxBatchBytes },
  group: {
    ...SOURCE_LIMITS.group,
    sessionTimeoutMs: config.sessionTimeoutMs,
    heartbeatIntervalMs: Math.min(3_000, Math.ceil(config.sessionTimeoutMs / 6)),
  },
});

/** A sink of the service's topics; it connects on use. */
export function sinkOf(config: Config, kafka: ReturnType<typeof kafkaOf>): Sink {
  const { topicPrefix: prefix, kafkaCompression: compression } = config;
  return kafkaSink(kafka, { clock: systemClock, prefix, compression });
}
