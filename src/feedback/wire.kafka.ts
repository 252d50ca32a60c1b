import type { Kafka } from 'kafkajs';
import { version as kafkajsVersion } from 'kafkajs/package.json';
import Encoder from 'kafkajs/src/protocol/encoder';
import encodeFetchRequest from 'kafkajs/src/protocol/requests/fetch/v11/request';
import { decode as decodeProduced } from 'kafkajs/src/protocol/requests/produce/v7/response';
import { assert, must } from '../base/assert';
import { EfsError } from '../base/errors';
import { kafkaFailure, protocolError } from './failure.kafka';
import { type FetchResponse, readFetchResponse } from './fetch.kafka';
import type { Committed, Watermarks } from './source';

/*
 * kafkajs decodes every record of a response at once, headers in quadratic time, and follows its group's offsets on
 * its own. Reading, writing bytes as they are, and positions therefore go through its connections, its metadata and
 * its request queue, but with requests and responses of our own. What is used of its inside is this file, for one
 * version.
 */
const KAFKAJS = '2.2.4';

interface BrokerInside {
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
  disconnect(): Promise<void>;
}

interface PartitionInside {
  readonly partitionId: number;
  readonly leader: number | null;
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
  findGroupCoordinator(group: { groupId: string }): Promise<BrokerInside>;
  findTopicPartitionMetadata(topic: string): PartitionInside[];
  fetchTopicsOffset(
    topics: { topic: string; partitions: { partition: number }[]; fromBeginning: boolean }[],
  ): Promise<{ topic: string; partitions: { partition: number; offset: string }[] }[]>;
  removeBroker(address: { host: string; port: number }): void;
}

export interface TopicPartition {
  readonly topic: string;
  readonly partition: number;
}

/** One partition of a fetch request. */
export interface FetchRequest extends TopicPartition {
  readonly offset: number;
}

export interface FetchLimits {
  /** How long the broker may hold the request while there is nothing, in milliseconds. */
  readonly maxWaitMs: number;
  /** Of the whole response; a broker exceeds it for a single larger batch. */
  readonly maxBytes: number;
  readonly maxBytesPerPartition: number;
}

/** kafkajs' connections without its consumer. Every method throws `kafka-unavailable` where Kafka does not answer. */
export interface Wire {
  /** Number of partitions of each topic, in order; null where it does not exist. */
  partitionCounts(topics: readonly string[]): Promise<(number | null)[]>;
  /** The nodes that lead these partitions, in order; null where there is none for now. Throws `topic-missing`. */
  leaders(partitions: readonly TopicPartition[]): Promise<(number | null)[]>;
  /** Asks for the leaders anew before the next `leaders`. */
  forgetLeaders(): Promise<void>;
  fetch(nodeId: number, requests: readonly FetchRequest[], limits: FetchLimits): Promise<FetchResponse>;
  /** Sends the body of a version 7 produce request; throws what the first refused partition was refused for. */
  produce(nodeId: number, body: Buffer): Promise<void>;
  /** First offset, and the end as readers of committed records see it, of one partition of each topic. */
  watermarks(topics: readonly string[], partition: number): Promise<Watermarks[]>;
  committed(groupId: string, topic: string, partition: number): Promise<Committed | null>;
  close(): Promise<void>;
}

