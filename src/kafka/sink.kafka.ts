import type { Kafka } from 'kafkajs';
import type { Clock } from '../base/clock';
import type { Codec } from './codecs.kafka';
import { openCluster } from './cluster.kafka';
import { produce, requestsOf } from './produce.kafka';
import type { OutgoingRecord, Sink } from '../log/sink';

/**
 * Writes to Kafka, acknowledged by all in-sync replicas. One `emit` at a time is in flight; others wait for it, so the
 * order of calls is the order of records.
 */
export function kafkaSink(
  kafka: Kafka,
  options: { readonly clock: Clock; readonly prefix?: string; readonly compression?: Codec },
): Sink {
  const { clock, prefix = '', compression = 'off' } = options;
  const cluster = openCluster(kafka);
  let previous: Promise<unknown> = Promise.resolve();

  const emit = async (records: readonly OutgoingRecord[]): Promise<void> => {
    try {
      const how = { now: clock.now(), producer: null, codec: compression };
      await produce(cluster, requestsOf(records, prefix), how);
    } catch (error) {
      await cluster.refreshMetadata().catch(() => undefined);
      throw error;
    }
  };

  return {
    emit(records) {
      const emitted = previous.then(() => emit(records));
      previous = emitted.catch(() => undefined);
      return emitted;
    },
    close: cluster.close,
  };
}
