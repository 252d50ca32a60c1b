import { DEAD_LETTER_REASONS, type DeadLetterReason } from './decode';
import type { Cut } from './kept';
import type { LogRecord, RecordHeader } from '../log/source';

/**
 * Headers added behind the record's own: the reason and the origin, always all of them and in this order. The names
 * under `__connect.errors` are Kafka Connect's, so that tools for its dead letters also show these.
 */
const ADDED = [
  'efs.reason',
  'efs.detail',
  'efs.origin',
  '__connect.errors.topic',
  '__connect.errors.partition',
  '__connect.errors.offset',
  '__connect.errors.exception.message',
] as const;

/**
 * Headers behind those, on a letter that does not hold its whole record: the parts that were cut, the length of each
 * before, and its SHA-256; comma-separated, in the same order.
 */
const TRUNCATED = ['efs.truncated', 'efs.length', 'efs.sha256'] as const;

/** On a redriven record: `topic/partition/offset` of its dead letter. */
const REDRIVEN_FROM = 'efs.redriven-from';
/** On a progress record of a redrive, which has neither key nor value: the redriven offsets of the same partition, `3,5-9`. */
const REDRIVEN = 'efs.redriven';

/** Where a dead-lettered record came from. The topic is the log's own name. */
export interface Origin {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
}

/** A dead-lettered record. */
export interface DeadLetter {
  readonly kind: 'letter';
  readonly record: LogRecord;
  /** `unknown` for a reason that this version does not give. */
  readonly reason: DeadLetterReason | 'unknown';
  /** Names a foreign schema for `wrong-record`; else in the service's own words. */
  readonly detail: string;
  readonly origin: Origin;
  /** The record's own headers, without the added ones. */
  readonly headers: readonly RecordHeader[];
  /** Whether it holds the record whole: otherwise, and where it stands for a batch, it cannot be redriven. */
  readonly isWhole: boolean;
  /** Length of the record's value, also where the letter keeps less of it; null for a record without a value. */
  readonly valueBytes: number | null;
  /** The dead letter that the record was redriven from, where it was dead-lettered again; else null. */
  readonly redrivenFrom: string | null;
}

/** Lists dead letters of its partition that were redriven. */
export interface RedriveProgress {
  readonly kind: 'progress';
  readonly offsets: readonly number[];
}

/** A record of the dead-letter topic that another program wrote. */
export interface ForeignRecord {
  readonly kind: 'foreign';
}

/** The headers of a dead letter that keeps its record but for the `cuts`. */
export function deadLetterHeaders(
  own: readonly RecordHeader[],
  { reason, detail, origin }: Pick<DeadLetter, 'detail' | 'origin'> & { readonly reason: DeadLetterReason },
  cuts: readonly Cut[] = [],
): RecordHeader[] {
  const { topic, partition, offset } = origin;
  const added: Record<(typeof ADDED)[number], string> = {
    'efs.reason': reason,
    'efs.detail': detail,
    'efs.origin': `${topic}/${partition}/${offset}`,
    '__connect.errors.topic': topic,
    '__connect.errors.partition': String(partition),
    '__connect.errors.offset': String(offset),
    '__connect.errors.exception.message': `${reason}: ${detail}`,
  };
  return [...own, ...ADDED.map((name) => header(name, added[name])), ...truncatedHeaders(cuts)];
}

/** The headers that say what a letter does not keep; none where it is whole. */
export function truncatedHeaders(cuts: readonly Cut[]): RecordHeader[] {
  if (cuts.length === 0) return [];
  const list = (of: (cut: Cut) => string): string => cuts.map(of).join(',');
  return [
    header(
      TRUNCATED[0],
      list(({ part }) => part),
    ),
    header(
      TRUNCATED[1],
      list(({ length }) => String(length)),
    ),
    header(
      TRUNCATED[2],
      list(({ sha256 }) => sha256),
    ),
  ];
}

