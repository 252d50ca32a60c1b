import type { Kafka } from 'kafkajs';
import type { Clock } from '../base/clock';
import { isRetriable } from '../base/errors';
import type { Codec } from './codecs.kafka';
import { isOfType } from './failure.kafka';
import { openCluster, type KafkaCluster } from './cluster.kafka';
import type { ProducerEpoch } from './encode.kafka';
import { requestsOf, type Sequences } from './produce.kafka';
import type { TransactionOutcome, TransactionalSink, TransactionalSinks } from '../log/sink';
import { nextEpoch, transact } from './transaction.kafka';

/** Kafka's refusal of an epoch that is not the latest: another producer has been opened under the name. */
const FENCED = 'INVALID_PRODUCER_EPOCH';

export interface TransactionalOptions {
  /** Timestamp of records without one. */
  readonly clock: Clock;
  /** The consumer group whose committed offsets are the publish checkpoints; also the prefix of the transactional ids. */
  readonly group: string;
  /** The tenant's prefix of topic names. */
  readonly prefix?: string;
  /** Compresses the records. */
  readonly compression?: Codec;
}

/**
 * Transactional sinks on Kafka: one transactional producer per name, whose epoch rises when it is opened. Once `open` has
 * resolved, the former owner's last transaction is either committed or aborted, checkpoint included.
 */
export function kafkaTransactionalSinks(kafka: Kafka, options: TransactionalOptions): TransactionalSinks {
  return {
    async open(name) {
      const cluster = openCluster(kafka);
      try {
        const producer = await nextEpoch(cluster, options.clock, `${options.group}-${name}`);
        return transactionalSink(cluster, options, producer);
      } catch (error) {
        void cluster.close();
        throw error;
      }
    },
  };
}

function transactionalSink(
  cluster: KafkaCluster,
  options: TransactionalOptions,
  producer: ProducerEpoch,
): TransactionalSink {
  const { clock, group, prefix = '', compression = 'off' } = options;
  const sequences: Sequences = new Map();
  let ended: Exclude<TransactionOutcome, 'acknowledged'> | null = null;
  return {
    async emit(records, checkpoint) {
      if (ended !== null) return ended;
      if (records.length === 0 && checkpoint === null) return 'acknowledged';
      const offset =
        checkpoint === null
          ? null
          : {
              groupId: group,
              topic: prefix + checkpoint.topic,
              partition: checkpoint.partition,
              committed: checkpoint,
            };
      try {
        await transact(cluster, clock, producer, requestsOf(records, prefix, sequences), compression, offset);
        return 'acknowledged';
      } catch (error) {
        // A new epoch for the same records could overtake a new owner's: only a new claim may open one.
        ended = isOfType(error, FENCED) ? 'fenced' : 'unacknowledged';
        void cluster.close();
        if (ended === 'unacknowledged' && !isRetriable(error)) throw error;
        return ended;
      }
    },
    close() {
      ended ??= 'unacknowledged';
      return cluster.close();
    },
  };
}
