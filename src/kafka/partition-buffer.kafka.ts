import { must } from '../base/assert';
import { EfsError } from '../base/errors';
import type { Waiting } from '../log/inbox';
import type { FetchTarget } from './fetcher.kafka';
import { readRecords, type RecordBatch, type RecordReader } from './records.kafka';
import type { LogRecord, Positions } from '../log/source';

/** What an inbox may hold before its partition is fetched no further; one fetch may exceed it. */
export interface InboxLimits {
  readonly records: number;
  /** As the log holds them; and, decompressed, what a batch is taken from at once, which one record batch may exceed. */
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
  /** Was read, and lies beyond what may be taken yet. */
  ahead: LogRecord | null;
}

/** The undecoded batches of one partition, in the order in which they came, and the lanes that bring them. */
export interface PartitionQueue extends Waiting {
  readonly targets: readonly FetchTarget[];
}

export interface QueueOptions {
  readonly topics: readonly string[];
  readonly partition: number;
  readonly positions: Positions;
  readonly limits: InboxLimits;
  readonly held: Held;
  /** Nothing at or beyond these offsets is given. */
  readonly until?: (() => Positions) | undefined;
  /** Something came, or the queue is lost. */
  onArrival(): void;
  /** There is room again. */
  onRoom(): void;
}

/** What a queue holds. */
interface Contents {
  entries: Entry[];
  records: number;
  bytes: number;
  /** Why nothing more comes, or null. */
  failure: unknown;
  /** Where each topic's log ended when it was last fetched. */
  readonly ends: number[];
  /** Topics that have not been fetched yet. */
  readonly unseen: Set<number>;
}

export function partitionQueue(options: QueueOptions): PartitionQueue {
  const { topics, limits, held, until } = options;
  const limitOf = (topic: number): number => until?.()[topic] ?? Infinity;
  const next = [...options.positions];
  const contents: Contents = {
    ...{ entries: [], records: 0, bytes: 0, failure: null },
    ends: [...next],
    unseen: new Set(topics.keys()),
  };
  const room = (): boolean =>
    contents.bytes === 0 ||
    (contents.records < limits.records && contents.bytes < limits.bytes && held.bytes < limits.bytesInAll);

  /** Lets go of an entry that has nothing more to give. */
  const settle = ({ topic, batch }: Entry): void => {
    next[topic] = batch.nextOffset;
    contents.bytes -= batch.storedBytes;
    held.bytes -= batch.storedBytes;
  };

  return {
    targets: topics.map((_, topic) => targetInto(contents, topic, room, options)),
    size: () => contents.records,
    pending: () => contents.entries.some(({ topic }) => (next[topic] ?? 0) < limitOf(topic)),
    lost: () => (contents.entries.length > 0 ? null : contents.failure),
    take(max) {
      const hadRoom = room();
      const taken: LogRecord[] = [];
      let opened = 0;
      const unfinished = new Set<number>();
      const left = contents.entries.filter((entry) => {
        // What follows a batch that is not finished waits for it, a marker too: the position would pass its records.
        if (unfinished.has(entry.topic)) return true;
        const limit = limitOf(entry.topic);
        const wasOpen = entry.reader.bytes > 0;
        if (taken.length < max && opened < limits.bytes) {
          contents.records -= drain(entry, max, taken, next, limit);
          if (!wasOpen) opened += entry.reader.bytes;
        }
        const isDone = entry.reader.left === 0 && entry.ahead === null && entry.batch.nextOffset <= limit;
        if (isDone) settle(entry);
        else unfinished.add(entry.topic);
        return !isDone;
      });
      contents.entries = left;
      // A lane that had come to its limit may go on.
      if (until !== undefined || (!hadRoom && room())) options.onRoom();
      return { records: taken, next: [...next] };
    },
    lag: () => contents.ends.map((end, topic) => Math.max(0, end - (next[topic] ?? 0))),
    caughtUp: () =>
      contents.unseen.size === 0 && contents.ends.every((end, topic) => (next[topic] ?? 0) >= end),
    drop() {
      held.bytes -= contents.bytes;
      contents.bytes = 0;
      contents.records = 0;
      contents.entries = [];
    },
  };
}

/** The lane that brings one topic's batches into a queue. */
function targetInto(
  contents: Contents,
  topic: number,
  room: () => boolean,
  { topics, partition, positions, held, until, onArrival }: QueueOptions,
): FetchTarget {
  const fail = (error: unknown): void => {
    contents.failure ??= error;
    onArrival();
  };
  const target: FetchTarget = {
    topic: must(topics[topic], 'a topic by its index'),
    partition,
    position: must(positions[topic], 'one position per topic'),
    // What lies beyond the limit of one topic must not keep the others from being fetched.
    hasCapacity: () =>
      until === undefined
        ? room()
        : target.position < (until()[topic] ?? 0) &&
          (room() || !contents.entries.some((entry) => entry.topic === topic)),
    deliver(batches, end) {
      contents.ends[topic] = end;
      contents.unseen.delete(topic);
      const first = target.position;
      for (const batch of batches) {
        if (batch.nextOffset <= target.position) continue;
        contents.entries.push({
          topic,
          batch,
          reader: readRecords(batch, topic, partition, first),
          ahead: null,
        });
        target.position = batch.nextOffset;
        contents.records += batch.count;
        contents.bytes += batch.storedBytes;
        held.bytes += batch.storedBytes;
      }
      if (batches.length > 0) onArrival();
    },
    outOfRange: () =>
      fail(
        new EfsError(
          'position-lost',
          `${target.topic}/${partition}: the log no longer holds ${target.position}`,
        ),
      ),
  };
  return target;
}

/** Moves records of one batch until there are `max` in all, or they come to the limit; gives how many the batch has less. */
function drain(entry: Entry, max: number, taken: LogRecord[], next: number[], limit: number): number {
  const { reader, topic } = entry;
  const before = reader.left;
  while (taken.length < max) {
    const record = entry.ahead ?? reader.next();
    entry.ahead = null;
    if (record !== null && record.offset < limit) {
      taken.push(record);
      next[topic] = record.offset + 1;
      continue;
    }
    entry.ahead = record;
    // Whatever offsets are left below the limit hold no record.
    if (entry.batch.nextOffset > limit) next[topic] = Math.max(next[topic] ?? 0, limit);
    break;
  }
  return before - reader.left;
}
