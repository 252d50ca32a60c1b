import type { Committed, RecordHeader } from './source';

/** A record to be written. The topic's name is without the tenant's prefix. */
export interface OutgoingRecord {
  readonly topic: string;
  readonly partition: number;
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  readonly headers?: readonly RecordHeader[];
  /** Timestamp to keep (dead letters keep their record's); the log's own where absent. */
  readonly timestamp?: number;
}

/** A record batch stays below this unless a single record is larger: brokers take 1 MiB by default. */
export const MAX_BATCH_BYTES = 512 << 10;

/** The writing side of the log. */
export interface Sink {
  /**
   * Resolves when every record is acknowledged by all in-sync replicas. Records of one call for one partition keep their order.
   * Rejects with `kafka-unavailable` when the outcome is unknown: the caller emits the same bytes again.
   */
  emit(records: readonly OutgoingRecord[]): Promise<void>;
  close(): Promise<void>;
}

/**
 * Sinks that each belong to one task. Opening one fences every sink opened before under the same name: the log refuses
 * what a former owner still sends. The checkpoint is committed with the records, in one transaction.
 */
export interface TransactionalSinks {
  /** Throws `kafka-unavailable`. */
  open(name: string): Promise<TransactionalSink>;
}

/**
 * - `acknowledged`: the records are in the log, with their checkpoint.
 * - `fenced`: another sink has been opened under the name; the log accepts nothing more from this one.
 * - `unacknowledged`: whether the records are in the log is not known, and this sink can no longer be used. Its owner must
 *   open another and claim its task again before it emits anything: another owner may have continued meanwhile.
 */
export type TransactionOutcome = 'acknowledged' | 'fenced' | 'unacknowledged';

/** An offset that the sinks' group commits together with records. The topic's name is without the tenant's prefix. */
export interface Checkpoint extends Committed {
  readonly topic: string;
  readonly partition: number;
}

export interface TransactionalSink {
  /** All or nothing, in order, with the checkpoint, or null where none is needed. Does not retry. */
  emit(records: readonly OutgoingRecord[], checkpoint: Checkpoint | null): Promise<TransactionOutcome>;
  close(): Promise<void>;
}
