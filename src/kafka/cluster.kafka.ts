import type { Kafka } from 'kafkajs';
import type Encoder from 'kafkajs/src/protocol/encoder';
import { EfsError } from '../base/errors';
import { isOfType, kafkaFailure } from './failure.kafka';
import type { FetchResponse } from './fetch.kafka';
import { type BrokerInside, type ClusterInside, clusterOf } from './inside.kafka';
import {
  type FetchLimits,
  type FetchRequest,
  fetchRequest,
  produceRequest,
  type TopicPartition,
} from './requests.kafka';
import {
  METADATA_API,
  type TopicMetadata,
  topicMetadataRequest,
  VERSION_WITH_IDS,
} from './topic-metadata.kafka';
import type { Committed, Watermarks } from '../log/source';

/** A consumer group or a transactional id: each has a coordinator among the brokers. */
export interface Coordinated {
  readonly kind: 'group' | 'transaction';
  readonly id: string;
}

/** kafkajs' connections without its consumer. Every method throws `kafka-unavailable` where Kafka does not answer. */
export interface KafkaCluster {
  /** Number of partitions of each topic, in order; null where it does not exist. */
  partitionCounts(topics: readonly string[]): Promise<(number | null)[]>;
  /** Ids and rights by the topics' names, without those that do not exist; null where the broker knows neither (before Kafka 2.8). */
  topicMetadata(topics: readonly string[]): Promise<ReadonlyMap<string, TopicMetadata> | null>;
  /** Partitions by the node that leads them, in order; null for those without a leader. Throws `topic-missing`. */
  byLeader<T extends TopicPartition>(partitions: readonly T[]): Promise<Map<number | null, T[]>>;
  /** Refreshes the metadata, so that the next `byLeader` answers from it. */
  refreshMetadata(): Promise<void>;
  /** Whether a node is connected or accepts a connection now. Where not, the metadata is refreshed. */
  reaches(nodeId: number): Promise<boolean>;
  fetch(nodeId: number, requests: readonly FetchRequest[], limits: FetchLimits): Promise<FetchResponse>;
  /**
   * Sends the body of a version 7 produce request. Resolves once the node has acknowledged each of `partitions`, which are
   * those in the body; throws the refusal of the first refused one.
   */
  produce(nodeId: number, body: Encoder, partitions: readonly TopicPartition[]): Promise<void>;
  /** Sends a request to the broker that coordinates a group or a transactional id. */
  askCoordinator<T>(of: Coordinated, request: (coordinator: BrokerInside) => Promise<T>): Promise<T>;
  /** First offset and end offset, for readers of committed records, of one partition of each topic. */
  watermarks(topics: readonly string[], partition: number): Promise<Watermarks[]>;
  /** End offset of one partition with the records of open transactions. */
  highWatermark(topic: string, partition: number): Promise<number>;
  /** The group's committed offset for each of these partitions; null without one. */
  committed(
    groupId: string,
    topic: string,
    partitions: readonly number[],
  ): Promise<ReadonlyMap<number, Committed | null>>;
  /** Does not reject. */
  close(): Promise<void>;
}

