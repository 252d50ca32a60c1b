import type { Type } from 'avsc';
import { cursorAt, isFinished } from '../avro/avro';
import { FRAME_BYTES, frameFault, schemaIdIn, writeFrame } from '../avro/frame';
import { resolve, valueCheck } from '../avro/resolution';
import { must } from '../base/assert';
import type * as records from '../feedback/records';
import type { RecordSchema } from '../feedback/schemas';

/**
 * One partition's share of a delivery, absolute: repeating or reordering contributions is harmless, the one that
 * supersedes the others counts. Without a delivery it is a barrier: this partition has passed its catch-up offsets. With
 * `retiredFrom` it is the last one. What it holds beside totals only ever rises. Its `generation` is the state id of its
 * state, unlike the one that published records carry.
 */
export type Contribution = records.Contribution;
export type KpiChanged = records.KpiChanged;
export type MessageStatusChanged = records.MessageStatusChanged;

/** A record type with its schema id: values to and from the Confluent wire format. */
export interface WireType<Value> {
  encode(value: Value): Buffer;
  /** Of bytes that `encode` made, or that of an earlier version: fields added since have their defaults. */
  decode(bytes: Buffer): Value;
  /**
   * Of any bytes: null where they are no value, because another has written them. avsc alone reads as many entries of a map
   * as the bytes say.
   */
  read(bytes: Buffer): Value | null;
}

/**
 * A record's wire type. Bytes under `schemaId` are of the schema's type. Under another id they are of that type, where a
 * registry has given it another id, or else of a former one: bytes are taken for the type that they fill to the last.
 */
export function wireType<Value>(
  { type, former }: Pick<RecordSchema, 'type' | 'former'>,
  schemaId: number,
): WireType<Value> {
  const frame = Buffer.alloc(FRAME_BYTES);
  writeFrame(frame, 0, schemaId);
  const isValue = valueCheck(type);
  const formerReaders = former.map((each) => formerReader(each, type));
  const readFormer = (bytes: Buffer): unknown => {
    for (const readAs of formerReaders) {
      const value = readAs(bytes);
      if (value !== null) return value;
    }
    return null;
  };
  const current = (bytes: Buffer): Value => type.fromBuffer(bytes.subarray(FRAME_BYTES)) as Value;
  const read = (bytes: Buffer): Value | null => {
    if (frameFault(bytes) !== null) return null;
    if (!isValue(bytes, FRAME_BYTES)) return readFormer(bytes) as Value | null;
    try {
      return current(bytes);
    } catch {
      return null; // A long that a number cannot hold.
    }
  };
  return {
    encode: (value) => Buffer.concat([frame, type.toBuffer(value)]),
    decode: (bytes) =>
      former.length === 0 || schemaIdIn(bytes) === schemaId
        ? current(bytes)
        : must(read(bytes), 'a record that no version has written is stored'),
    read,
  };
}

/** Reads bytes of a record's former type as its present one; null for bytes that are not of it. */
function formerReader(former: Type, type: Type): (bytes: Buffer) => unknown {
  const read = must(resolve(former, type), 'a former record is read as the present one');
  return (bytes) => {
    const cursor = cursorAt(bytes, FRAME_BYTES);
    const value = read(cursor);
    return isFinished(cursor) && !cursor.unresolved ? value : null;
  };
}
