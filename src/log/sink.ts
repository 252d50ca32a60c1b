import { must } from '../base/assert';
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

/** The writing side of the log. */
export interface Sink {
  /**
   * Resolves when every record is acknowledged by all in-sync replicas. Records of one partition keep their order.
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

export interface TransactionalSink {
  /**
   * All or nothing, in order, with the checkpoint: the input position of the records and its metadata, or null where no
   * checkpoint is needed. Does not retry.
   */
  emit(records: readonly OutgoingRecord[], checkpoint: Committed | null): Promise<TransactionOutcome>;
  close(): Promise<void>;
}

/** The input partition of a transactional sink's checkpoint: the number its name ends with (`kpi-7`, or just `7`). */
export function checkpointPartition(name: string): number {
  const [digits] = must(
    /\d+$/.exec(name),
    `the name of a transactional sink ends with a partition number: ${name}`,
  );
  return Number(digits);
}
