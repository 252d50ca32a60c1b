import type { Config } from '../settings/table';
import type { Log } from '../base/log';
import type { PemFile } from '../settings/kinds';
import { kafkaClient } from '../feedback/client.kafka';
import type { SchemaRegistrar } from '../feedback/registry';
import { basic, confluentRegistry } from '../feedback/registry.confluent';
import { closeRedis, type ConnectOptions, connectRedis } from '../store/connect.redis';
import { namespaceOf } from '../store/keys';
import type { RedisClient } from '../store/scripts.redis';
import type { Generations, Store } from '../store/store';
import { redisStore } from '../store/store.redis';

type KafkaSettings = Pick<
  Config,
  | 'topicPrefix'
  | 'kafkaBrokers'
  | 'kafkaRequestTimeoutMs'
  | 'kafkaTls'
  | 'kafkaCaFile'
  | 'kafkaCertFile'
  | 'kafkaKeyFile'
  | 'kafkaSasl'
  | 'kafkaUser'
  | 'kafkaPassword'
>;
type RegistrySettings = Pick<
  Config,
  | 'schemaRegistryUrl'
  | 'registryTimeoutMs'
  | 'registryUser'
  | 'registryPassword'
  | 'registryToken'
  | 'registryCaFile'
  | 'registryCertFile'
  | 'registryKeyFile'
>;
type RedisSettings = Pick<
  Config,
  | 'redisUrl'
  | 'redisTimeoutMs'
  | 'redisSentinelUser'
  | 'redisSentinelPassword'
  | 'redisCaFile'
  | 'redisCertFile'
  | 'redisKeyFile'
>;
type StateSettings = RedisSettings & Pick<Config, 'groupId' | 'topicPrefix'>;

/** PEM texts as far as files are named. */
const pems = (ca: PemFile | null, cert: PemFile | null = null, key: PemFile | null = null) => ({
  ...(ca === null ? {} : { ca: ca.pem }),
  ...(cert === null ? {} : { cert: cert.pem }),
  ...(key === null ? {} : { key: key.pem }),
});

/** A Kafka client; it connects when it is used. */
export function kafkaOf(config: KafkaSettings, log: Log): ReturnType<typeof kafkaClient> {
  const { kafkaSasl: mechanism, kafkaUser: username, kafkaPassword } = config;
  return kafkaClient(
    {
      brokers: config.kafkaBrokers,
      clientId: `${config.topicPrefix}efs`,
      requestTimeout: config.kafkaRequestTimeoutMs,
      tls: config.kafkaTls ? pems(config.kafkaCaFile, config.kafkaCertFile, config.kafkaKeyFile) : null,
      sasl: mechanism === 'off' ? null : { mechanism, username, password: kafkaPassword },
    },
    (level, message) => log.debug(`kafkajs ${level}: ${message}`, { dependency: 'kafka' }),
  );
}

/** What proves to the registry who asks; null where no setting does, or only the URL. */
function registryLogin({ registryToken, registryUser, registryPassword }: RegistrySettings): string | null {
  if (registryToken !== '') return `Bearer ${registryToken}`;
  return registryUser === '' ? null : basic(registryUser, registryPassword);
}

/** The registry; it is asked when it is used. */
export function registryOf(config: RegistrySettings): SchemaRegistrar {
  return confluentRegistry({
    url: config.schemaRegistryUrl,
    timeoutMs: config.registryTimeoutMs,
    authorization: () => registryLogin(config),
    ...pems(config.registryCaFile, config.registryCertFile, config.registryKeyFile),
  });
}

/** Connects to Redis. Throws as `connectRedis` does. */
export function redisOf(
  config: RedisSettings,
  log: ConnectOptions['log'],
  name: string,
): Promise<RedisClient> {
  const { redisCaFile, redisCertFile, redisKeyFile } = config;
  const { redisSentinelUser: username, redisSentinelPassword: password } = config;
  return connectRedis(config.redisUrl, {
    log,
    name,
    commandTimeoutMs: config.redisTimeoutMs,
    tls: pems(redisCaFile, redisCertFile, redisKeyFile),
    sentinel: { ...(username === '' ? {} : { username }), ...(password === '' ? {} : { password }) },
  });
}

/** Opens the state for as long as `use` takes. Throws `redis-unavailable`, `access-refused`, `tls-failed`. */
export async function withState<T>(
  config: StateSettings,
  log: Log,
  use: (store: Store & Generations) => Promise<T>,
): Promise<T> {
  const lines = {
    info: (_: object, message: string) => log.info(message),
    warn: (_: object, message: string) => log.warn(message),
  };
  const client = await redisOf(config, lines, 'efs-cli');
  try {
    return await use(redisStore(client, { namespace: namespaceOf(config.groupId, config.topicPrefix) }));
  } finally {
    closeRedis(client);
  }
}
