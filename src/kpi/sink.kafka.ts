import type { Kafka } from 'kafkajs';
import type { Clock } from '../base/clock';
import { openWire } from '../feedback/wire.kafka';
import { produce, requestsOf } from './produce.kafka';
import type { OutgoingRecord, Sink } from './sink';

/**
 * Writes to Kafka, acknowledged by all in-sync replicas. One `emit` at a time is under way; others wait for it, so
 * the order of calls is the order of records.
 */
export function kafkaSink(kafka: Kafka, options: { readonly clock: Clock; readonly prefix?: string }): Sink {
  const { clock, prefix = '' } = options;
  const wire = openWire(kafka);
  let previous: Promise<unknown> = Promise.resolve();

  const emit = async (records: readonly OutgoingRecord[]): Promise<void> => {
    try {
      await produce(wire, requestsOf(records, prefix), clock.now(), null);
    } catch (error) {
      await wire.forgetLeaders().catch(() => undefined);
      throw error;
    }
  };

  return {
    emit(records) {
      const emitted = previous.then(() => emit(records));
      previous = emitted.catch(() => undefined);
      return emitted;
    },
    close: () => wire.close().catch(() => undefined),
  };
}
