import { type Kafka, Partitioners, type Producer, type TopicMessages, type Transaction } from 'kafkajs';
import type { Clock } from '../base/clock';
import { EfsError, isRetriable } from '../base/errors';
import { kafkaFailure } from '../feedback/failure.kafka';
import type { Committed } from '../feedback/source';
import { rememberCoordinators } from './coordinator.kafka';
import type { FencedOutcome, FencedSink, FencedSinks, OutgoingRecord } from './sink';
import { witnessPartition } from './witness';

/** Newer than kafkajs' table of error codes. */
const PRODUCER_FENCED = 90;

export interface FencedOptions {
  /** Stamps records that bring no stamp. */
  readonly clock: Clock;
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
  rememberCoordinators(options.clock);
  return {
    async open(name) {
      return fencedSink(options, name, await openProducer(kafka, options, name));
    },
  };
}

/** A producer that has its epoch, and its next transaction: kafkajs asks for the epoch with the first one. */
interface Owner {
  readonly producer: Producer;
  next: Transaction | null;
}

function fencedSink(options: FencedOptions, name: string, owner: Owner): FencedSink {
  const { producer } = owner;
  let ended: Exclude<FencedOutcome, 'acknowledged'> | null = null;
  const disconnect = (): Promise<void> => producer.disconnect().catch(() => undefined);
  return {
    async emit(records, witness) {
      if (ended !== null) return ended;
      try {
        const transaction = owner.next ?? (await producer.transaction());
        owner.next = null;
        return await emitInTransaction(transaction, options, name, records, witness);
      } catch (error) {
        void disconnect();
        const failure = kafkaFailure(error);
        if (!saysFenced(error) && !isRetriable(failure)) throw failure;
        // A new epoch for the same records could overtake an owner who has gone on: only a new claim may open one.
        ended = saysFenced(error) ? 'fenced' : 'unacknowledged';
        return ended;
      }
    },
    async close() {
      ended ??= 'unacknowledged';
      await disconnect();
    },
  };
}

async function openProducer(kafka: Kafka, { group }: FencedOptions, name: string): Promise<Owner> {
  const producer = kafka.producer({
    transactionalId: `${group}-${name}`,
    maxInFlightRequests: 1,
    transactionTimeout: 30_000,
    allowAutoTopicCreation: false,
    createPartitioner: Partitioners.DefaultPartitioner,
    // The next transaction has to wait until the markers of the last one are written: a matter of milliseconds.
    retry: { initialRetryTime: 4, maxRetryTime: 1_000, retries: 9 },
  });
  try {
    await producer.connect();
    return { producer, next: await producer.transaction() };
  } catch (error) {
    void producer.disconnect().catch(() => undefined);
    throw kafkaFailure(error);
  }
}

async function emitInTransaction(
  transaction: Transaction,
  { clock, group, prefix = '', witnessTopic }: FencedOptions,
  name: string,
  records: readonly OutgoingRecord[],
  witness: Committed | null,
): Promise<FencedOutcome> {
  if (records.length > 0) {
    await transaction.sendBatch({ acks: -1, topicMessages: byTopic(records, prefix, clock.now()) });
  }
  if (witness !== null) {
    const { offset, note } = witness;
    const partitions = [{ partition: witnessPartition(name), offset: String(offset), metadata: note }];
    await transaction.sendOffsets({ consumerGroupId: group, topics: [{ topic: witnessTopic, partitions }] });
  }
  await transaction.commit();
  return 'acknowledged';
}

function byTopic(records: readonly OutgoingRecord[], prefix: string, now: number): TopicMessages[] {
  const topics = new Map<string, TopicMessages>();
  for (const { topic, partition, key, value, timestamp = now, headers = [] } of records) {
    if (headers.length > 0) throw new EfsError('topic-unfit', 'fenced records carry no headers');
    const entry = topics.get(topic) ?? { topic: prefix + topic, messages: [] };
    entry.messages.push({ key, value, partition, timestamp: String(timestamp) });
    topics.set(topic, entry);
  }
  return [...topics.values()];
}

/** Kafka refuses the epoch: another producer has been opened under the name. */
function saysFenced(error: unknown): boolean {
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    const { type, code } = cause as { type?: string; code?: number };
    if (type === 'INVALID_PRODUCER_EPOCH' || code === PRODUCER_FENCED) return true;
  }
  return false;
}
