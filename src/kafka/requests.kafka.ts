import type Encoder from 'kafkajs/src/protocol/encoder';
import { createErrorFromCode } from 'kafkajs/src/protocol/error';
import encodeFetchRequest from 'kafkajs/src/protocol/requests/fetch/v11/request';
import { decode as decodeProduced } from 'kafkajs/src/protocol/requests/produce/v7/response';
import { EfsError } from '../base/errors';
import { type FetchResponse, readFetchResponse } from './fetch.kafka';

export interface TopicPartition {
  readonly topic: string;
  readonly partition: number;
}

/** One partition of a fetch request. */
export interface FetchRequest extends TopicPartition {
  readonly offset: number;
}

export interface FetchLimits {
  /** How long the broker may hold the request while it has no data, in milliseconds. */
  readonly maxWaitMs: number;
  /** Of the whole response; a broker exceeds it for a single larger batch. */
  readonly maxBytes: number;
  readonly maxBytesPerPartition: number;
  /** Most bytes of one batch's records once decompressed. */
  readonly maxBatchBytes: number;
}

/** A fetch request in the form that kafkajs queues; its answer is a `FetchResponse`. */
export function fetchRequest(requests: readonly FetchRequest[], limits: FetchLimits): object {
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
      decode: (bytes: Buffer) => readFetchResponse(bytes, limits.maxBatchBytes),
      parse: async (response: FetchResponse) => {
        if (response.errorCode !== 0) throw createErrorFromCode(response.errorCode);
        return response;
      },
    },
    requestTimeout: maxWaitTime,
  };
}

/** A version 7 produce request in the form that kafkajs queues; fails unless each of `partitions` is acknowledged. */
export function produceRequest(body: Encoder, partitions: readonly TopicPartition[]): object {
  return {
    request: {
      apiKey: 0,
      apiVersion: 7,
      apiName: 'Produce',
      expectResponse: () => true,
      encode: async () => body,
    },
    response: {
      decode: decodeProduced,
      parse: async (answer: Produced) => checkProduced(answer, partitions),
    },
  };
}

interface Produced {
  readonly topics: readonly {
    readonly topicName: string;
    readonly partitions: readonly { readonly partition: number; readonly errorCode: number }[];
  }[];
}

/** Throws unless the answer acknowledges each of these partitions. */
function checkProduced({ topics }: Produced, partitions: readonly TopicPartition[]): void {
  const codes = new Map(
    topics.flatMap(({ topicName, partitions: answered }) =>
      answered.map(({ partition, errorCode }) => [`${topicName}/${partition}`, errorCode]),
    ),
  );
  for (const { topic, partition } of partitions) {
    const code = codes.get(`${topic}/${partition}`);
    if (code === undefined)
      throw new EfsError('kafka-unavailable', `Kafka did not acknowledge ${topic}/${partition}`);
    if (code !== 0) throw createErrorFromCode(code);
  }
}
