import { EfsError } from '../base/errors';
import type { Codec } from './codecs.kafka';
import type { LogRecord, RecordHeader } from '../log/source';

/*
 * The content of a record batch (magic 2) behind its header; every number is big-endian, varints are zigzag.
 *
 *   Records           => Record*
 *   Record            => Length Attributes TimestampDelta OffsetDelta KeyLength Key ValueLength Value Headers
 *     Length          => varint, bytes that follow
 *     Attributes      => int8, unused
 *     TimestampDelta  => varlong, from the batch's first timestamp
 *     OffsetDelta     => varint, from the batch's base offset
 *     KeyLength       => varint, -1 for null
 *     ValueLength     => varint, -1 for null
 *   Headers           => HeaderCount (HeaderKeyLength HeaderKey HeaderValueLength HeaderValue)*
 *     HeaderCount, HeaderKeyLength => varint
 *     HeaderValueLength            => varint, -1 for null
 */

/** Most headers of a record that are read: empty ones take two bytes each in the log, many times as much in memory. */
const HEADERS_MAX = 20_000;

/** A record batch whose records have not been read yet. */
export interface RecordBatch {
  readonly baseOffset: number;
  /** The offset after the last one that the batch covers, whether or not that offset still has a record. */
  readonly nextOffset: number;
  /** Records that a reader may see: 0 for control batches and batches of aborted transactions. */
  readonly count: number;
  readonly firstTimestamp: number;
  /** The broker's append time, which then is the timestamp of every record; null where producers set the timestamps. */
  readonly appendTimestamp: number | null;
  readonly codec: Codec;
  /** Bytes of its records as stored in the log. */
  readonly storedBytes: number;
  /** Its bytes in the log, header included; null where it is not certain where the next batch begins. */
  readonly stored: Buffer | null;
  /** Checks its checksum and decompresses its records. Throws `batch-unreadable`. */
  open(): Buffer;
  /** The error to throw where its bytes are invalid. */
  unreadable(why: string, cause?: unknown): EfsError;
}

/** Reads a batch's records one by one. */
export interface RecordReader {
  /** The next record at or after the reader's first offset, or null at the end of the batch. */
  next(): LogRecord | null;
  /** Records of the batch that have not been read or skipped. */
  readonly left: number;
  /** Bytes of its records, decompressed; 0 until the first is read, infinite where that failed. */
  readonly bytes: number;
}

/** A position in the bytes of an open batch. Moves with every read. */
interface Cursor {
  readonly batch: RecordBatch;
  readonly bytes: Buffer;
  at: number;
}

/**
 * Reads `batch` from `firstOffset` on. The first read opens it, so that waiting batches stay compressed. `next` throws
 * `batch-unreadable`.
 */
export function readRecords(
  batch: RecordBatch,
  topic: number,
  partition: number,
  firstOffset: number,
): RecordReader {
  let cursor: Cursor | null = null;
  let left = batch.count;
  return {
    next() {
      while (left > 0) {
        cursor ??= { batch, bytes: batch.open(), at: 0 };
        const record = readRecord(cursor, topic, partition);
        left--;
        if (record.offset >= firstOffset) return record;
      }
      return null;
    },
    get left() {
      return left;
    },
    get bytes() {
      return cursor?.bytes.length ?? 0;
    },
  };
}

/**
 * The same, for a reader that must not stop: from the first record that cannot be read, the rest of the batch is one last
 * record, `unreadable`. Throws `batch-unreadable` where the end of the batch is not certain.
 */
