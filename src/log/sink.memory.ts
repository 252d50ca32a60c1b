import { EfsError } from '../base/errors';
import type { MemoryLog } from './log.memory';
import type { TransactionalSinks, OutgoingRecord, Sink } from './sink';

/** Appends to a log in memory. */
export function memorySink(log: MemoryLog, options: { readonly prefix?: string } = {}): Sink {
  const prefix = options.prefix ?? '';
  let closed = false;
  return {
    async emit(records) {
      if (closed) throw new EfsError('kafka-unavailable', 'the sink is closed');
      appendAll(log, prefix, records);
    },
    async close() {
      closed = true;
    },
  };
}

/**
 * Transactional sinks on a log in memory: the last one opened under a name fences those before it. Each transaction ends
 * with a marker in each partition, as in Kafka.
 */
export function memoryTransactionalSinks(
  log: MemoryLog,
  options: { readonly group: string; readonly prefix?: string },
): TransactionalSinks {
  const { group, prefix = '' } = options;
  return {
    async open(name) {
      const fence = `${group}-${name}`;
      const epoch = log.raiseEpoch(fence);
      let closed = false;
      return {
        async emit(records, checkpoint) {
          if (closed) return 'unacknowledged';
          if (log.epoch(fence) !== epoch) return 'fenced';
          appendAll(log, prefix, records);
          const partitions = new Map(
            records.map((record) => [`${record.topic}/${record.partition}`, record]),
          );
          for (const { topic, partition } of partitions.values()) log.appendMarker(prefix + topic, partition);
          if (checkpoint !== null) {
            const { topic, partition, offset, metadata } = checkpoint;
            log.commit(group, prefix + topic, partition, { offset, metadata });
          }
          return 'acknowledged';
        },
        async close() {
          closed = true;
        },
      };
    },
  };
}

function appendAll(log: MemoryLog, prefix: string, records: readonly OutgoingRecord[]): void {
  for (const { topic, partition, ...record } of records) log.append(prefix + topic, partition, record);
}
