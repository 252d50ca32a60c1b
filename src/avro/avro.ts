/**
 * The state of reading one Avro value. Reading never throws: faults set the flags below, and the value read is then
 * meaningless.
 */
export interface Cursor {
  readonly bytes: Buffer;
  position: number;
  /** The bytes are not valid Avro, or too few. */
  malformed: boolean;
  /** The writer's schema allows the value, but the reader's schema cannot represent it. */
  unresolved: boolean;
  /** Array and map items, nested records and their fields of no size that may still be read: they cost time, but no bytes. */
  items: number;
  /** Levels of nested records that may still be opened. */
  depth: number;
}

const MAX_DEPTH = 64;
const MAX_VARINT_BYTES = 10;

/** Items that a value may have beyond its bytes: as many as the widest writer schema has fields. */
const FREE_ITEMS = 1_000;

/** A cursor over `bytes` from `position` to their end. It reads few more items than there are bytes. */
export function cursorAt(bytes: Buffer, position: number): Cursor {
  return {
    bytes,
    position,
    malformed: false,
    unresolved: false,
    items: FREE_ITEMS + bytes.length,
    depth: MAX_DEPTH,
  };
}

/** Whether every byte has been read, and none beyond the end. */
export const isFinished = (cursor: Cursor): boolean =>
  !cursor.malformed && cursor.position === cursor.bytes.length;

function fail(cursor: Cursor): void {
  cursor.malformed = true;
  cursor.position = cursor.bytes.length;
}

/**
 * Reads a zigzag varint of at most 64 bits. Beyond ±2^53 the result is rounded, never wrapped, so that it still fails a
 * check of its range. Bytes beyond the end read as zero; `isFinished` is then false.
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

/** Moves over `length` bytes; returns where they begin, or −1 where they are beyond the end. */
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

/** Slots of a reader's string cache, each chosen by the string's bytes; a power of two. */
const CACHE_SLOTS = 64;
const CACHED_LENGTH_MAX = 64;

/**
 * Makes a reader of strings that caches recent strings and returns the same object for the same bytes: a batch has few
 * deliveries and domains, and identical objects are looked up faster. Bytes that are not UTF-8 read as U+FFFD.
 */
export function stringReader(): (cursor: Cursor) => string {
  const cache: string[] = Array.from({ length: CACHE_SLOTS }, () => '');
  return (cursor) => {
    const start = take(cursor, readLong(cursor));
    const end = cursor.position;
    if (start < 0 || start === end) return '';
    const { bytes } = cursor;
    if (end - start > CACHED_LENGTH_MAX) return bytes.toString('utf8', start, end);
    const middle = bytes[(start + end) >> 1]!;
    const slot = (end - start + bytes[start]! + middle * 5 + bytes[end - 1]! * 11) & (CACHE_SLOTS - 1);
    const cached = cache[slot]!;
    if (spells(bytes, start, end, cached)) return cached;
    return (cache[slot] = bytes.toString('utf8', start, end));
  };
}

/** Whether the bytes are ASCII and spell `text`. */
function spells(bytes: Buffer, start: number, end: number, text: string): boolean {
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

/** Reads the blocks of an array or a map: calls `item` once for each item, at most as often as `items` allows. */
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

/** Reads a nested record that counts as `items`; does not call `read` beyond the limits of depth and items. */
export function readNested(cursor: Cursor, read: (cursor: Cursor) => unknown, items: number): unknown {
  cursor.depth -= 1;
  cursor.items -= items;
  if (cursor.depth < 0 || cursor.items < 0) {
    fail(cursor);
    return null;
  }
  const value = read(cursor);
  cursor.depth += 1;
  return value;
}