/** Connects at the first call, and never again after `close`. */
export function openCluster(kafka: Kafka): KafkaCluster {
  const cluster = clusterOf(kafka);
  let closed = false;

  const guarded = async <T>(ask: () => Promise<T>): Promise<T> => {
    if (closed) throw closedFailure();
    try {
      return await ask();
    } catch (error) {
      throw closed ? closedFailure(error) : kafkaFailure(error);
    } finally {
      // A request in flight during `close` may have connected once more.
      if (closed) void cluster.disconnect().catch(() => undefined);
    }
  };

  const ready = async (topics: readonly string[]): Promise<void> => {
    await cluster.connect();
    await cluster.addMultipleTargetTopics(topics);
    await cluster.refreshMetadataIfNecessary();
  };
  const askCoordinator = askCoordinators(cluster);

  return {
    partitionCounts: (topics) => guarded(() => countPartitions(cluster, topics)),
    topicMetadata: (topics) => guarded(() => readMetadata(cluster, topics)),
    byLeader: (partitions) =>
      guarded(async () => {
        await ready([...new Set(partitions.map(({ topic }) => topic))]);
        return groupByLeader(cluster, partitions);
      }),
    refreshMetadata: () => guarded(() => cluster.refreshMetadata()),
    reaches: (nodeId) => guarded(() => isReachable(cluster, nodeId)),
    fetch: (nodeId, requests, limits) =>
      guarded(async () => (await send(cluster, nodeId, fetchRequest(requests, limits))) as FetchResponse),
    produce: (nodeId, body, partitions) =>
      guarded(async () => void (await send(cluster, nodeId, produceRequest(body, partitions)))),
    askCoordinator: (of, request) =>
      guarded(async () => {
        await ready([]);
        return askCoordinator(of, request);
      }),
    watermarks: (topics, partition) =>
      guarded(async () => {
        await ready(topics);
        // The end first: retention may then only raise the beginning.
        const highs = await edges(cluster, topics, partition, false);
        const lows = await edges(cluster, topics, partition, true);
        return lows.map((low, index) => ({ low, high: Math.max(low, highs[index] ?? 0) }));
      }),
    highWatermark: (topic, partition) =>
      guarded(() => ready([topic]).then(() => highWatermark(cluster, { topic, partition }))),
    committed: (groupId, topic, partitions) =>
      guarded(async () => {
        await ready([]);
        const topics = [{ topic, partitions: partitions.map((partition) => ({ partition })) }];
        const { responses } = await askCoordinator({ kind: 'group', id: groupId }, (coordinator) =>
          coordinator.offsetFetch({ groupId, topics }),
        );
        const found = responses[0]?.partitions ?? [];
        return new Map(found.map((each) => [each.partition, committedIn(each)]));
      }),
    async close() {
      closed = true;
      await cluster.disconnect().catch(() => undefined);
    },
  };
}

const committedIn = ({ offset, metadata }: { offset: string; metadata: string | null }): Committed | null =>
  Number(offset) < 0 ? null : { offset: Number(offset), metadata: metadata ?? '' };

/** Connects for one use: for calls that are few. */
export async function withCluster<T>(kafka: Kafka, use: (cluster: KafkaCluster) => Promise<T>): Promise<T> {
  const cluster = openCluster(kafka);
  try {
    return await use(cluster);
  } finally {
    await cluster.close();
  }
}

/** Replaces the errors of requests in flight during `close`: kafkajs fails them in any way. */
const closedFailure = (cause?: unknown): EfsError =>
  new EfsError('kafka-unavailable', 'the connection has been closed', { cause });

const isReachable = (cluster: ClusterInside, nodeId: number): Promise<boolean> =>
  cluster.findBroker({ nodeId }).then(
    () => true,
    () => false,
  );

const NO_LEADER = -1;

function groupByLeader<T extends TopicPartition>(
  cluster: ClusterInside,
  partitions: readonly T[],
): Map<number | null, T[]> {
  const byLeader = new Map<number | null, T[]>();
  for (const each of partitions) {
    const known = cluster.findTopicPartitionMetadata(each.topic);
    const leader = known.find(({ partitionId }) => partitionId === each.partition)?.leader ?? NO_LEADER;
    const node = leader === NO_LEADER ? null : leader;
    const led = byLeader.get(node);
    if (led === undefined) byLeader.set(node, [each]);
    else led.push(each);
  }
  return byLeader;
}

const COORDINATOR_TYPES = { group: 0, transaction: 1 } as const;

/** Caches which broker a coordinator is, until a request to it fails or it accepts no connection. */
function askCoordinators(cluster: ClusterInside): KafkaCluster['askCoordinator'] {
  const nodes = new Map<string, number>();
  return async (of, request) => {
    const key = `${of.kind}/${of.id}`;
    const known = nodes.get(key) ?? null;
    const nodeId =
      known !== null && (await isReachable(cluster, known)) ? known : await findCoordinator(cluster, of);
    nodes.set(key, nodeId);
    try {
      return await withBroker(cluster, nodeId, request);
    } catch (error) {
      // The coordinator is still ending another transaction, and remains the coordinator.
      if (!isOfType(error, 'CONCURRENT_TRANSACTIONS')) nodes.delete(key);
      throw error;
    }
  };
}

