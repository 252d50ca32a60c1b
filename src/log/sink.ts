import { must } from '../base/assert';
import type { Committed, RecordHeader } from './source';

/** A record on its way out. The topic's name is without the tenant's prefix. */
export interface OutgoingRecord {
  readonly topic: string;
  readonly partition: number;
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  readonly headers?: readonly RecordHeader[];
  /** Stamp to keep (dead letters keep their record's); the log's own where absent. */
  readonly timestamp?: number;
}

/** The writing end. */
export interface Sink {
  /**
   * Resolves when every record is acknowledged by all in-sync replicas. Records of one partition keep their order.
   * Rejects with `kafka-unavailable` when the outcome is unknown: the caller emits the same bytes again.
   */
  emit(records: readonly OutgoingRecord[]): Promise<void>;
  close(): Promise<void>;
}

/**
 * A writing end that one task owns. Opening it shuts out every sink opened before under the same name: what a former
 * owner still sends is refused by the log. `read` topic positions travel with the records, in one transaction.
 */
export interface TransactionalSinks {
  /** Throws `kafka-unavailable`. */
  open(name: string): Promise<TransactionalSink>;
}

/**
 * - `acknowledged`: the records are in the log, with their witness.
 * - `fenced`: another sink has been opened under the name; nothing of this one reaches the log any more.
 * - `unacknowledged`: whether the records are in the log is not known, and this sink is of no more use. Its owner must
 *   open another and claim its task again before it emits anything: in between somebody else may have gone on.
 */
export type TransactionOutcome = 'acknowledged' | 'fenced' | 'unacknowledged';

export interface TransactionalSink {
  /**
   * All or nothing, in order, with the witness: the input position that the records speak of and a note on them, or null
   * where nobody will ask for it. Does not retry.
   */
  emit(records: readonly OutgoingRecord[], checkpoint: Committed | null): Promise<TransactionOutcome>;
  close(): Promise<void>;
}

/** The input partition a fenced sink speaks of: the number its name ends with (`kpi-7`, or just `7`). */
export function checkpointPartition(name: string): number {
  const [digits] = must(/\d+$/.exec(name), `the name of a fenced sink ends with a partition number: ${name}`);
  return Number(digits);
}
