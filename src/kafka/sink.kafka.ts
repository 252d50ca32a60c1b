import type { Kafka } from 'kafkajs';
import type { Clock } from '../base/clock';
import type { Codec } from './codecs.kafka';
import { openCluster } from './cluster.kafka';
import { gathered } from './gather';
import { produce, requestsOf } from './produce.kafka';
import type { OutgoingRecord, Sink } from '../log/sink';

/**
 * Writes to Kafka, acknowledged by all in-sync replicas. What is emitted while a request is in flight goes together in the next
 * one, so the order of calls is the order of records.
 */
export function kafkaSink(
  kafka: Kafka,
  options: { readonly clock: Clock; readonly prefix?: string; readonly compression?: Codec },
): Sink {
  const { clock, prefix = '', compression = 'off' } = options;
  const cluster = openCluster(kafka);
  const emit = gathered(async (records: readonly OutgoingRecord[]): Promise<void> => {
    try {
      const how = { now: clock.now(), producer: null, codec: compression };
      await produce(cluster, requestsOf(records, prefix), how);
    } catch (error) {
      await cluster.refreshMetadata().catch(() => undefined);
      throw error;
    }
  });

  return { emit, close: cluster.close };
}
