import { kafkaClient } from '../../src/kafka/client.kafka';
import { type KafkaServer, startKafka } from '../servers/kafka';

const BROKERS = 3;

/** Three brokers that acknowledge a write once two of them have it, in every topic, Kafka's own included. */
export const startBrokers = (): Promise<KafkaServer> =>
  startKafka({
    brokers: BROKERS,
    properties: { 'min.insync.replicas': 2, 'transaction.state.log.min.isr': 2 },
  });

interface PartitionState {
  readonly topic: string;
  readonly partition: number;
  readonly leader: number;
  readonly inSync: number;
}

/** All partitions, Kafka's own included, by one broker's metadata; null where it does not answer. */
async function partitionsSeenBy(broker: string): Promise<PartitionState[] | null> {
  const admin = kafkaClient({ brokers: [broker], clientId: 'observer' }).admin({ retry: { retries: 0 } });
  try {
    await admin.connect();
    const { topics } = await admin.fetchTopicMetadata();
    return topics.flatMap(({ name: topic, partitions }) =>
      partitions.map(({ partitionId: partition, leader, isr }) => ({
        topic,
        partition,
        leader,
        inSync: isr.length,
      })),
    );
  } catch {
    return null;
  } finally {
    await admin.disconnect().catch(() => undefined);
  }
}

async function allSee(brokers: readonly string[], holds: (state: PartitionState) => boolean) {
  const seen = await Promise.all(brokers.map(partitionsSeenBy));
  return seen.every((partitions) => partitions?.every(holds) === true);
}

/** Whether every partition has a leader other than this broker, by the metadata of all others. Brokers count from 1. */
export function haveLeadersWithout({ brokers }: KafkaServer, id: number): Promise<boolean> {
  const others = brokers.filter((_, index) => index !== id - 1);
  return allSee(others, ({ leader }) => leader > 0 && leader !== id);
}

/** Whether every partition has a leader and all of its replicas in sync, by the metadata of every broker. */
export function areInSync({ brokers }: KafkaServer): Promise<boolean> {
  return allSee(brokers, ({ leader, inSync }) => leader > 0 && inSync === BROKERS);
}

/** Java's `String.hashCode`, by which Kafka chooses the partition that a group's coordinator leads. */
function javaHash(text: string): number {
  let hash = 0;
  for (const character of text) hash = (Math.imul(hash, 31) + character.charCodeAt(0)) | 0;
  return hash;
}

/** The broker that the quorum elected last, by the logs of the live ones. */
function controllerOf({ nodes }: KafkaServer): number | null {
  const elections = nodes.flatMap((node) =>
    [...node.log().matchAll(/RaftManager id=(\d+)\] Completed transition to Leader\(.*? epoch=(\d+)/g)].map(
      ([, id, epoch]) => ({ id: Number(id), epoch: Number(epoch) }),
    ),
  );
  return elections.sort((a, b) => a.epoch - b.epoch).at(-1)?.id ?? null;
}

const PIPELINES = ['status', 'kpi'] as const;

/**
 * The roles of a broker for a service whose consumer groups have this prefix: `controller, coordinator of kpi, leader of
 * 21 partitions`.
 */
export async function rolesOf(kafka: KafkaServer, id: number, groupId: string): Promise<string> {
  const partitions = (await partitionsSeenBy(kafka.brokers[id - 1] ?? '')) ?? [];
  const offsets = partitions.filter(({ topic }) => topic === '__consumer_offsets');
  const coordinates = (pipeline: string): boolean => {
    const home = Math.abs(javaHash(`${groupId}-${pipeline}`)) % offsets.length;
    return offsets.some(({ partition, leader }) => partition === home && leader === id);
  };
  return [
    ...(controllerOf(kafka) === id ? ['controller'] : []),
    ...PIPELINES.filter(coordinates).map((pipeline) => `coordinator of ${pipeline}`),
    `leader of ${partitions.filter(({ leader }) => leader === id).length} partitions`,
  ].join(', ');
}