export function readOrSetAside(
  batch: RecordBatch,
  topic: number,
  partition: number,
  firstOffset: number,
): RecordReader {
  const reader = readRecords(batch, topic, partition, firstOffset);
  let from = Math.max(batch.baseOffset, firstOffset);
  let isBroken = false;
  return {
    next() {
      if (isBroken) return null;
      try {
        const record = reader.next();
        if (record !== null) from = record.offset + 1;
        return record;
      } catch (error) {
        if (!(error instanceof EfsError) || batch.stored === null) throw error;
        isBroken = true;
        const count = Math.min(reader.left, batch.nextOffset - from);
        const unreadable = `offsets ${from} to ${batch.nextOffset - 1}, ${count} records: ${error.message}`;
        return placeholder(batch, { topic, partition, offset: from, unreadable });
      }
    },
    get left() {
      return isBroken ? 0 : reader.left;
    },
    get bytes() {
      return isBroken ? Infinity : reader.bytes;
    },
  };
}

function placeholder(
  { firstTimestamp, stored }: RecordBatch,
  at: Pick<LogRecord, 'topic' | 'partition' | 'offset'> & { readonly unreadable: string },
): LogRecord {
  return { ...at, timestamp: firstTimestamp, key: null, value: stored, headerCount: 0, headers: () => [] };
}

function readRecord(cursor: Cursor, topic: number, partition: number): LogRecord {
  const { batch, bytes } = cursor;
  const length = readVarint(cursor);
  const end = cursor.at + length;
  if (length < 0 || end > bytes.length) throw batch.unreadable('a record is longer than its batch');
  cursor.at++; // attributes
  const created = batch.firstTimestamp + readVarlong(cursor);
  const offset = batch.baseOffset + readVarint(cursor);
  const key = readBytes(cursor, end);
  const value = readBytes(cursor, end);
  const headerCount = readVarint(cursor);
  const headersAt = cursor.at;
  if (headersAt > end || headerCount < 0) throw batch.unreadable('a record ends before its fields');
  cursor.at = end;
  return {
    topic,
    partition,
    offset,
    timestamp: batch.appendTimestamp ?? created,
    key,
    value,
    headerCount,
    headers: () => readHeaders({ batch, bytes: bytes.subarray(0, end), at: headersAt }, headerCount),
  };
}

function readHeaders(cursor: Cursor, count: number): RecordHeader[] {
  const { bytes } = cursor;
  const headers: RecordHeader[] = [];
  try {
    while (headers.length < Math.min(count, HEADERS_MAX)) {
      const name = readBytes(cursor, bytes.length);
      if (name === null) break;
      headers.push({ name, value: readBytes(cursor, bytes.length) });
    }
  } catch (error) {
    if (!(error instanceof EfsError)) throw error;
  }
  return headers;
}

function readBytes(cursor: Cursor, end: number): Buffer | null {
  const length = readVarint(cursor);
  if (length < 0) return null;
  const from = cursor.at;
  cursor.at += length;
  if (cursor.at > end) throw cursor.batch.unreadable('a field is longer than its record');
  return cursor.bytes.subarray(from, cursor.at);
}

/** At most 32 bits. */
function readVarint(cursor: Cursor): number {
  const { bytes } = cursor;
  let byte = bytes[cursor.at++] ?? 0;
  let value = byte & 0x7f;
  for (let shift = 7; byte >= 0x80; shift += 7) {
    if (shift > 28 || cursor.at >= bytes.length) throw cursor.batch.unreadable('a varint does not end');
    byte = bytes[cursor.at++] ?? 0;
    value |= (byte & 0x7f) << shift;
  }
  return (value >>> 1) ^ -(value & 1);
}

/** At most 64 bits, exact up to 2^53. */
function readVarlong(cursor: Cursor): number {
  const { bytes } = cursor;
  let byte = bytes[cursor.at++] ?? 0;
  let value = byte & 0x7f;
  for (let scale = 0x80; byte >= 0x80; scale *= 0x80) {
    if (scale > 2 ** 63 || cursor.at >= bytes.length) throw cursor.batch.unreadable('a varlong does not end');
    byte = bytes[cursor.at++] ?? 0;
    value += (byte & 0x7f) * scale;
  }
  return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
}
