import type { Clock } from '../base/clock';
import { inPortions } from '../store/pages';
import {
  type DeadLetter,
  type Origin,
  progressHeaders,
  readDeadLetter,
  redrivenHeaders,
} from '../feedback/dead-letter';
import { readChunk } from '../log/chunks';
import { partitionOf } from '../log/partitioner';
import type { TopicReader } from '../log/source';
import { DEAD_LETTER_TOPIC, FEEDBACK_TOPICS } from '../feedback/topics';
import type { OutgoingRecord, Sink } from '../log/sink';

/** Selects dead letters. */
export interface LetterFilter {
  /** Any reason where empty. */
  readonly reasons: readonly string[];
  /** Names of their origin topics, without the tenant's prefix; any where empty. */
  readonly topics: readonly string[];
  /** Bounds of the dead letter's timestamp in milliseconds: from `since` up to, not including, `until`. */
  readonly since: number;
  readonly until: number;
}

/** A dead letter, and whether it has been redriven. */
export interface FoundLetter {
  readonly letter: DeadLetter;
  readonly redriven: boolean;
}

export interface LettersIn {
  readonly reader: TopicReader;
  /** The tenant's prefix of topic names. */
  readonly prefix: string;
}

/** Records that are put back in one emit. */
const PORTION_RECORDS = 500;

/**
 * The dead letters that all partitions held at the call, oldest first within a partition, in chunks of bounded size.
 * Records that are added meanwhile (also by redriving) are not included. Throws `topic-missing`, `kafka-unavailable`.
 */
export async function* deadLetters(
  { reader, prefix }: LettersIn,
  filter: LetterFilter,
): AsyncGenerator<readonly FoundLetter[]> {
  const topic = prefix + DEAD_LETTER_TOPIC;
  const partitions = await reader.partitions(topic);
  const watermarks = await Promise.all(
    Array.from({ length: partitions }, (_, partition) => reader.watermarks(topic, partition)),
  );
  for (const [partition, { low, high }] of watermarks.entries()) {
    if (low === high) continue;
    const redriven = await redrivenIn(reader, topic, partition);
    for (let from = low; from < high;) {
      const { records, next } = await readChunk(reader, topic, partition, from, high);
      const letters = records.flatMap((record) => {
        const letter = readDeadLetter(record);
        return letter.kind === 'letter' && isSelected(letter, filter, prefix) ? [letter] : [];
      });
      yield letters.map((letter) => ({ letter, redriven: redriven.has(letter.record.offset) }));
      from = next;
    }
  }
}

/** The dead letter at an offset, or null where there is none. Throws `topic-missing`, `kafka-unavailable`. */
export async function deadLetterAt(
  { reader, prefix }: LettersIn,
  partition: number,
  offset: number,
): Promise<FoundLetter | null> {
  const topic = prefix + DEAD_LETTER_TOPIC;
  if (partition >= (await reader.partitions(topic))) return null;
  const { records } = await readChunk(reader, topic, partition, offset, offset + 1);
  const letter = records[0] === undefined ? null : readDeadLetter(records[0]);
  if (letter?.kind !== 'letter') return null;
  return { letter, redriven: (await redrivenIn(reader, topic, partition)).has(offset) };
}

/** The offsets of a partition that its progress records list. */
async function redrivenIn(reader: TopicReader, topic: string, partition: number): Promise<Set<number>> {
  const offsets = new Set<number>();
  await reader.read(topic, partition, (record) => {
    const read = readDeadLetter(record);
    if (read.kind === 'progress') for (const offset of read.offsets) offsets.add(offset);
  });
  return offsets;
}

function isSelected({ record, reason, origin }: DeadLetter, filter: LetterFilter, prefix: string): boolean {
  const { reasons, topics, since, until } = filter;
  if (reasons.length > 0 && !reasons.includes(reason)) return false;
  if (topics.length > 0 && !topics.some((topic) => prefix + topic === origin.topic)) return false;
  return record.timestamp >= since && record.timestamp < until;
}

export interface RedriveOptions extends LettersIn {
  readonly sink: Sink;
  readonly clock: Clock;
  readonly filter: LetterFilter;
  /** Also redrives those that were redriven before and dead-lettered again. */
  readonly again: boolean;
  /** To the partition of the key, instead of the partition of origin. */
  readonly byKey: boolean;
  /** Records per second; 0 is as fast as possible. */
  readonly rate: number;
  readonly dryRun: boolean;
  /** Stops after the current chunk. */
  readonly signal: AbortSignal;
  onProgress(report: RedriveReport): void;
}