/** Connects at the first call, and never again after `close`. */
export function openWire(kafka: Kafka): Wire {
  const cluster = clusterOf(kafka);
  let closed = false;

  const reached = async <T>(ask: () => Promise<T>): Promise<T> => {
    if (closed) throw new EfsError('kafka-unavailable', 'the connection has been closed');
    try {
      return await ask();
    } catch (error) {
      throw kafkaFailure(error);
    } finally {
      // What was under way while it was closed may have connected once more.
      if (closed) void cluster.disconnect().catch(() => undefined);
    }
  };

  const ready = async (topics: readonly string[]): Promise<void> => {
    await cluster.connect();
    await cluster.addMultipleTargetTopics(topics);
    await cluster.refreshMetadataIfNecessary();
  };
  return {
    partitionCounts: (topics) => reached(() => countPartitions(cluster, topics)),
    leaders: (partitions) =>
      reached(async () => {
        await ready([...new Set(partitions.map(({ topic }) => topic))]);
        return partitions.map(({ topic, partition }) => {
          const known = cluster.findTopicPartitionMetadata(topic);
          return known.find(({ partitionId }) => partitionId === partition)?.leader ?? null;
        });
      }),
    forgetLeaders: () => reached(() => cluster.refreshMetadata()),
    fetch: (nodeId, requests, limits) =>
      reached(async () => (await send(cluster, nodeId, fetchRequest(requests, limits))) as FetchResponse),
    produce: (nodeId, body) => reached(async () => void (await send(cluster, nodeId, produceRequest(body)))),
    watermarks: (topics, partition) =>
      reached(async () => {
        await ready(topics);
        // The end first: retention may then only raise the beginning.
        const highs = await edges(cluster, topics, partition, false);
        const lows = await edges(cluster, topics, partition, true);
        return lows.map((low, index) => ({ low, high: Math.max(low, highs[index] ?? 0) }));
      }),
    committed: (groupId, topic, partition) =>
      reached(async () => {
        await ready([]);
        const coordinator = await cluster.findGroupCoordinator({ groupId });
        const topics = [{ topic, partitions: [{ partition }] }];
        const { responses } = await coordinator.offsetFetch({ groupId, topics });
        const found = responses[0]?.partitions[0];
        const offset = Number(found?.offset ?? -1);
        return offset < 0 ? null : { offset, note: found?.metadata ?? '' };
      }),
    async close() {
      closed = true;
      await cluster.disconnect();
    },
  };
}

function nameOf(error: unknown): string {
  return error instanceof Error ? error.name : '';
}

/** A consumer hands its cluster to its assigners as it is made: the only way kafkajs gives one away. */
function clusterOf(kafka: Kafka): ClusterInside {
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

async function send(cluster: ClusterInside, nodeId: number, request: object): Promise<unknown> {
  const broker = await cluster.findBroker({ nodeId });
  try {
    return await broker.connectionPool.send(request);
  } catch (error) {
    const { host, port } = broker.connectionPool;
    if (nameOf(error) === 'KafkaJSConnectionClosedError') cluster.removeBroker({ host, port });
    throw error;
  }
}

/** The first offset of each topic's partition, or the end of committed records. */
async function edges(
  cluster: ClusterInside,
  topics: readonly string[],
  partition: number,
  fromBeginning: boolean,
): Promise<number[]> {
  const asked = topics.map((topic) => ({ topic, partitions: [{ partition }], fromBeginning }));
  const answers = await cluster.fetchTopicsOffset(asked);
  return topics.map((name) => {
    const offset = answers.find(({ topic }) => topic === name)?.partitions[0]?.offset;
    return Number(must(offset, `Kafka gave no offset of ${name}/${partition}`));
  });
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
        if ((error as { type?: string }).type === 'UNKNOWN_TOPIC_OR_PARTITION') return null;
        throw error;
      }
    }),
  );
}

function fetchRequest(requests: readonly FetchRequest[], limits: FetchLimits): object {
  const topics: { topic: string; partitions: object[] }[] = [];
  for (const { topic, partition, offset } of requests) {
    const entry = { partition, fetchOffset: String(offset), maxBytes: limits.maxBytesPerPartition };
    const last = topics.at(-1);
    if (last?.topic === topic) last.partitions.push(entry);
    else topics.push({ topic, partitions: [entry] });
  }
  const { maxWaitMs: maxWaitTime, maxBytes } = limits;
  return {
    request: encodeFetchRequest({ replicaId: -1, maxWaitTime, minBytes: 1, maxBytes, topics }),
    response: {
      decode: readFetchResponse,
      parse: async (response: FetchResponse) => {
        if (response.errorCode !== 0) throw protocolError(response.errorCode);
        return response;
      },
    },
    requestTimeout: maxWaitTime,
  };
}

function produceRequest(body: Buffer): object {
  return {
    request: {
      apiKey: 0,
      apiVersion: 7,
      apiName: 'Produce',
      expectResponse: () => true,
      encode: async () => {
        const encoder = new Encoder(body.length);
        encoder.writeBufferInternal(body);
        return encoder;
      },
    },
    response: {
      decode: decodeProduced,
      parse: async (answer: { topics: { partitions: { errorCode: number }[] }[] }) => {
        const codes = answer.topics.flatMap(({ partitions }) => partitions.map(({ errorCode }) => errorCode));
        const refused = codes.find((code) => code !== 0);
        if (refused !== undefined) throw protocolError(refused);
        return answer;
      },
    },
  };
}
