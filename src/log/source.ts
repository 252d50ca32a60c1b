import type { EfsError } from '../base/errors';

/** One header of a record. Names may repeat; the order is the log's. */
export interface RecordHeader {
  /** The name's bytes as the log holds them (UTF-8 by convention, not by force). */
  readonly name: Buffer;
  readonly value: Buffer | null;
}

/** One record of the log, undecoded. */
export interface LogRecord {
  /** Index of the topic in the list the source was opened with. */
  readonly topic: number;
  readonly partition: number;
  readonly offset: number;
  /** Milliseconds since 1970, as the log stamped it. */
  readonly timestamp: number;
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  /** Known without reading the headers themselves. */
  readonly headerCount: number;
  /** Reads the headers; for the rare record that is set aside. */
  headers(): readonly RecordHeader[];
}

/** The next offset to read of each topic of a partition, by topic index. */
export type Positions = readonly number[];

/** What a task takes at once: records of one partition, of any of its topics; each topic's records in offset order. */
export interface Batch {
  readonly records: readonly LogRecord[];
  /** Where each topic stands once this batch is behind. Covers offsets that hold no record (compaction, transactions). */
  readonly next: Positions;
}

export interface TakeOptions {
  readonly max: number;
  readonly lingerMs: number;
  /** For ever, where absent. */
  readonly idleMs?: number;
}

/** What waits for one task. Bounded: while it is full, the source fetches nothing more for the partition. */
export interface Inbox {
  /**
   * Waits until something is there, then `lingerMs` longer for more (never longer), and gives at most `max` records.
   * After `idleMs` in which nothing came it gives a batch without any. Null once the inbox is closed. Throws
   * `position-lost` where the log no longer holds the next offset.
   */
  take(options: TakeOptions): Promise<Batch | null>;
  /** Records between what was taken and the end of the log, as far as the last fetch knew; by topic index. */
  lag(): readonly number[];
  /** Whether everything has been taken that the log held at the last fetch of each topic; false before that. */
  caughtUp(): boolean;
  /** Drops what waits; `take` then gives null. Safe to call twice. */
  close(): void;
}

/** First and end offset of a topic's partition: the log holds offsets from `low` up to, not including, `high`. */
export interface Watermarks {
  readonly low: number;
  readonly high: number;
}

/**
 * The reading end of co-partitioned topics. Partition p of all of them goes to one member of the group at a time.
 * The source knows no stored positions: whoever opens an inbox says where it begins.
 */
export interface Source {
  /** Number of partitions, the same for each topic. Throws `topic-missing`, `not-co-partitioned`, `kafka-unavailable`. */
  partitions(): Promise<number>;
  /**
   * Joins the group. `onAssigned` gets the complete list of partitions owned from now on, at every change.
   * `onFailed` gets what ended the source for good (it is not called for outages, which the source waits out).
   * `onStrangers` gets `group-shared` where others than workers of these topics are in the group, or keep this member out of
   * it; null where that is over.
   */
  start(listener: {
    onAssigned(partitions: readonly number[]): void;
    onFailed(error: unknown): void;
    onStrangers?(found: EfsError | null): void;
  }): Promise<void>;
  /**
   * Begins to read an assigned partition at these positions; an earlier inbox of the partition is closed.
   * Throws `position-lost` where the log does not hold one of them. The inbox gives nothing at or beyond `until`, by topic
   * index, which is asked at each `take` and may only rise.
   */
  open(partition: number, positions: Positions, until?: () => Positions): Promise<Inbox>;
  /** By topic index. */
  watermarks(partition: number): Promise<readonly Watermarks[]>;
  /** Tells lag tools how far a partition is: a courtesy, nothing ever reads it back. */
  noteProgress(partition: number, positions: Positions): void;
  /** Leaves the group. Closes every inbox. */
  stop(): Promise<void>;
}

/**
 * Where a follower starts: at the first record the log holds, behind the last, or, of each partition, so many offsets
 * before its end.
 */
export type FollowFrom = 'beginning' | 'end' | { readonly last: number };

/** The offset at which a follower of one partition starts. */
export function followStart(from: FollowFrom, { low, high }: Watermarks): number {
  if (from === 'beginning') return low;
  return from === 'end' ? high : Math.max(low, high - from.last);
}

export interface FollowOptions {
  readonly from: FollowFrom;
  readonly signal: AbortSignal;
  /** Called once, when everything has been given that the log held at the call. */
  onCaughtUp?(): void;
}

/** A topic that is being followed. */
export interface Following {
  /** Resolves once the signal has aborted. Rejects with what ended it before; an outage does not. */
  readonly ended: Promise<void>;
}

/**
 * Reads topics outside any group, and leaves no group behind. Topic names are the log's own (with the tenant's
 * prefix); `LogRecord.topic` is 0. Throws `topic-missing`, `kafka-unavailable`.
 */
export interface TopicReader {
  /** Number of partitions of a topic. */
  partitions(topic: string): Promise<number>;
  /** First and end offset of one partition. */
  watermarks(topic: string, partition: number): Promise<Watermarks>;
  /**
   * Gives every committed record of a partition, in offset order, from `from` (the first one held, where absent or
   * already gone) up to the end as it was at the call; then resolves. Trailing transaction markers do not hold it up.
   * What `onRecord` throws ends the reading, which rejects with it.
   */
  read(topic: string, partition: number, onRecord: (record: LogRecord) => void, from?: number): Promise<void>;
  /**
   * Gives the records of all partitions as they come, until `signal` aborts. Resolves once it has found its place in the
   * log; from then on it waits outages out.
   */
  follow(topic: string, options: FollowOptions, onRecord: (record: LogRecord) => void): Promise<Following>;
  /** Safe to call twice. */
  close(): Promise<void>;
}

/** What a group has committed for a topic's partition: an offset, and what whoever committed it noted beside it. */
export interface Committed {
  readonly offset: number;
  /** Short, of ASCII characters; empty where nothing was noted. Kafka calls it metadata. */
  readonly note: string;
}

/**
 * What a group has committed for a topic's partition, or null where it has nothing. Read only as an outside witness of
 * what was published. Throws `kafka-unavailable`.
 */
export type CommittedOffset = (
  groupId: string,
  topic: string,
  partition: number,
) => Promise<Committed | null>;
