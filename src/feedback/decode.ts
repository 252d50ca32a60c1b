import type { LogRecord } from './source';

/** Why a record is set aside; the first that applies, in this order (contract section 3). */
export type Reason =
  | 'no-value'
  | 'too-large'
  | 'not-avro'
  | 'unknown-schema'
  | 'wrong-record'
  | 'invalid-field'
  | 'key-mismatch'
  | 'wrong-partition';

/** A record that is not folded, and why. */
export interface Rejected {
  readonly record: LogRecord;
  readonly reason: Reason;
  /** For the dead letter's header only: it may quote the record. */
  readonly detail: string;
}

/** What became of a batch's records: each is in exactly one of the two, in the batch's order. */
export interface Decoded<Input> {
  readonly inputs: readonly Input[];
  readonly rejected: readonly Rejected[];
}

/** Bytes in, values out. Waits only for schemas it has not met; throws `registry-unavailable`. */
export type Decoder<Input> = (records: readonly LogRecord[]) => Promise<Decoded<Input>>;
