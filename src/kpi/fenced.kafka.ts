import { type Kafka, Partitioners, type Producer, type TopicMessages } from 'kafkajs';
import { EfsError } from '../base/errors';
import { kafkaFailure } from '../feedback/wire.kafka';
import type { FencedOutcome, FencedSink, FencedSinks, OutgoingRecord } from './sink';
import { witnessPartition } from './witness';

export interface FencedOptions {
  /** The consumer group whose committed offsets are the witnesses, and the prefix of the transactional ids. */
  readonly group: string;
  /** The tenant's prefix of topic names. */
  readonly prefix?: string;
  /** The topic whose offsets the witnesses are; the log's own name for it. */
  readonly witnessTopic: string;
}

/**
 * Fenced sinks on Kafka: one transactional producer per name, whose epoch rises when it is opened. Once `open` has
 * resolved, what the former owner's last transaction wrote is either all there or will never be, witness included.
 */
export function kafkaFencedSinks(kafka: Kafka, options: FencedOptions): FencedSinks {
  return {
    async open(name) {
      return fencedSink(kafka, options, name, await openProducer(kafka, options, name));
    },
  };
}

function fencedSink(kafka: Kafka, options: FencedOptions, name: string, first: Producer): FencedSink {
  let producer: Producer | null = first;
  let fenced = false;
  let closed = false;

  const drop = (): void => {
    void producer?.disconnect().catch(() => undefined);
    producer = null;
  };

  return {
    async emit(records, witness) {
      if (closed) throw new EfsError('kafka-unavailable', 'the sink is closed');
      if (fenced) return 'fenced';
      try {
        // After an unknown outcome a new epoch settles the old transaction; the same records then come once more.
        producer ??= await openProducer(kafka, options, name);
        return await emitInTransaction(producer, options, name, records, witness);
      } catch (error) {
        drop();
        fenced = saysFenced(error);
        if (fenced) return 'fenced';
        throw kafkaFailure(error);
      }
    },
    async close() {
      closed = true;
      await producer?.disconnect().catch(() => undefined);
      producer = null;
    },
  };
}

async function openProducer(kafka: Kafka, { group }: FencedOptions, name: string): Promise<Producer> {
  const producer = kafka.producer({
    transactionalId: `${group}-${name}`,
    idempotent: true,
    maxInFlightRequests: 1,
    transactionTimeout: 30_000,
    allowAutoTopicCreation: false,
    createPartitioner: Partitioners.DefaultPartitioner,
  });
  try {
    await producer.connect();
    return producer;
  } catch (error) {
    void producer.disconnect().catch(() => undefined);
    throw kafkaFailure(error);
  }
}

async function emitInTransaction(
  producer: Producer,
  { group, prefix = '', witnessTopic }: FencedOptions,
  name: string,
  records: readonly OutgoingRecord[],
  witness: number,
): Promise<FencedOutcome> {
  const transaction = await producer.transaction();
  if (records.length > 0) await transaction.sendBatch({ acks: -1, topicMessages: byTopic(records, prefix) });
  await transaction.sendOffsets({
    consumerGroupId: group,
    topics: [
      { topic: witnessTopic, partitions: [{ partition: witnessPartition(name), offset: String(witness) }] },
    ],
  });
  await transaction.commit();
  return 'acknowledged';
}

function byTopic(records: readonly OutgoingRecord[], prefix: string): TopicMessages[] {
  const topics = new Map<string, TopicMessages>();
  for (const { topic, partition, key, value, timestamp, headers = [] } of records) {
    if (headers.length > 0) throw new EfsError('topic-unfit', 'fenced records carry no headers');
    const stamp = timestamp === undefined ? {} : { timestamp: String(timestamp) };
    const entry = topics.get(topic) ?? { topic: prefix + topic, messages: [] };
    entry.messages.push({ key, value, partition, ...stamp });
    topics.set(topic, entry);
  }
  return [...topics.values()];
}

/** Kafka refuses the epoch: another producer has been opened under the name. */
function saysFenced(error: unknown): boolean {
  const types = new Set(['INVALID_PRODUCER_EPOCH', 'PRODUCER_FENCED', 'INVALID_PRODUCER_ID_MAPPING']);
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    if (types.has((cause as { type?: string }).type ?? '')) return true;
  }
  return false;
}
