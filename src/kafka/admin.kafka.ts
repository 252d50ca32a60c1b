import {
  type Admin,
  ConfigResourceTypes,
  type ITopicConfig,
  type Kafka,
  type PartitionMetadata,
} from 'kafkajs';
import { must } from '../base/assert';
import type { Clock } from '../base/clock';
import { EfsError } from '../base/errors';
import type { NewTopic, TopicAdmin, TopicFacts } from '../log/admin';
import { isOfType, kafkaFailure } from './failure.kafka';

/** In the order in which `describe` reads them. */
const CONFIG_NAMES = [
  'cleanup.policy',
  'retention.ms',
  'retention.bytes',
  'max.message.bytes',
  'min.insync.replicas',
];
/** `create` polls the metadata of new topics this often, and for at most this long. */
const LEADER_POLL_MS = 100;
const LEADER_WITHIN_MS = 30_000;

/** Topics through kafkajs' admin client; it connects at the first call. */
export function kafkaTopicAdmin(kafka: Kafka, clock: Clock): TopicAdmin {
  const admin = kafka.admin();

  const connected = async <T>(act: () => Promise<T>): Promise<T> => {
    try {
      await admin.connect();
      return await act();
    } catch (error) {
      throw refusal(error) ?? kafkaFailure(error);
    }
  };

  /** By topic, the values of `CONFIG_NAMES` that are in force. */
  const configsOf = async (names: readonly string[]): Promise<ReadonlyMap<string, readonly string[]>> => {
    const { resources } = await admin.describeConfigs({
      includeSynonyms: false,
      resources: names.map((name) => ({
        type: ConfigResourceTypes.TOPIC,
        name,
        configNames: CONFIG_NAMES,
      })),
    });
    const valuesOf = (entries: readonly { configName: string; configValue: string }[]): string[] =>
      CONFIG_NAMES.map((name) => entries.find(({ configName }) => configName === name)?.configValue ?? '');
    return new Map(resources.map((each) => [each.resourceName, valuesOf(each.configEntries)]));
  };

  return {
    brokers: () => connected(async () => (await admin.describeCluster()).brokers.length),
    describe: (names) =>
      connected(async () => {
        // Asking for the metadata of a topic that is missing is an error, and may create it.
        const existing = new Set(await admin.listTopics());
        const wanted = names.filter((name) => existing.has(name));
        if (wanted.length === 0) return new Map<string, TopicFacts>();
        const { topics } = await admin.fetchTopicMetadata({ topics: wanted });
        const configs = await configsOf(wanted);
        return new Map(
          topics.map(({ name, partitions }) => {
            const values = must(configs.get(name), 'Kafka describes every topic that it is asked for');
            return [name, factsOf(partitions, values)];
          }),
        );
      }),
    create: (topics) =>
      connected(async () => {
        // kafkajs can wait for leaders too, but fails at once where a broker does not know the topic yet.
        await admin.createTopics({ waitForLeaders: false, topics: topics.map(requestOf) });
        const names = topics.map(({ name }) => name);
        const deadline = clock.monotonic() + LEADER_WITHIN_MS;
        while (!(await haveLeaders(admin, names))) {
          if (clock.monotonic() > deadline)
            throw new EfsError('kafka-unavailable', 'the topics are created, but some have no leader yet');
          await clock.sleep(LEADER_POLL_MS);
        }
      }),
    close: () => admin.disconnect(),
  };
}

/** `values` are those of `CONFIG_NAMES`, in their order. */
function factsOf(
  partitions: readonly Pick<PartitionMetadata, 'replicas' | 'isr'>[],
  [cleanupPolicy = '', ...numbers]: readonly string[],
): TopicFacts {
  const [retentionMs = NaN, retentionBytes = NaN, maxMessageBytes = NaN, minInSync = NaN] =
    numbers.map(Number);
  return {
    ...{ partitions: partitions.length, cleanupPolicy, retentionMs, retentionBytes, maxMessageBytes },
    replicas: Math.min(...partitions.map(({ replicas }) => replicas.length)),
    inSync: Math.min(...partitions.map(({ isr }) => isr.length)),
    minInSync,
  };
}

/** Whether every partition of these topics has a leader, according to the broker that answers. */
async function haveLeaders(admin: Pick<Admin, 'fetchTopicMetadata'>, names: string[]): Promise<boolean> {
  try {
    const { topics } = await admin.fetchTopicMetadata({ topics: names });
    return topics.every(({ partitions }) => partitions.every(({ leader }) => leader >= 0));
  } catch (error) {
    if (isOfType(error, 'UNKNOWN_TOPIC_OR_PARTITION')) return false;
    throw error;
  }
}

function requestOf({ name, partitions, replicationFactor, config }: NewTopic): ITopicConfig {
  return {
    topic: name,
    numPartitions: partitions,
    replicationFactor,
    configEntries: Object.entries(config).map(([entry, value]) => ({ name: entry, value })),
  };
}

/** Kafka's refusal of a topic, or null for any other failure. A refusal is final: a retry does not help. */
function refusal(error: unknown): EfsError | null {
  const { name, errors } = error as {
    name?: string;
    errors?: { type?: string; topic?: string; message: string; retriable?: boolean }[];
  };
  if (name !== 'KafkaJSAggregateError' || errors === undefined) return null;
  const refused = errors.filter((each) => each.type !== 'TOPIC_ALREADY_EXISTS');
  if (refused.length === 0 || refused.some((each) => each.retriable === true)) return null;
  const isAuthorization = refused.every((each) => each.type?.endsWith('_AUTHORIZATION_FAILED'));
  const listed = refused.map((each) => `${each.topic ?? 'a topic'}: ${each.message}`).join('\n');
  return new EfsError(isAuthorization ? 'access-refused' : 'topic-unfit', listed, { cause: error });
}