/** The headers of a redriven record: its own, and its dead letter. */
export function redrivenHeaders(letter: DeadLetter, deadLetterTopic: string): RecordHeader[] {
  const { partition, offset } = letter.record;
  const own = letter.headers.filter(({ name }) => textOf(name) !== REDRIVEN_FROM);
  return [...own, header(REDRIVEN_FROM, `${deadLetterTopic}/${partition}/${offset}`)];
}

/** The headers of a progress record that lists these offsets, which rise. */
export function progressHeaders(offsets: readonly number[]): RecordHeader[] {
  const ranges: [number, number][] = [];
  for (const offset of offsets) {
    const last = ranges.at(-1);
    if (last?.[1] === offset - 1) last[1] = offset;
    else ranges.push([offset, offset]);
  }
  const text = ranges.map(([first, last]) => (first === last ? first : `${first}-${last}`)).join(',');
  return [header(REDRIVEN, text)];
}

/** Classifies a record of the dead-letter topic. Only the last headers are the service's; earlier ones are the record's. */
export function readDeadLetter(record: LogRecord): DeadLetter | RedriveProgress | ForeignRecord {
  const all = record.headers();
  const [first] = all;
  if (
    record.key === null &&
    record.value === null &&
    all.length === 1 &&
    first &&
    textOf(first.name) === REDRIVEN
  ) {
    return { kind: 'progress', offsets: offsetsOf(textOf(first.value)) };
  }
  const truncated = endOf(all, TRUNCATED);
  const rest = truncated === null ? all : all.slice(0, -TRUNCATED.length);
  const added = endOf(rest, ADDED);
  if (added === null) return { kind: 'foreign' };
  const [reason = '', detail = '', , topic = '', partition = '', offset = ''] = added;
  const headers = rest.slice(0, -ADDED.length);
  const from = headers.findLast(({ name }) => textOf(name) === REDRIVEN_FROM);
  return {
    kind: 'letter',
    record,
    reason: knownReason(reason),
    detail,
    origin: { topic, partition: Number(partition), offset: Number(offset) },
    headers,
    isWhole: truncated === null && reason !== 'batch-unreadable',
    valueBytes: lengthOf(truncated) ?? record.value?.length ?? null,
    redrivenFrom: from === undefined ? null : textOf(from.value),
  };
}

/** The values of the last headers, where these are their names. */
function endOf(headers: readonly RecordHeader[], names: readonly string[]): string[] | null {
  const last = headers.slice(-names.length);
  const areNamed = names.every((name, index) => textOf(last[index]?.name ?? null) === name);
  return areNamed ? last.map(({ value }) => textOf(value)) : null;
}

/** The length that a truncated letter gives for the value; null where the value was not cut. */
function lengthOf(truncated: readonly string[] | null): number | null {
  const [parts = '', lengths = ''] = truncated ?? [];
  const length = lengths.split(',')[parts.split(',').indexOf('value')] ?? '';
  return /^\d{1,15}$/.test(length) ? Number(length) : null;
}

const knownReason = (text: string): DeadLetter['reason'] =>
  DEAD_LETTER_REASONS.find((reason) => reason === text) ?? 'unknown';

/** Offsets read of one progress record. A redrive lists 500 at once: one with more is forged, and few bytes would be millions. */
const MAX_LISTED = 10_000;

function offsetsOf(text: string): number[] {
  const offsets: number[] = [];
  for (const range of text.split(',')) {
    const [, first, last = first] = /^(\d{1,16})(?:-(\d{1,16}))?$/.exec(range) ?? [];
    if (first === undefined) continue;
    for (let offset = Number(first); offset <= Number(last) && offsets.length < MAX_LISTED; offset++)
      offsets.push(offset);
  }
  return offsets;
}

const textOf = (bytes: Buffer | null): string => bytes?.toString('utf8') ?? '';

/** A header with a text. */
export function header(name: string, content: string): RecordHeader {
  return { name: Buffer.from(name, 'latin1'), value: Buffer.from(content, 'utf8') };
}
