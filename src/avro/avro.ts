/**
 * Where the reading of one Avro value stands. Reading never throws: what it finds wrong is noted here, the value that
 * comes out then means nothing.
 */
export interface Cursor {
  readonly bytes: Buffer;
  position: number;
  /** Bytes that no Avro writer makes, or too few of them. */
  malformed: boolean;
  /** A value that the writer's schema allows and ours has no place for. */
  unresolved: boolean;
  /** Items of arrays and maps, and inner records, that may still be read: those of no size cost time, but no bytes. */
  items: number;
  /** Records within records that may still be opened. */
  depth: number;
}

const MAX_DEPTH = 64;
const MAX_VARINT_BYTES = 10;

/** A cursor over `bytes` from `position` to their end. It reads no more items than there are bytes. */
export function cursorAt(bytes: Buffer, position: number): Cursor {
  return {
    bytes,
    position,
    malformed: false,
    unresolved: false,
    items: bytes.length,
    depth: MAX_DEPTH,
  };
}

/** Whether every byte has been read, and none that is not there. */
export const isFinished = (cursor: Cursor): boolean =>
  !cursor.malformed && cursor.position === cursor.bytes.length;

function fail(cursor: Cursor): void {
  cursor.malformed = true;
  cursor.position = cursor.bytes.length;
}

/**
 * Reads a zigzag varint of at most 64 bits. Beyond ±2^53 the result is rounded, never wrapped, so that it still fails a
 * check of its range. Bytes beyond the end read as zero; `isFinished` tells.
 */
export function readLong(cursor: Cursor): number {
  const bytes = cursor.bytes;
  const start = cursor.position;
  let position = start;
  let byte = bytes[position++]!;
  const negative = (byte & 1) === 1;
  let magnitude = (byte & 0x7f) >> 1;
  if (byte >= 0x80) {
    let scale = 64;
    do {
      byte = bytes[position++]!;
      magnitude += (byte & 0x7f) * scale;
      scale *= 128;
    } while (byte >= 0x80 && position - start < MAX_VARINT_BYTES);
    if (position - start === MAX_VARINT_BYTES && byte > 1) fail(cursor);
  }
  if (!cursor.malformed) cursor.position = position;
  return negative ? -magnitude - 1 : magnitude;
}

export function readInt(cursor: Cursor): number {
  const value = readLong(cursor);
  if ((value | 0) !== value) fail(cursor);
  return value;
}

export function readBoolean(cursor: Cursor): boolean {
  const byte = cursor.bytes[cursor.position++]!;
  if (byte > 1) fail(cursor);
  return byte === 1;
}

/** Moves over `length` bytes; gives where they begin, or −1 where they are not there. */
export function take(cursor: Cursor, length: number): number {
  const start = cursor.position;
  if (length < 0 || length > cursor.bytes.length - start) {
    fail(cursor);
    return -1;
  }
  cursor.position = start + length;
  return start;
}

export function readFloat(cursor: Cursor): number {
  const start = take(cursor, 4);
  return start < 0 ? 0 : cursor.bytes.readFloatLE(start);
}

export function readDouble(cursor: Cursor): number {
  const start = take(cursor, 8);
  return start < 0 ? 0 : cursor.bytes.readDoubleLE(start);
}

/** A power of two: strings that a reader remembers, each in the place that its bytes choose. */
const REMEMBERED = 64;
const REMEMBERED_LENGTH_MAX = 64;

/**
 * Makes a reader of strings that gives the same string again where the bytes are those of one it gave lately: a batch
 * speaks of few deliveries and domains, and strings that are the same are looked up faster. Bytes that are not UTF-8
 * read as U+FFFD.
 */
export function stringReader(): (cursor: Cursor) => string {
  const remembered: string[] = Array.from({ length: REMEMBERED }, () => '');
  return (cursor) => {
    const start = take(cursor, readLong(cursor));
    const end = cursor.position;
    if (start < 0 || start === end) return '';
    const { bytes } = cursor;
    if (end - start > REMEMBERED_LENGTH_MAX) return bytes.toString('utf8', start, end);
    const middle = bytes[(start + end) >> 1]!;
    const place = (end - start + bytes[start]! + middle * 5 + bytes[end - 1]! * 11) & (REMEMBERED - 1);
    const known = remembered[place]!;
    if (repeats(bytes, start, end, known)) return known;
    return (remembered[place] = bytes.toString('utf8', start, end));
  };
}

/** Whether the bytes are ASCII and spell `text`. */
function repeats(bytes: Buffer, start: number, end: number, text: string): boolean {
  if (end - start !== text.length) return false;
  for (let index = 0; index < text.length; index += 1) {
    const byte = bytes[start + index]!;
    if (byte !== text.charCodeAt(index) || byte >= 0x80) return false;
  }
  return true;
}

export function skipBytes(cursor: Cursor): void {
  take(cursor, readLong(cursor));
}

/** Reads the blocks of an array or a map: calls `item` once for each item, and no more often than bytes can justify. */
export function readBlocks(cursor: Cursor, item: (cursor: Cursor) => void): void {
  for (;;) {
    let count = readLong(cursor);
    if (count < 0) {
      count = -count;
      readLong(cursor);
    }
    if (count === 0 || cursor.malformed) return;
    for (; count > 0; count -= 1) {
      if (--cursor.items < 0 || cursor.position > cursor.bytes.length) return fail(cursor);
      item(cursor);
      if (cursor.malformed) return;
    }
  }
}

/** Reads one record within another: `read` is not called where they are nested too deep. */
export function readNested(cursor: Cursor, read: (cursor: Cursor) => unknown): unknown {
  if (--cursor.depth < 0 || --cursor.items < 0) {
    fail(cursor);
    return null;
  }
  const value = read(cursor);
  cursor.depth += 1;
  return value;
}
