import type { DeadLetterReason } from '../feedback/decode';
import type { Feedback } from '../feedback/feedback';
import type { RecordHeader } from '../log/source';

/** One record to be produced. */
export interface TrafficRecord {
  /** Index into `FEEDBACK_TOPICS`. */
  readonly topic: number;
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  readonly headers: readonly RecordHeader[];
  /** To be produced to another partition than that of its key. */
  readonly misplaced: boolean;
  /** The decoded value; null where the record must be dead-lettered. */
  readonly feedback: Feedback | null;
  /** Why the record must be dead-lettered, or null. */
  readonly poison: DeadLetterReason | null;
}

/** A record of a correct producer. */
export type FeedbackRecord = TrafficRecord & { readonly feedback: Feedback };
