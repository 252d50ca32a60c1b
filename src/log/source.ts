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
  /** Available without reading the headers themselves. */
  readonly headerCount: number;
  /**
   * Where this stands for records that cannot be read: why, and which. It has the first one's offset; its value is what
   * the log holds in their place. The position after it is that after the last one.
   */
  readonly unreadable?: string;
  /**
   * Reads the headers; for the rare record that is dead-lettered. Fewer than `headerCount` where there are very many, or
   * they are corrupt: those before.
   */
  headers(): readonly RecordHeader[];
}

/**
 * The next offset to read of each topic of a partition, by topic index. Those that a state holds end early where topics
 * were added after it was built: it has read nothing of these.
 */
export type Positions = readonly number[];

/** The records that a task takes at once: of one partition, of any of its topics; each topic's records in offset order. */
export interface Batch {
  readonly records: readonly LogRecord[];
  /** The position of each topic after this batch. Covers offsets without a record (compaction, transactions). */
  readonly next: Positions;
}

export interface TakeOptions {
  readonly max: number;
  readonly lingerMs: number;
  /** Unlimited where absent. */
  readonly idleMs?: number;
}

/** The buffer of one task. Bounded: while it is full, the source fetches nothing more for the partition. */
export interface Inbox {
  /**
   * Waits for a first record, then at most `lingerMs` longer for more, and returns at most `max` records. After `idleMs`
   * without any it returns a batch without records. Null once the inbox is closed. Throws `position-lost` where the log no
   * longer holds the next offset.
   */
  take(options: TakeOptions): Promise<Batch | null>;
  /** Records between the last one taken and the end of the log as of the last fetch; by topic index. */
  lag(): readonly number[];
  /** Records at the end of the log that an open transaction held back at the last fetch; by topic index. */
  heldBack(): readonly number[];
  /** Whether all that the log held at the last fetch of each topic has been taken; false before that. */
  caughtUp(): boolean;
  /** Drops the buffered records; `take` then returns null. Idempotent. */
  close(): void;
}

/** First and end offset of a topic's partition: the log holds offsets from `low` up to, not including, `high`. */
export interface Watermarks {
  readonly low: number;
  readonly high: number;
}

/**
 * The reading side of co-partitioned topics. Partition p of all of them is assigned to one member of the group at a time.
 * The source stores no positions: the caller that opens an inbox passes its start.
 */
export interface Source {
  /** Number of partitions, the same for each topic. Throws `topic-missing`, `not-co-partitioned`, `kafka-unavailable`. */
  partitions(): Promise<number>;
  /**
   * Joins the group. `onAssigned` gets the complete list of partitions owned from now on, at every change.
   * `onFailed` gets the error that ended the source for good (not outages: the source retries through them).
   * `onForeignMembers` gets `group-shared` where members that read other topics are in the group, or keep this member out of it;
   * null once that has ended.
   */
  start(listener: {
    onAssigned(partitions: readonly number[]): void;
    onFailed(error: unknown): void;
    onForeignMembers?(found: EfsError | null): void;
  }): Promise<void>;
  /**
   * Starts to read an assigned partition at these positions, and topics beyond them at their first offset; an earlier inbox
   * of the partition is closed. Throws `position-lost` where the log does not hold one of them. The inbox returns nothing at or beyond `until`, by
   * topic index, which is called at each `take` and may only rise.
   */
  open(partition: number, positions: Positions, until?: () => Positions): Promise<Inbox>;
  /** By topic index. */
  watermarks(partition: number): Promise<readonly Watermarks[]>;
  /** Commits a partition's progress as the group's offsets, within seconds. The source itself never reads them. */
  commitProgress(partition: number, positions: Positions): void;
  /** Leaves the group. Closes every inbox. */
  stop(): Promise<void>;
}

/**
 * Where a follower starts: at the first record of the log, after the last, or, in each partition, `last` offsets before its
 * end.
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
  /** Called once, when all that the log held at the start has been delivered. */
  onCaughtUp?(): void;
}

/** A topic that is being followed. */
export interface Following {
  /** Resolves once the signal has aborted. Rejects with the error that ended it before; an outage does not end it. */
  readonly ended: Promise<void>;
}

/**
 * Reads topics outside any group, and leaves no group behind. Topic names are the log's own (with the tenant's
 * prefix); `LogRecord.topic` is 0. Throws `topic-missing`, `kafka-unavailable`.
 */
export interface TopicReader {
  /** Number of partitions of a topic. */
  partitions(topic: string): Promise<number>;
  /** What identifies each topic until it is deleted, in order; null where it is missing, or where the log has no ids. */
  topicIds(topics: readonly string[]): Promise<readonly (string | null)[]>;
  /** First and end offset of one partition. */
  watermarks(topic: string, partition: number): Promise<Watermarks>;
  /** End offset of one partition as writers see it: with the records that open transactions hold back. */
  highWatermark(topic: string, partition: number): Promise<number>;
  /**
   * Delivers every committed record of a partition, in offset order, from `from` (the first one held, where absent or
   * already gone) up to the end as of the call; then resolves. Trailing transaction markers do not delay it. An error that
   * `onRecord` throws ends the read, which rejects with it.
   */
  read(topic: string, partition: number, onRecord: (record: LogRecord) => void, from?: number): Promise<void>;
  /**
   * Delivers the records of all partitions as they arrive, until `signal` aborts. Resolves once its start positions are
   * known; from then on it retries through outages.
   */
  follow(topic: string, options: FollowOptions, onRecord: (record: LogRecord) => void): Promise<Following>;
  /** Safe to call twice. */
  close(): Promise<void>;
}

/** An offset that a group has committed for a topic's partition, with Kafka's commit metadata. */
export interface Committed {
  readonly offset: number;
  /** Short, in ASCII; empty where there is none. */
  readonly metadata: string;
}

/**
 * A group's committed offset for a topic's partition, or null without one. Read as the checkpoint of what was published, and
 * as the start of an ingestion. Throws `kafka-unavailable`.
 */
export type CommittedOffset = (
  groupId: string,
  topic: string,
  partition: number,
) => Promise<Committed | null>;
