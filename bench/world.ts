import { Kafka, logLevel } from 'kafkajs';
import { FEEDBACK_TOPICS } from '../src/feedback/topics';
import { feedback, ORDINARY_TRAFFIC } from '../src/simulation/traffic';
import { startKafka } from '../test/servers/kafka';
import { startRedis } from '../test/servers/redis';
import { startRegistry } from '../test/servers/registry';
import { consumingSince, runEfs, type RunningEfs, startEfs } from './efs';

/** Partitions of every topic. */
export const PARTITIONS = 4;

/** Kafka with one broker, the registry and Redis, all of them this bench's own. */
export interface World {
  readonly kafka: Kafka;
  readonly pids: { readonly kafka: number; readonly redis: number };
  readonly redisUrl: string;
  /** The settings of a command for these servers and the topics under a prefix. */
  settings(prefix: string): Record<string, string>;
  stop(): Promise<void>;
}

export async function startWorld(): Promise<World> {
  const [broker, registry, redis] = await Promise.all([startKafka(), startRegistry(), startRedis()]);
  const kafka = new Kafka({ clientId: 'bench', brokers: broker.brokers, logLevel: logLevel.ERROR });
  return {
    kafka,
    pids: { kafka: broker.nodes[0]?.pid() ?? 0, redis: redis.pid() },
    redisUrl: redis.url,
    settings: (prefix) => ({
      EFS_KAFKA_BROKERS: broker.brokers.join(','),
      EFS_SCHEMA_REGISTRY_URL: registry.url,
      EFS_REDIS_URL: redis.url,
      EFS_PARTITIONS: String(PARTITIONS),
      EFS_TOPIC_PREFIX: prefix,
      EFS_HTTP_PORT: '0',
      EFS_LOG_FORMAT: 'json',
    }),
    stop: async () => {
      await Promise.all([broker.stop(), registry.stop(), redis.stop()]);
    },
  };
}

/** Runs `efs run` on servers and topics of its own, for as long as `use` takes; it is ready by then. */
export async function onService(
  prefix: string,
  use: (world: World, efs: RunningEfs) => Promise<void>,
): Promise<void> {
  const world = await startWorld();
  try {
    await runEfs(['setup'], world.settings(prefix));
    const efs = await startEfs(world.settings(prefix));
    try {
      await consumingSince(efs);
      await use(world, efs);
    } finally {
      await efs.stop();
    }
  } finally {
    await world.stop();
  }
}

/** The names of the inputs under a prefix. */
export const inputTopics = (prefix: string): string[] => FEEDBACK_TOPICS.map(({ topic }) => prefix + topic);

/**
 * Creates the topics under a prefix and fills the inputs with simulated traffic. Returns the number of messages with
 * feedback: the simulated MTA reports none on a few of them. `compression` is that of the inputs alone.
 */
export async function fill(
  world: World,
  prefix: string,
  messages: number,
  seed: number,
  { deliveries = 40, poison = 0.0001, compression = 'off' } = {},
): Promise<number> {
  await runEfs(['setup'], world.settings(prefix));
  const campaign = { messages, deliveries, seed };
  const traffic = { ...campaign, disorder: 0.05, duplicates: 0.05, poison };
  const flags = Object.entries(traffic).flatMap(([name, value]) => [`--${name}`, String(value)]);
  await runEfs(['simulate', ...flags], { ...world.settings(prefix), EFS_KAFKA_COMPRESSION: compression });
  const withFeedback = new Set<string>();
  for (const { messageId } of feedback({ ...ORDINARY_TRAFFIC, ...campaign })) withFeedback.add(messageId);
  return withFeedback.size;
}

/** The end offsets of a topic, by partition: the number of its records, where none is transactional. */
export async function endOffsets(world: World, topic: string): Promise<number[]> {
  const admin = world.kafka.admin();
  await admin.connect();
  try {
    const partitions = await admin.fetchTopicOffsets(topic);
    return partitions.sort((a, b) => a.partition - b.partition).map(({ high }) => Number(high));
  } finally {
    await admin.disconnect();
  }
}

/** The number of records in some topics. */
export async function countRecords(world: World, topics: readonly string[]): Promise<number> {
  const deps = await Promise.all(topics.map((topic) => endOffsets(world, topic)));
  return deps.flat().reduce((sum, end) => sum + end, 0);
}
