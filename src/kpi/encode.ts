import type { Type } from 'avsc';
import { FRAME_BYTES, frameFault, writeFrame } from '../avro/frame';
import { valueCheck } from '../avro/resolution';
import type * as records from '../feedback/records';

/**
 * One partition's share of a delivery, absolute: repeating or reordering contributions is harmless, the one that
 * supersedes the others counts. Without a delivery it is a barrier: this partition has passed its catch-up offsets. With
 * `retiredAt` it is a retirement marker: all feedback that the log held at `asOf` had been counted by then. What it holds
 * beside totals only ever rises. Its `generation` is the state id of its state, unlike the one that published records carry.
 */
export type Contribution = records.Contribution;
export type KpiChanged = records.KpiChanged;
export type MessageStatusChanged = records.MessageStatusChanged;

/** A record type with its schema id: values to and from the Confluent wire format. */
export interface WireType<Value> {
  encode(value: Value): Buffer;
  /** Of bytes that `encode` made. */
  decode(bytes: Buffer): Value;
  /**
   * Of any bytes: null where they are no value, because another has written them. avsc alone reads as many entries of a map
   * as the bytes say.
   */
  read(bytes: Buffer): Value | null;
}

export function wireType<Value>(type: Type, schemaId: number): WireType<Value> {
  const frame = Buffer.alloc(FRAME_BYTES);
  writeFrame(frame, 0, schemaId);
  const isValue = valueCheck(type);
  const decode = (bytes: Buffer): Value => type.fromBuffer(bytes.subarray(FRAME_BYTES)) as Value;
  return {
    encode: (value) => Buffer.concat([frame, type.toBuffer(value)]),
    decode,
    read(bytes) {
      if (frameFault(bytes) !== null || !isValue(bytes, FRAME_BYTES)) return null;
      try {
        return decode(bytes);
      } catch {
        return null; // A long that a number cannot hold.
      }
    },
  };
}
