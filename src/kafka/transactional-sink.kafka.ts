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
import { checkpointPartition } from '../log/sink';

/** Kafka refuses an epoch that is no longer the latest: another producer has been opened under the name. */
const FENCED = 'INVALID_PRODUCER_EPOCH';

export interface TransactionalOptions {
  /** Stamps records that bring no stamp. */
  readonly clock: Clock;
  /** The consumer group whose committed offsets are the witnesses, and the prefix of the transactional ids. */
  readonly group: string;
  /** The tenant's prefix of topic names. */
  readonly prefix?: string;
  /** What the records are compressed with. */
  readonly compression?: Codec;
  /** The topic whose offsets the witnesses are; the log's own name for it. */
  readonly checkpointTopic: string;
}

/**
 * Fenced sinks on Kafka: one transactional producer per name, whose epoch rises when it is opened. Once `open` has
 * resolved, what the former owner's last transaction wrote is either all there or will never be, witness included.
 */
export function kafkaTransactionalSinks(kafka: Kafka, options: TransactionalOptions): TransactionalSinks {
  return {
    async open(name) {
      const wire = openCluster(kafka);
      try {
        const producer = await nextEpoch(wire, options.clock, `${options.group}-${name}`);
        return fencedSink(wire, options, name, producer);
      } catch (error) {
        void close(wire);
        throw error;
      }
    },
  };
}

const close = (wire: KafkaCluster): Promise<void> => wire.close().catch(() => undefined);

function fencedSink(
  wire: KafkaCluster,
  options: TransactionalOptions,
  name: string,
  producer: ProducerEpoch,
): TransactionalSink {
  const { clock, group, prefix = '', compression = 'off', checkpointTopic } = options;
  const sequences: Sequences = new Map();
  const partition = checkpointPartition(name);
  let ended: Exclude<TransactionOutcome, 'acknowledged'> | null = null;
  return {
    async emit(records, checkpoint) {
      if (ended !== null) return ended;
      if (records.length === 0 && checkpoint === null) return 'acknowledged';
      const offset =
        checkpoint === null
          ? null
          : { groupId: group, topic: checkpointTopic, partition, committed: checkpoint };
      try {
        await transact(wire, clock, producer, requestsOf(records, prefix, sequences), compression, offset);
        return 'acknowledged';
      } catch (error) {
        // A new epoch for the same records could overtake an owner who has gone on: only a new claim may open one.
        ended = isOfType(error, FENCED) ? 'fenced' : 'unacknowledged';
        void close(wire);
        if (ended === 'unacknowledged' && !isRetriable(error)) throw error;
        return ended;
      }
    },
    close() {
      ended ??= 'unacknowledged';
      return close(wire);
    },
  };
}
