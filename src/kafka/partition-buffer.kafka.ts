import { must } from '../base/assert';
import type { EfsError } from '../base/errors';
import type { BufferedRecords } from '../log/inbox';
import type { FetchTarget } from './fetcher.kafka';
import { readOrSetAside, type RecordBatch, type RecordReader } from './records.kafka';
import type { LogRecord, Positions } from '../log/source';

/** Bounds of an inbox; a partition at its bounds is not fetched. One fetch may exceed them. */
export interface InboxLimits {
  readonly records: number;
  /** Stored bytes of the inbox; also the decompressed bytes that one `take` opens. One record batch may exceed both. */
  readonly bytes: number;
  /** Stored bytes of all inboxes of the source together. An empty inbox is filled nevertheless. */
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
  /** Decoded, but at or beyond the limit of `until`. */
  ahead: LogRecord | null;
}

/** The undecoded batches of one partition, in the order of arrival, and the fetch targets that fill it. */
export interface PartitionBuffer extends BufferedRecords {
  readonly targets: readonly FetchTarget[];
}

export interface BufferOptions {
  readonly topics: readonly string[];
  readonly partition: number;
  readonly positions: Positions;
  readonly limits: InboxLimits;
  readonly held: Held;
  /** `take` gives nothing at or beyond these offsets. */
  readonly until?: (() => Positions) | undefined;
  /** Batches arrived, or the buffer failed. */
  onArrival(): void;
  /** The buffer has room again. */
  onRoom(): void;
}

/** The mutable state of a buffer. */
interface Contents {
  entries: Entry[];
  records: number;
  bytes: number;
  /** Why no more batches arrive, or null. */
  failure: EfsError | null;
  /** End offset of each topic's log at its last fetch; null before that. */
  readonly ends: (number | null)[];
  /** Offsets behind each end that an open transaction holds back. */
  readonly heldBack: number[];
}

export function partitionBuffer(options: BufferOptions): PartitionBuffer {
  const { topics, limits, held, until } = options;
  const limitOf = (topic: number): number => until?.()[topic] ?? Infinity;
  const next = [...options.positions];
  const contents: Contents = {
    entries: [],
    records: 0,
    bytes: 0,
    failure: null,
    ends: topics.map(() => null),
    heldBack: topics.map(() => 0),
  };
  const room = (): boolean =>
    contents.bytes === 0 ||
    (contents.records < limits.records && contents.bytes < limits.bytes && held.bytes < limits.bytesInAll);

  /** Releases a finished entry. */
  const release = ({ topic, batch }: Entry): void => {
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
        // Batches behind an unfinished one wait for it, markers too: the position must not pass its records.
        if (unfinished.has(entry.topic)) return true;
        const limit = limitOf(entry.topic);
        const wasOpen = entry.reader.bytes > 0;
        if (taken.length < max && opened < limits.bytes) {
          contents.records -= drain(entry, max, taken, next, limit);
          if (!wasOpen) opened += entry.reader.bytes;
        }
        const isDone = entry.reader.left === 0 && entry.ahead === null && entry.batch.nextOffset <= limit;
        if (isDone) release(entry);
        else unfinished.add(entry.topic);
        return !isDone;
      });
      contents.entries = left;
      // A target that had reached its limit may continue.
      if (until !== undefined || (!hadRoom && room())) options.onRoom();
      return { records: taken, next: [...next] };
    },
    lag: () => contents.ends.map((end, topic) => Math.max(0, (end ?? 0) - (next[topic] ?? 0))),
    heldBack: () => [...contents.heldBack],
    caughtUp: () => contents.ends.every((end, topic) => end !== null && (next[topic] ?? 0) >= end),
    drop() {
      held.bytes -= contents.bytes;
      contents.bytes = 0;
      contents.records = 0;
      contents.entries = [];
    },
  };
}

/** The fetch target that puts one topic's batches into the buffer. */
function targetInto(
  contents: Contents,
  topic: number,
  room: () => boolean,
  { topics, partition, positions, held, until, onArrival }: BufferOptions,
): FetchTarget {
  const target: FetchTarget = {
    topic: must(topics[topic], 'a topic by its index'),
    partition,
    position: must(positions[topic], 'one position per topic'),
    // Batches beyond the limit of one topic must not block the fetches of the others.
    hasCapacity: () =>
      until === undefined
        ? room()
        : target.position < (until()[topic] ?? 0) &&
          (room() || !contents.entries.some((entry) => entry.topic === topic)),
    deliver(batches, end, heldBack) {
      contents.ends[topic] = end;
      contents.heldBack[topic] = heldBack;
      const first = target.position;
      for (const batch of batches) {
        if (batch.nextOffset <= target.position) continue;
        contents.entries.push({
          topic,
          batch,
          reader: readOrSetAside(batch, topic, partition, first),
          ahead: null,
        });
        target.position = batch.nextOffset;
        contents.records += batch.count;
        contents.bytes += batch.storedBytes;
        held.bytes += batch.storedBytes;
      }
      if (batches.length > 0) onArrival();
    },
    failed(error) {
      contents.failure ??= error;
      onArrival();
    },
  };
  return target;
}

/** Moves records of one batch until `taken` has `max`, or the limit is reached; returns how many the batch has less. */
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
    // The remaining offsets below the limit hold no record.
    if (entry.batch.nextOffset > limit) next[topic] = Math.max(next[topic] ?? 0, limit);
    break;
  }
  return before - reader.left;
}
