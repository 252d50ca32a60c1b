import type { Kafka } from 'kafkajs';
import { version as kafkajsVersion } from 'kafkajs/package.json';
import { assert, must } from '../base/assert';

/*
 * kafkajs decodes every record of a response at once, headers in quadratic time, and follows its group's offsets on
 * its own. Reading, writing bytes as they are, and positions therefore go through its connections, its metadata and
 * its request queue, but with requests and responses of our own. What is used of its inside is declared here, for
 * one version.
 */
const KAFKAJS = '2.2.4';

export interface BrokerInside {
  readonly connectionPool: {
    readonly host: string;
    readonly port: number;
    send(request: unknown): Promise<unknown>;
  };
  metadata(topics: string[]): Promise<{ topicMetadata: { partitionMetadata: PartitionInside[] }[] }>;
  offsetFetch(request: {
    groupId: string;
    topics: { topic: string; partitions: { partition: number }[] }[];
  }): Promise<{ responses: { partitions: { offset: string; metadata: string | null }[] }[] }>;
  /** `coordinatorType` is 0 for the coordinator of a group, 1 for that of a transactional id. */
  findGroupCoordinator(request: {
    groupId: string;
    coordinatorType: number;
  }): Promise<{ coordinator: { nodeId: number } }>;
  syncGroup(
    request: MemberInside & {
      generationId: number;
      groupAssignment: readonly { memberId: string; memberAssignment: Buffer }[];
    },
  ): Promise<{ memberAssignment: Buffer }>;
  heartbeat(request: MemberInside & { groupGenerationId: number }): Promise<unknown>;
  offsetCommit(
    request: MemberInside & { groupGenerationId: number; topics: readonly TopicOffsets[] },
  ): Promise<unknown>;
  leaveGroup(request: MemberInside): Promise<unknown>;
  initProducerId(request: {
    transactionalId: string;
    transactionTimeout: number;
  }): Promise<{ producerId: string; producerEpoch: number }>;
  addPartitionsToTxn(
    request: ProducerInside & { topics: { topic: string; partitions: number[] }[] },
  ): Promise<unknown>;
  addOffsetsToTxn(request: ProducerInside & { groupId: string }): Promise<unknown>;
  txnOffsetCommit(
    request: ProducerInside & {
      groupId: string;
      topics: { topic: string; partitions: { partition: number; offset: string; metadata: string }[] }[];
    },
  ): Promise<unknown>;
  endTxn(request: ProducerInside & { transactionResult: boolean }): Promise<unknown>;
  disconnect(): Promise<void>;
}

/** A member of a group, as each of its requests says. */
interface MemberInside {
  readonly groupId: string;
  readonly memberId: string;
}

/** What a group commits of a topic. */
export interface TopicOffsets {
  readonly topic: string;
  readonly partitions: readonly { readonly partition: number; readonly offset: string }[];
}

/** Who takes part in a transaction, as each of its requests says. */
export interface ProducerInside {
  readonly transactionalId: string;
  readonly producerId: string;
  readonly producerEpoch: number;
}

interface PartitionInside {
  readonly partitionId: number;
  readonly leader: number | null;
  readonly isr: readonly number[];
}

/** The methods of kafkajs' cluster that are used. */
export interface ClusterInside {
  readonly brokerPool: { findConnectedBroker(): Promise<BrokerInside> };
  connect(): Promise<void>;
  disconnect(): Promise<void>;
  addMultipleTargetTopics(topics: readonly string[]): Promise<void>;
  refreshMetadata(): Promise<void>;
  refreshMetadataIfNecessary(): Promise<void>;
  findBroker(node: { nodeId: number }): Promise<BrokerInside>;
  findTopicPartitionMetadata(topic: string): PartitionInside[];
  fetchTopicsOffset(
    topics: { topic: string; partitions: { partition: number }[]; fromBeginning: boolean }[],
  ): Promise<{ topic: string; partitions: { partition: number; offset: string }[] }[]>;
  removeBroker(address: { host: string; port: number }): void;
}

/** A consumer hands its cluster to its assigners as it is made: the only way kafkajs gives one away. */
export function clusterOf(kafka: Kafka): ClusterInside {
  assert(
    kafkajsVersion === KAFKAJS,
    `kafkajs ${kafkajsVersion} is installed, its inside is known for ${KAFKAJS}`,
  );
  let inside: unknown = null;
  const protocol = () => ({ name: 'none', metadata: Buffer.alloc(0) });
  kafka.consumer({
    groupId: 'none: never joins',
    allowAutoTopicCreation: false,
    partitionAssigners: [
      ({ cluster }) => {
        inside = cluster;
        return { name: 'none', version: 0, assign: async () => [], protocol };
      },
    ],
  });
  return must(inside as ClusterInside | null, 'kafkajs gives its cluster to its assigners');
}
