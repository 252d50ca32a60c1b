import { must } from '../base/assert';
import { EfsError } from '../base/errors';
import type { Waiting } from './inbox';
import type { Lane } from './fetcher.kafka';
import { readRecords, type RecordBatch, type RecordReader } from './records.kafka';
import type { LogRecord, Positions } from './source';

/** What an inbox may hold before its partition is fetched no further; one fetch may exceed it. */
export interface InboxLimits {
  readonly records: number;
  readonly bytes: number;
  /** Of all inboxes of the source together. An empty inbox is filled nevertheless. */
  readonly bytesInAll: number;
}

/** Bytes that wait in all inboxes of a source. */
export interface Held {
  bytes: number;
}

interface Entry {
  readonly topic: number;
  readonly batch: RecordBatch;
  readonly reader: RecordReader;
}

/** The undecoded batches of one partition, in the order in which they came, and the lanes that bring them. */
export interface PartitionQueue extends Waiting {
  readonly lanes: readonly Lane[];
}

export function partitionQueue(options: {
  readonly topics: readonly string[];
  readonly partition: number;
  readonly positions: Positions;
  readonly limits: InboxLimits;
  readonly held: Held;
  /** Something came, or the queue is lost. */
  onArrival(): void;
  /** There is room again. */
  onRoom(): void;
}): PartitionQueue {
  const { topics, partition, limits, held } = options;
  const next = [...options.positions];
  const ends = [...options.positions];
  let entries: Entry[] = [];
  let records = 0;
  let bytes = 0;
  let failure: unknown = null;

  const room = (): boolean =>
    bytes === 0 || (records < limits.records && bytes < limits.bytes && held.bytes < limits.bytesInAll);
  const fail = (error: unknown): void => {
    failure ??= error;
    options.onArrival();
  };

  const lanes = topics.map((topic, index): Lane => {
    const lane: Lane = {
      topic,
      partition,
      position: must(options.positions[index], 'one position per topic'),
      wanted: room,
      deliver(batches, end) {
        ends[index] = end;
        const first = lane.position;
        for (const batch of batches) {
          if (batch.nextOffset <= lane.position) continue;
          entries.push({ topic: index, batch, reader: readRecords(batch, index, partition, first) });
          lane.position = batch.nextOffset;
          records += batch.count;
          bytes += batch.bytes.length;
          held.bytes += batch.bytes.length;
        }
        if (batches.length > 0) options.onArrival();
      },
      outOfRange: () =>
        fail(
          new EfsError('position-lost', `${topic}/${partition}: the log no longer holds ${lane.position}`),
        ),
      unreadable: fail,
    };
    return lane;
  });

  /** Lets go of an entry that has nothing more to give. */
  const settle = ({ topic, batch }: Entry): void => {
    next[topic] = batch.nextOffset;
    bytes -= batch.bytes.length;
    held.bytes -= batch.bytes.length;
  };

  return {
    lanes,
    size: () => records,
    pending: () => entries.length > 0,
    lost: () => (entries.length > 0 ? null : failure),
    take(max) {
      const hadRoom = room();
      const taken: LogRecord[] = [];
      let read = 0;
      for (const entry of entries) {
        records -= drain(entry.reader, max, taken, next);
        if (entry.reader.left > 0) break;
        settle(entry);
        read++;
      }
      entries = entries.slice(read);
      if (!hadRoom && room()) options.onRoom();
      return { records: taken, next: [...next] };
    },
    lag: () => ends.map((end, topic) => Math.max(0, end - (next[topic] ?? 0))),
    drop() {
      held.bytes -= bytes;
      bytes = 0;
      records = 0;
      entries = [];
    },
  };
}

/** Moves records of one batch until there are `max` in all; gives how many the batch has less. */
function drain(reader: RecordReader, max: number, taken: LogRecord[], next: number[]): number {
  const before = reader.left;
  while (taken.length < max) {
    const record = reader.next();
    if (record === null) break;
    taken.push(record);
    next[record.topic] = record.offset + 1;
  }
  return before - reader.left;
}