/** Counts of dead letters by result, updated during the redrive. The field names are those of the JSON output. */
export interface RedriveReport {
  /** Redriven, or, in a dry run, to be redriven; by topic without the tenant's prefix. */
  readonly put: Map<string, number>;
  /** Redriven before. */
  already: number;
  /** Redriven before and dead-lettered again: redriven once more only on request. */
  again: number;
  /** Their topic or partition of origin does not exist. */
  homeless: number;
  /** They do not hold their whole record. */
  truncated: number;
}

/** The number of redriven dead letters over all topics. */
export const totalRedriven = ({ put }: RedriveReport): number =>
  [...put.values()].reduce((sum, n) => sum + n, 0);

/**
 * Redrives dead letters to their origin: key, value and own headers are unchanged, and the timestamp is new, so that
 * retention counts from now. Truncated letters stay. Each chunk is followed by a progress record that lists its offsets, so
 * that no record is redriven twice. A run that crashes in between repeats a chunk, which is harmless, as repeated feedback
 * is. Throws `kafka-unavailable`.
 */
export async function redrive(options: RedriveOptions): Promise<RedriveReport> {
  const { reader, prefix, filter, rate, clock, signal, dryRun } = options;
  const report: RedriveReport = { put: new Map(), already: 0, again: 0, homeless: 0, truncated: 0 };
  const counts = new Map<string, number>();
  for (const { topic } of FEEDBACK_TOPICS) counts.set(topic, await reader.partitions(prefix + topic));
  const began = clock.monotonic();
  for await (const found of deadLetters({ reader, prefix }, filter)) {
    for (const chunk of chunksOf(due(found, options, report, counts), rate)) {
      if (signal.aborted) return report;
      const ahead = rate === 0 ? 0 : began + (totalRedriven(report) * 1000) / rate - clock.monotonic();
      if (ahead > 0 && !dryRun) await clock.sleep(ahead, signal);
      if (signal.aborted) return report;
      if (!dryRun) await redriveChunk(chunk, options, counts);
      for (const { origin } of chunk) {
        const topic = origin.topic.slice(prefix.length);
        report.put.set(topic, (report.put.get(topic) ?? 0) + 1);
      }
      options.onProgress(report);
    }
  }
  return report;
}

/** The dead letters that are to be redriven; the others are counted. */
function due(
  found: readonly FoundLetter[],
  { again, prefix }: RedriveOptions,
  report: RedriveReport,
  counts: ReadonlyMap<string, number>,
): DeadLetter[] {
  return found.flatMap(({ letter, redriven }) => {
    if (redriven) report.already += 1;
    else if (!letter.isWhole) report.truncated += 1;
    else if (letter.redrivenFrom !== null && !again) report.again += 1;
    else if (!hasOrigin(letter.origin, prefix, counts)) report.homeless += 1;
    else return [letter];
    return [];
  });
}

function hasOrigin(
  { topic, partition }: Origin,
  prefix: string,
  counts: ReadonlyMap<string, number>,
): boolean {
  return topic.startsWith(prefix) && partition < (counts.get(topic.slice(prefix.length)) ?? 0);
}

/** At a given rate a chunk holds at most what is due in a tenth of a second. */
function chunksOf(letters: readonly DeadLetter[], rate: number): Iterable<readonly DeadLetter[]> {
  const size = rate === 0 ? PORTION_RECORDS : Math.min(PORTION_RECORDS, Math.max(1, Math.floor(rate / 10)));
  return inPortions(letters, size);
}

async function redriveChunk(
  letters: readonly DeadLetter[],
  { sink, prefix, byKey }: RedriveOptions,
  counts: ReadonlyMap<string, number>,
): Promise<void> {
  const records = letters.map((letter): OutgoingRecord => {
    const { key, value } = letter.record;
    const topic = letter.origin.topic.slice(prefix.length);
    const partition =
      byKey && key !== null ? partitionOf(key, counts.get(topic) ?? 1) : letter.origin.partition;
    return { topic, partition, key, value, headers: redrivenHeaders(letter, prefix + DEAD_LETTER_TOPIC) };
  });
  await sink.emit(records);
  const partition = letters[0]?.record.partition ?? 0;
  const headers = progressHeaders(letters.map(({ record }) => record.offset));
  await sink.emit([{ topic: DEAD_LETTER_TOPIC, partition, key: null, value: null, headers }]);
}
