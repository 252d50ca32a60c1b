import type { Reason } from '../feedback/decode';
import type { Feedback } from '../feedback/feedback';
import type { RecordHeader } from '../log/source';

/** One record to be produced. */
export interface TrafficRecord {
  /** Index into `FEEDBACK_TOPICS`. */
  readonly topic: number;
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  readonly headers: readonly RecordHeader[];
  /** To be produced anywhere but where its key belongs. */
  readonly misplaced: boolean;
  /** What the value says; null where the record must be set aside. */
  readonly feedback: Feedback | null;
  /** Why the record must be set aside, or null. */
  readonly poison: Reason | null;
}

/** A record as a sound producer makes it. */
export type FeedbackRecord = TrafficRecord & { readonly feedback: Feedback };