async function findCoordinator(cluster: ClusterInside, { kind, id }: Coordinated): Promise<number> {
  const broker = await cluster.brokerPool.findConnectedBroker();
  const request = { groupId: id, coordinatorType: COORDINATOR_TYPES[kind] };
  return (await broker.findGroupCoordinator(request)).coordinator.nodeId;
}

const send = (cluster: ClusterInside, nodeId: number, request: object): Promise<unknown> =>
  withBroker(cluster, nodeId, (broker) => broker.connectionPool.send(request));

/** Sends to one broker; a failure names it where it does not answer. A closed connection drops it, so that it is looked up again. */
async function withBroker<T>(
  cluster: ClusterInside,
  nodeId: number,
  ask: (broker: BrokerInside) => Promise<T>,
): Promise<T> {
  try {
    const broker = await cluster.findBroker({ nodeId });
    return await ask(broker).catch((error: unknown) => {
      const { host, port } = broker.connectionPool;
      const closed = error instanceof Error && error.name === 'KafkaJSConnectionClosedError';
      if (closed) cluster.removeBroker({ host, port });
      throw staleMetadata(error);
    });
  } catch (error) {
    throw kafkaFailure(error, nodeId);
  }
}

/** A broker without a partition that the metadata names has stale metadata, or is losing it: retriable. */
function staleMetadata(error: unknown): unknown {
  if (!isOfType(error, 'UNKNOWN_TOPIC_OR_PARTITION')) return error;
  return new EfsError('kafka-unavailable', 'a broker does not have the partition yet', { cause: error });
}

/** The first offset of each topic's partition, or the end of committed records. */
async function edges(
  cluster: ClusterInside,
  topics: readonly string[],
  partition: number,
  fromBeginning: boolean,
): Promise<number[]> {
  const requested = topics.map((topic) => ({ topic, partitions: [{ partition }], fromBeginning }));
  const answers = await cluster.fetchTopicsOffset(requested).catch(async (error: unknown) => {
    // A former leader refuses; kafkajs would ask it again until its metadata expires, minutes later.
    await cluster.refreshMetadata().catch(() => undefined);
    throw error;
  });
  const offsets = topics.map((name) => answers.find(({ topic }) => topic === name)?.partitions[0]?.offset);
  const missing = topics.find((_, index) => offsets[index] === undefined);
  if (missing !== undefined) {
    // Just created: the broker that gave the metadata does not have the partition yet.
    await cluster.refreshMetadata();
    throw new EfsError('kafka-unavailable', `Kafka has no offset of ${missing}/${partition} yet`);
  }
  return offsets.map(Number);
}

async function highWatermark(cluster: ClusterInside, of: TopicPartition): Promise<number> {
  const { topic, partition } = of;
  const [[node] = [null]] = groupByLeader(cluster, [of]);
  if (node === null) throw new EfsError('kafka-unavailable', `${topic}/${partition} is without a leader`);
  const topics = [{ topic, partitions: [{ partition, timestamp: -1 as const }] }];
  const { responses } = await withBroker(cluster, node, (broker) =>
    broker.listOffsets({ isolationLevel: 0, topics }),
  );
  return Number(responses[0]?.partitions[0]?.offset ?? 0);
}

/** Null where the broker is older than the version of the request. */
async function readMetadata(
  cluster: ClusterInside,
  topics: readonly string[],
): Promise<ReadonlyMap<string, TopicMetadata> | null> {
  await cluster.connect();
  const broker = await cluster.brokerPool.findConnectedBroker();
  if ((broker.versions?.[METADATA_API]?.maxVersion ?? 0) < VERSION_WITH_IDS) return null;
  return (await broker.connectionPool.send(topicMetadataRequest(topics))) as ReadonlyMap<
    string,
    TopicMetadata
  >;
}

async function countPartitions(
  cluster: ClusterInside,
  topics: readonly string[],
): Promise<(number | null)[]> {
  await cluster.connect();
  const broker = await cluster.brokerPool.findConnectedBroker();
  return Promise.all(
    topics.map(async (topic) => {
      try {
        const { topicMetadata } = await broker.metadata([topic]);
        return topicMetadata[0]?.partitionMetadata.length ?? null;
      } catch (error) {
        if (isOfType(error, 'UNKNOWN_TOPIC_OR_PARTITION')) return null;
        throw error;
      }
    }),
  );
}
