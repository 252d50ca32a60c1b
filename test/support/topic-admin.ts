import { DAY_MS } from '../../src/base/time';
import type { NewTopic, TopicAdmin, TopicFacts } from '../../src/log/admin';

/** The default retention of Kafka's brokers: a week. */
const BROKER_RETENTION_MS = 7 * DAY_MS;
const BROKER_MESSAGE_BYTES = 1_048_588;

/** Topics in memory: names, partitions and configuration, no records. */
export interface MemoryTopicAdmin extends TopicAdmin {
  readonly topics: ReadonlyMap<string, NewTopic>;
}

export function memoryTopicAdmin(
  existing: readonly NewTopic[] = [],
  { brokers = 1 }: { brokers?: number } = {},
): MemoryTopicAdmin {
  const topics = new Map(existing.map((topic) => [topic.name, topic]));
  const factsOf = ({ partitions, replicationFactor, config }: NewTopic): TopicFacts => ({
    partitions,
    cleanupPolicy: config['cleanup.policy'] ?? 'delete',
    retentionMs: Number(config['retention.ms'] ?? BROKER_RETENTION_MS),
    retentionBytes: Number(config['retention.bytes'] ?? -1),
    maxMessageBytes: Number(config['max.message.bytes'] ?? BROKER_MESSAGE_BYTES),
    replicas: replicationFactor,
    inSync: replicationFactor,
    minInSync: Number(config['min.insync.replicas'] ?? 1),
  });
  return {
    topics,
    brokers: () => Promise.resolve(brokers),
    describe: (names) =>
      Promise.resolve(
        new Map(
          names.flatMap((name) => {
            const topic = topics.get(name);
            return topic === undefined ? [] : [[name, factsOf(topic)] as const];
          }),
        ),
      ),
    create(created) {
      for (const topic of created) if (!topics.has(topic.name)) topics.set(topic.name, topic);
      return Promise.resolve();
    },
    close: () => Promise.resolve(),
  };
}
