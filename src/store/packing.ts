import { assert } from '../base/assert';
import type { Positions } from '../log/source';
import type { Read, Write } from './store';

/*
 * Arguments for the Lua scripts: one blob per hash instead of one argument per field. Numbers are big-endian, as
 * `struct.unpack` reads them with '>I2c0' and '>I4c0'.
 *
 *   read    u32 number of fields, then for each: u16 length, bytes
 *   write   u32 number of values to set, u32 number of fields to delete,
 *           then for each to set: u16 length, field, u32 length, value; then for each to delete: u16 length, field
 */
const FIELD_LENGTH_MAX = 0xffff;

/** The fields of a read as one blob. */
export function packRead(read: Read): Buffer {
  if (read.fields.packed !== undefined) return read.fields.packed;
  let size = 4;
  for (const field of read.fields) size += 2 + field.length;
  const blob = Buffer.allocUnsafe(size);
  let at = blob.writeUInt32BE(read.fields.length, 0);
  for (const field of read.fields) at = putField(blob, at, field);
  return blob;
}

/** The entries of a write as one blob. Where a field occurs twice, the last entry counts. */
export function packWrite(write: Write): Buffer {
  if (write.entries.packed !== undefined) return write.entries.packed;
  const { sets, deletes } = lastOfEach(write.entries);
  let size = 8;
  for (const [field, value] of sets) size += 6 + field.length + value.length;
  for (const field of deletes) size += 2 + field.length;
  const blob = Buffer.allocUnsafe(size);
  let at = blob.writeUInt32BE(sets.length, 0);
  at = blob.writeUInt32BE(deletes.length, at);
  for (const [field, value] of sets) {
    at = putField(blob, at, field);
    at = blob.writeUInt32BE(value.length, at);
    blob.set(value, at);
    at += value.length;
  }
  for (const field of deletes) at = putField(blob, at, field);
  return blob;
}

function putField(blob: Buffer, at: number, field: Buffer): number {
  assert(field.length <= FIELD_LENGTH_MAX, `a field of ${field.length} bytes`);
  const start = blob.writeUInt16BE(field.length, at);
  blob.set(field, start);
  return start + field.length;
}

type Entries = Write['entries'];

interface Split {
  readonly sets: readonly (readonly [field: Buffer, value: Buffer])[];
  readonly deletes: readonly Buffer[];
}

/** Separates sets from deletes. Their order is lost, so a field with both keeps the last one. */
function lastOfEach(entries: Entries): Split {
  const sets: (readonly [Buffer, Buffer])[] = [];
  const deletes: Buffer[] = [];
  for (const entry of entries) {
    const [field, value] = entry;
    if (value === null) deletes.push(field);
    else sets.push(entry as readonly [Buffer, Buffer]);
  }
  if (deletes.length === 0 || sets.length === 0) return { sets, deletes };
  const last = new Map(Array.from(entries, ([field, value]) => [field.toString('latin1'), value]));
  const isLast = (field: Buffer, value: Buffer | null): boolean =>
    last.get(field.toString('latin1')) === value;
  return {
    sets: sets.filter(([field, value]) => isLast(field, value)),
    deletes: deletes.filter((field) => isLast(field, null)),
  };
}

/** Positions as stored and compared: decimal offsets, separated by commas. */
export function showPositions(positions: Positions): string {
  return positions.join(',');
}

/** Inverse of `showPositions`; an empty text has no positions. Another text is a broken invariant. */
export function parsePositions(text: string): Positions {
  if (text === '') return [];
  const positions = text.split(',').map(Number);
  const areOffsets = /^\d+(,\d+)*$/.test(text) && positions.every(Number.isSafeInteger);
  assert(areOffsets, 'positions that are no offsets are stored');
  return positions;
}
