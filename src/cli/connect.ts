import type { Config } from '../base/config';
import type { Log } from '../base/log';
import { kafkaClient } from '../feedback/client.kafka';
import { closeRedis, connectRedis } from '../store/connect.redis';
import { namespaceOf } from '../store/keys';
import type { Generations, Store } from '../store/store';
import { redisStore } from '../store/store.redis';

type KafkaAddress = Pick<Config, 'kafkaBrokers' | 'kafkaRequestTimeoutMs'>;
type StateAddress = Pick<Config, 'redisUrl' | 'redisTimeoutMs' | 'groupId' | 'topicPrefix'>;

/** A Kafka client for a command; it connects when it is used. */
export function kafkaOf(config: KafkaAddress, log: Log): ReturnType<typeof kafkaClient> {
  return kafkaClient(
    { brokers: [...config.kafkaBrokers], clientId: 'efs', requestTimeout: config.kafkaRequestTimeoutMs },
    (_, message) => log.debug(`kafkajs: ${message}`, { dependency: 'kafka' }),
  );
}

/** Opens the state for as long as `use` takes. Throws `redis-unavailable`. */
export async function withState<T>(
  config: StateAddress,
  log: Log,
  use: (store: Store & Generations) => Promise<T>,
): Promise<T> {
  const client = await connectRedis(config.redisUrl, {
    log: { info: (_, message) => log.info(message), warn: (_, message) => log.warn(message) },
    name: 'efs-cli',
    commandTimeoutMs: config.redisTimeoutMs,
  });
  try {
    return await use(redisStore(client, { namespace: namespaceOf(config.groupId, config.topicPrefix) }));
  } finally {
    closeRedis(client);
  }
}
