import { must } from '../base/assert';
import type { Clock } from '../base/clock';
import { partitionOf } from '../log/partitioner';
import { INPUT_TOPICS } from '../feedback/topics';
import type { OutgoingRecord, Sink } from '../log/sink';
import type { TrafficRecord } from './record';

/** Counts of acknowledged records; they rise during `produce`. */
export interface Produced {
  records: number;
  bytes: number;
  poison: number;
  readonly byTopic: number[];
}

export interface ProduceOptions {
  readonly sink: Sink;
  /** Number of partitions of each topic. */
  readonly partitions: number;
  /** Records per second; 0 is as fast as possible. */
  readonly rate: number;
  readonly clock: Clock;
  /** Stops after the current batch. */
  readonly signal: AbortSignal;
  /** Called after every acknowledged batch. */
  onProgress(produced: Produced): void;
}

const BATCH_BYTES_MAX = 512 * 1024;
const BATCH_RECORDS_MAX = 4_000;
/** At a given rate a batch has the records that are due in this time. */
const BATCH_INTERVAL_MS = 50;

/** Sends a record to the partition of its key, or to the next one where it is to be misplaced. */
export function outgoing(
  { topic, key, value, headers, misplaced }: TrafficRecord,
  partitions: number,
): OutgoingRecord {
  const home = key === null ? 0 : partitionOf(key, partitions);
  const partition = misplaced ? (home + 1) % partitions : home;
  const name = must(INPUT_TOPICS[topic], `no input topic has the index ${topic}`);
  return { topic: name, partition, key, value, headers };
}

/** Splits the records into batches; `max` may change from batch to batch. */
function* batches(records: Iterable<TrafficRecord>, max: () => number): Generator<TrafficRecord[]> {
  let batch: TrafficRecord[] = [];
  let bytes = 0;
  let room = max();
  for (const record of records) {
    batch.push(record);
    bytes += record.value?.length ?? 0;
    if (batch.length < room && bytes < BATCH_BYTES_MAX) continue;
    yield batch;
    batch = [];
    bytes = 0;
    room = max();
  }
  if (batch.length > 0) yield batch;
}

function count(produced: Produced, batch: readonly TrafficRecord[]): void {
  for (const { topic, value, poison } of batch) {
    produced.records += 1;
    produced.bytes += value?.length ?? 0;
    if (poison !== null) produced.poison += 1;
    produced.byTopic[topic] = (produced.byTopic[topic] ?? 0) + 1;
  }
}

/**
 * Produces the records in their order, and makes one batch while the previous is in flight. With one partition, records
 * that are to be misplaced are left out. Returns the counts of acknowledged records. Throws `kafka-unavailable`.
 */
export async function produce(records: Iterable<TrafficRecord>, options: ProduceOptions): Promise<Produced> {
  const { sink, partitions, rate, clock, signal } = options;
  const produced: Produced = { records: 0, bytes: 0, poison: 0, byTopic: INPUT_TOPICS.map(() => 0) };
  const start = clock.monotonic();
  const perBatch =
    rate === 0 ? BATCH_RECORDS_MAX : Math.max(1, Math.round((rate * BATCH_INTERVAL_MS) / 1000));
  let sent = 0;
  let inFlight: Promise<void> = Promise.resolve();
  for (const batch of batches(records, () => Math.min(BATCH_RECORDS_MAX, perBatch))) {
    await inFlight;
    if (signal.aborted) return produced;
    const due = rate === 0 ? 0 : start + (sent * 1000) / rate - clock.monotonic();
    if (due > 0) await clock.sleep(due, signal);
    const sendable = batch.filter((record) => !record.misplaced || partitions > 1);
    sent += sendable.length;
    inFlight = sink.emit(sendable.map((record) => outgoing(record, partitions))).then(() => {
      count(produced, sendable);
      options.onProgress(produced);
    });
    // The next round awaits it and throws its failure.
    inFlight.catch(() => undefined);
  }
  await inFlight;
  return produced;
}
