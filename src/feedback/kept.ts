import { createHash } from 'node:crypto';
import type { LogRecord, RecordHeader } from '../log/source';

/*
 * What a dead letter keeps of its record. Within the bounds that is everything, byte for byte. Beyond them it is the
 * beginning of each part: a letter must fit the dead-letter topic, or its partition would stop for good.
 */

/** Bytes kept of a key, and of all headers together. */
const PART_MAX = 256 << 10;
/** Bytes kept of a value: with the largest key and headers they fit the 4 MiB that the topic takes. */
const VALUE_MAX = 3 << 20;
/** What a header counts for beside its name and value. */
const HEADER_BYTES = 16;

/** A part of a record that a dead letter keeps only the beginning of. */
export interface Cut {
  readonly part: 'value' | 'key' | 'headers';
  /** Of the whole part, in bytes; of headers their number. */
  readonly length: number;
  /** Of the whole part, in hexadecimal; empty for headers. */
  readonly sha256: string;
}

/** The parts of a record as its dead letter has them. */
export interface Kept {
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  readonly headers: readonly RecordHeader[];
  /** Empty where the letter is whole. */
  readonly cuts: readonly Cut[];
}

/** What the dead letter of a record keeps. */
export function keptOf(record: LogRecord): Kept {
  const headers = withinBounds(record.headers());
  const cuts = [
    cutOf('value', record.value, VALUE_MAX),
    cutOf('key', record.key, PART_MAX),
    headers.length < record.headerCount
      ? { part: 'headers' as const, length: record.headerCount, sha256: '' }
      : null,
  ];
  return {
    key: beginningOf(record.key, PART_MAX),
    value: beginningOf(record.value, VALUE_MAX),
    headers,
    cuts: cuts.filter((cut) => cut !== null),
  };
}

/** What the dead letter of something that is no record keeps of it: its beginning where it would not fit the topic. */
export function keptValue(value: Buffer): Pick<Kept, 'cuts'> & { readonly value: Buffer } {
  const cut = cutOf('value', value, VALUE_MAX);
  return { value: value.subarray(0, VALUE_MAX), cuts: cut === null ? [] : [cut] };
}

function cutOf(part: Cut['part'], bytes: Buffer | null, max: number): Cut | null {
  if (bytes === null || bytes.length <= max) return null;
  return { part, length: bytes.length, sha256: createHash('sha256').update(bytes).digest('hex') };
}

const beginningOf = (bytes: Buffer | null, max: number): Buffer | null =>
  bytes !== null && bytes.length > max ? bytes.subarray(0, max) : bytes;

/** The first headers, up to the one that exceeds the bound. */
function withinBounds(headers: readonly RecordHeader[]): readonly RecordHeader[] {
  let bytes = 0;
  const beyond = headers.findIndex(({ name, value }) => {
    bytes += HEADER_BYTES + name.length + (value?.length ?? 0);
    return bytes > PART_MAX;
  });
  return beyond < 0 ? headers : headers.slice(0, beyond);
}
