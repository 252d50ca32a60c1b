import type { Type } from 'avsc';
import { FRAME_BYTES, writeFrame } from '../avro/frame';
import type { Millis, PolicyName } from '../feedback/feedback';
import type { Reason } from '../feedback/qualification';
import type { FailureType } from '../feedback/qualification';
import type { Status } from '../status/policy';
import type { DeliveryFacts, Kpis, Totals } from './kpis';

/**
 * One partition's share of a delivery, absolute: repeating or reordering contributions is harmless, the one that
 * supersedes the others counts. Without a delivery it is a barrier: this partition has passed its catch-up offsets.
 */
export interface Contribution extends Totals, DeliveryFacts {
  /** The state id of its state, unlike the generation that published records carry. */
  generation: number;
  partition: number;
  deliveryId: string | null;
  /**
   * Not null: the record is a retirement marker with the time of the retirement, and counts nothing. All feedback that the
   * log held at `asOf` had been counted by then.
   */
  retiredAt: Millis | null;
}

export interface KpiChanged {
  readonly deliveryId: string;
  readonly generation: number;
  readonly revision: number;
  /** The revision published before this one; 0 at first, and where that one was of another generation. */
  readonly previousRevision: number;
  readonly policy: PolicyName;
  readonly asOf: Millis;
  readonly kpis: Kpis;
  readonly previous: Kpis | null;
}

export interface MessageStatusChanged {
  readonly deliveryId: string;
  readonly messageId: string;
  readonly generation: number;
  readonly occurredAt: Millis;
  readonly status: Status;
  readonly previousStatus: Status | null;
  readonly reason: Reason | null;
  readonly failureType: FailureType | null;
}

/** A record type with its schema id: values to and from the Confluent wire format. */
export interface WireType<Value> {
  encode(value: Value): Buffer;
  /** Of bytes that `encode` made. */
  decode(bytes: Buffer): Value;
}

export function wireType<Value>(type: Type, schemaId: number): WireType<Value> {
  const frame = Buffer.alloc(FRAME_BYTES);
  writeFrame(frame, 0, schemaId);
  return {
    encode: (value) => Buffer.concat([frame, type.toBuffer(value)]),
    decode: (bytes) => type.fromBuffer(bytes.subarray(FRAME_BYTES)) as Value,
  };
}
