import type { Kafka } from 'kafkajs';
import { version as kafkajsVersion } from 'kafkajs/package.json';
import { assert, must } from '../base/assert';

/*
 * kafkajs decodes every record of a response at once, headers in quadratic time, and manages its group's offsets
 * itself. Fetch, produce and offset requests of this service therefore use its connections, its metadata and its
 * request queue, but their own encoders and decoders. This file declares the internals that are used, for one version.
 */
const KAFKAJS = '2.2.4';

export interface BrokerInside {
  /** What the broker supports, by the number of the API. Known once it is connected. */
  readonly versions: Readonly<
    Record<number, { readonly minVersion: number; readonly maxVersion: number }>
  > | null;
  readonly connectionPool: {
    readonly host: string;
    readonly port: number;
    send(request: unknown): Promise<unknown>;
  };
  metadata(topics: string[]): Promise<{
    brokers: readonly { readonly nodeId: number; readonly host: string; readonly port: number }[];
    topicMetadata: { partitionMetadata: PartitionInside[] }[];
  }>;
  /** `isolationLevel` 0 sees the records of open transactions; `timestamp` -1 asks for the end. */
  listOffsets(request: {
    isolationLevel: 0 | 1;
    topics: { topic: string; partitions: { partition: number; timestamp: -1 }[] }[];
  }): Promise<{ responses: { partitions: { offset: string }[] }[] }>;
  offsetFetch(request: {
    groupId: string;
    topics: { topic: string; partitions: { partition: number }[] }[];
  }): Promise<{
    responses: { partitions: { partition: number; offset: string; metadata: string | null }[] }[];
  }>;
  /** `coordinatorType` is 0 for the coordinator of a group, 1 for that of a transactional id. */
  findGroupCoordinator(request: {
    groupId: string;
    coordinatorType: number;
  }): Promise<{ coordinator: { nodeId: number } }>;
  describeGroups(request: { groupIds: string[] }): Promise<{
    groups: {
      state: string;
      members: { clientId: string; clientHost: string; memberMetadata: Buffer }[];
    }[];
  }>;
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

/** The fields that name a group member in each of its requests. */
interface MemberInside {
  readonly groupId: string;
  readonly memberId: string;
}

/** The offsets that a group commits for a topic. */
export interface TopicOffsets {
  readonly topic: string;
  readonly partitions: readonly { readonly partition: number; readonly offset: string }[];
}

/** The fields that name a transactional producer in each of its requests. */
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

/** The methods of kafkajs' cluster that this service uses. */
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

/** A new consumer passes its cluster to its assigners: the only access that kafkajs gives to one. */
export function clusterOf(kafka: Kafka): ClusterInside {
  assert(
    kafkajsVersion === KAFKAJS,
    `kafkajs ${kafkajsVersion} is installed, only the internals of ${KAFKAJS} are supported`,
  );
  let inside: unknown = null;
  const protocol = () => ({ name: 'unused', metadata: Buffer.alloc(0) });
  kafka.consumer({
    groupId: 'unused: never joins',
    allowAutoTopicCreation: false,
    partitionAssigners: [
      ({ cluster }) => {
        inside = cluster;
        return { name: 'unused', version: 0, assign: async () => [], protocol };
      },
    ],
  });
  return must(inside as ClusterInside | null, 'kafkajs passes its cluster to its assigners');
}
