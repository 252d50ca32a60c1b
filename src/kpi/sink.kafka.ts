import type { Kafka } from 'kafkajs';
import type { Clock } from '../base/clock';
import { EfsError } from '../base/errors';
import { openWire } from '../feedback/wire.kafka';
import { encodeProduceRequest, type PartitionRecords, sizeBound } from './encode.kafka';
import type { OutgoingRecord, Sink } from './sink';

/** A record batch stays below this unless a single record is larger: brokers take 1 MiB by default. */
const BATCH_BYTES = 512 << 10;
const TIMEOUT_MS = 10_000;

/**
 * Writes to Kafka, acknowledged by all in-sync replicas. One `emit` at a time is under way; others wait for it, so
 * the order of calls is the order of records.
 */
export function kafkaSink(kafka: Kafka, options: { readonly clock: Clock; readonly prefix?: string }): Sink {
  const { clock, prefix = '' } = options;
  const wire = openWire(kafka);
  let previous: Promise<unknown> = Promise.resolve();

  const send = async (partitions: readonly PartitionRecords[]): Promise<void> => {
    const leaders = await wire.leaders(partitions);
    const byNode = new Map<number, PartitionRecords[]>();
    partitions.forEach((part, index) => {
      const node = leaders[index];
      if (node == null) throw noLeader(part);
      byNode.set(node, [...(byNode.get(node) ?? []), part]);
    });
    const sent = [...byNode].map(([node, parts]) =>
      wire.produce(node, encodeProduceRequest(parts, TIMEOUT_MS, clock.now())),
    );
    const outcomes = await Promise.allSettled(sent);
    for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason;
  };
  const emit = async (records: readonly OutgoingRecord[]): Promise<void> => {
    try {
      for (const request of requestsOf(records, prefix)) await send(request);
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

function noLeader({ topic, partition }: PartitionRecords): EfsError {
  return new EfsError('kafka-unavailable', `${topic}/${partition} has no leader`);
}

/** Cuts records into requests of a bounded size, in order. Exported for its tests. */
export function requestsOf(records: readonly OutgoingRecord[], prefix: string): PartitionRecords[][] {
  const requests: PartitionRecords[][] = [];
  let parts = new Map<string, PartitionRecords & { records: OutgoingRecord[] }>();
  let bytes = 0;
  const cut = (): void => {
    if (parts.size > 0) requests.push([...parts.values()]);
    parts = new Map();
    bytes = 0;
  };
  for (const record of records) {
    const size = sizeBound(record);
    if (bytes + size > BATCH_BYTES) cut();
    bytes += size;
    const topic = prefix + record.topic;
    const key = `${topic}/${record.partition}`;
    const part = parts.get(key);
    if (part === undefined) parts.set(key, { topic, partition: record.partition, records: [record] });
    else part.records.push(record);
  }
  cut();
  return requests;
}
