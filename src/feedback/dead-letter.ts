import type { Reason } from './decode';
import type { LogRecord, RecordHeader } from '../log/source';

/**
 * Behind a dead letter's own headers: why it lies there and where it came from, always all of them and in this order.
 * The names under `__connect.errors` are Kafka Connect's, so that tools for its dead letters show ours.
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

/** On a record that was put back: `topic/partition/offset` of its dead letter. */
const REDRIVEN_FROM = 'efs.redriven-from';
/** On a note, which has neither key nor value: the offsets of the same partition that were put back, `3,5-9`. */
const REDRIVEN = 'efs.redriven';

/** Where a record stood before it was set aside. The topic is the log's own name. */
export interface Origin {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
}

/** A record that was set aside. */
export interface DeadLetter {
  readonly kind: 'letter';
  readonly record: LogRecord;
  readonly reason: Reason;
  /** May quote the record. */
  readonly detail: string;
  readonly origin: Origin;
  /** The record's own headers, without what was added when it was set aside. */
  readonly headers: readonly RecordHeader[];
  /** The dead letter that it was put back from, where it has come to lie here a second time. */
  readonly redrivenFrom: string | null;
}

/** What tells that dead letters of its partition were put back. */
export interface RedriveNote {
  readonly kind: 'note';
  readonly offsets: readonly number[];
}

/** A record of the dead-letter topic that somebody else wrote. */
export interface ForeignRecord {
  readonly kind: 'foreign';
}

/** The headers of a record that is set aside. */
export function deadLetterHeaders(
  own: readonly RecordHeader[],
  { reason, detail, origin }: Pick<DeadLetter, 'reason' | 'detail' | 'origin'>,
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
  return [...own, ...ADDED.map((name) => header(name, added[name]))];
}

/** The headers of a dead letter that is put back: the record's own, and where it was put back from. */
export function redrivenHeaders(letter: DeadLetter, deadLetterTopic: string): RecordHeader[] {
  const { partition, offset } = letter.record;
  const own = letter.headers.filter(({ name }) => textOf(name) !== REDRIVEN_FROM);
  return [...own, header(REDRIVEN_FROM, `${deadLetterTopic}/${partition}/${offset}`)];
}

/** The headers of a note about these offsets, which rise. */
export function noteHeaders(offsets: readonly number[]): RecordHeader[] {
  const ranges: [number, number][] = [];
  for (const offset of offsets) {
    const last = ranges.at(-1);
    if (last?.[1] === offset - 1) last[1] = offset;
    else ranges.push([offset, offset]);
  }
  const text = ranges.map(([first, last]) => (first === last ? first : `${first}-${last}`)).join(',');
  return [header(REDRIVEN, text)];
}

/** What a record of the dead-letter topic is. Headers that only look like the service's own are the record's. */
export function readDeadLetter(record: LogRecord): DeadLetter | RedriveNote | ForeignRecord {
  const all = record.headers();
  const [note] = all;
  if (
    record.key === null &&
    record.value === null &&
    all.length === 1 &&
    note &&
    textOf(note.name) === REDRIVEN
  ) {
    return { kind: 'note', offsets: offsetsOf(textOf(note.value)) };
  }
  const added = all.slice(-ADDED.length);
  if (!ADDED.every((name, index) => textOf(added[index]?.name ?? null) === name)) return { kind: 'foreign' };
  const [reason = '', detail = '', , topic = '', partition = '', offset = ''] = added.map(({ value }) =>
    textOf(value),
  );
  const headers = all.slice(0, -ADDED.length);
  const from = headers.findLast(({ name }) => textOf(name) === REDRIVEN_FROM);
  return {
    kind: 'letter',
    record,
    reason: reason as Reason,
    detail,
    origin: { topic, partition: Number(partition), offset: Number(offset) },
    headers,
    redrivenFrom: from === undefined ? null : textOf(from.value),
  };
}

const MAX_NOTED = 1_000_000;

function offsetsOf(text: string): number[] {
  const offsets: number[] = [];
  for (const range of text.split(',')) {
    const [, first, last = first] = /^(\d{1,16})(?:-(\d{1,16}))?$/.exec(range) ?? [];
    if (first === undefined) continue;
    for (let offset = Number(first); offset <= Number(last) && offsets.length < MAX_NOTED; offset++)
      offsets.push(offset);
  }
  return offsets;
}

const textOf = (bytes: Buffer | null): string => bytes?.toString('utf8') ?? '';

function header(name: string, content: string): RecordHeader {
  return { name: Buffer.from(name, 'latin1'), value: Buffer.from(content, 'utf8') };
}
