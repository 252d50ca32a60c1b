import type { Clock } from '../base/clock';
import { inPortions } from '../base/portions';
import {
  type DeadLetter,
  noteHeaders,
  type Origin,
  readDeadLetter,
  redrivenHeaders,
} from '../feedback/dead-letter';
import { partitionOf } from '../log/partitioner';
import type { LogRecord, TopicReader } from '../log/source';
import { DEAD_LETTER_TOPIC, FEEDBACK_TOPICS } from '../feedback/topics';
import type { OutgoingRecord, Sink } from '../log/sink';

/** Which dead letters are meant. */
export interface LetterFilter {
  /** Any reason where empty. */
  readonly reasons: readonly string[];
  /** Names of topics that they came from, without the tenant's prefix; any where empty. */
  readonly topics: readonly string[];
  /** Of the record's own stamp, in milliseconds: from `since` up to, not including, `until`. */
  readonly since: number;
  readonly until: number;
}

/** A dead letter, and whether it has been put back. */
export interface FoundLetter {
  readonly letter: DeadLetter;
  readonly redriven: boolean;
}

export interface LettersIn {
  readonly reader: TopicReader;
  /** The tenant's prefix of topic names. */
  readonly prefix: string;
}

const CHUNK_RECORDS = 500;
const CHUNK_BYTES = 4 << 20;

/**
 * The dead letters of all partitions that lay there at the call, oldest first within a partition, in chunks of bounded
 * size: what is added meanwhile (also by putting them back) is not among them. Throws `topic-missing`,
 * `kafka-unavailable`.
 */
export async function* deadLetters(
  { reader, prefix }: LettersIn,
  filter: LetterFilter,
): AsyncGenerator<readonly FoundLetter[]> {
  const topic = prefix + DEAD_LETTER_TOPIC;
  const partitions = await reader.partitions(topic);
  const deps = await Promise.all(
    Array.from({ length: partitions }, (_, partition) => reader.watermarks(topic, partition)),
  );
  for (const [partition, { low, high }] of deps.entries()) {
    if (low === high) continue;
    const redriven = await notedIn(reader, topic, partition);
    for (let from = low; from < high;) {
      const { records, next } = await readSome(reader, topic, partition, from, high);
      const letters = records.flatMap((record) => {
        const letter = readDeadLetter(record);
        return letter.kind === 'letter' && isMeant(letter, filter, prefix) ? [letter] : [];
      });
      yield letters.map((letter) => ({ letter, redriven: redriven.has(letter.record.offset) }));
      from = next;
    }
  }
}

/** One dead letter by its place, or null where there is none. Throws `topic-missing`, `kafka-unavailable`. */
export async function deadLetterAt(
  { reader, prefix }: LettersIn,
  partition: number,
  offset: number,
): Promise<FoundLetter | null> {
  const topic = prefix + DEAD_LETTER_TOPIC;
  if (partition >= (await reader.partitions(topic))) return null;
  const { records } = await readSome(reader, topic, partition, offset, offset + 1);
  const letter = records[0] === undefined ? null : readDeadLetter(records[0]);
  if (letter?.kind !== 'letter') return null;
  return { letter, redriven: (await notedIn(reader, topic, partition)).has(offset) };
}

/** The offsets of a partition that notes say were put back. */
async function notedIn(reader: TopicReader, topic: string, partition: number): Promise<Set<number>> {
  const offsets = new Set<number>();
  await reader.read(topic, partition, (record) => {
    const read = readDeadLetter(record);
    if (read.kind === 'note') for (const offset of read.offsets) offsets.add(offset);
  });
  return offsets;
}

/** Thrown out of a reading that has given enough. */
class Enough extends Error {
  override readonly name = 'Enough';
}

/** Records of [from, high), as many as fit a chunk, and where to go on. */
async function readSome(
  reader: TopicReader,
  topic: string,
  partition: number,
  from: number,
  high: number,
): Promise<{ records: LogRecord[]; next: number }> {
  const records: LogRecord[] = [];
  let bytes = 0;
  let next = high;
  const take = (record: LogRecord): void => {
    if (record.offset >= high) throw new Enough();
    if (records.length === CHUNK_RECORDS || bytes > CHUNK_BYTES) {
      next = record.offset;
      throw new Enough();
    }
    records.push(record);
    bytes += record.value?.length ?? 0;
  };
  await reader.read(topic, partition, take, from).catch((error: unknown) => {
    if (!(error instanceof Enough)) throw error;
  });
  return { records, next };
}

function isMeant({ record, reason, origin }: DeadLetter, filter: LetterFilter, prefix: string): boolean {
  const { reasons, topics, since, until } = filter;
  if (reasons.length > 0 && !reasons.includes(reason)) return false;
  if (topics.length > 0 && !topics.some((topic) => prefix + topic === origin.topic)) return false;
  return record.timestamp >= since && record.timestamp < until;
}

export interface RedriveOptions extends LettersIn {
  readonly sink: Sink;
  readonly clock: Clock;
  readonly filter: LetterFilter;
  /** Also those that were put back and have come to lie there again. */
  readonly again: boolean;
  /** To the partition that the key belongs to, instead of the one the record came from. */
  readonly byKey: boolean;
  /** Records per second; 0 is as fast as possible. */
  readonly rate: number;
  readonly dryRun: boolean;
  /** Stops after the chunk at hand. */
  readonly signal: AbortSignal;
  onProgress(report: RedriveReport): void;
}

/** How many dead letters became of what; adds up while they are put back. */
export interface RedriveReport {
  /** Put back, or, in a dry run, to be put back; by topic without the tenant's prefix. */
  readonly put: Map<string, number>;
  /** Put back before. */
  already: number;
  /** Put back before, and set aside again: once more only where asked for. */
  again: number;
  /** They name a topic or a partition that is not there. */
  homeless: number;
}

/** What was put back in all. */
export const putInAll = ({ put }: RedriveReport): number => [...put.values()].reduce((sum, n) => sum + n, 0);

/**
 * Puts dead letters back where they came from: key, value and own headers as they were, with a new stamp, so that
 * retention counts from now. Each chunk is followed by a note of its offsets, so that nothing is put back twice; a run
 * that dies in between repeats a chunk, which is harmless, as repeated feedback is. Throws `kafka-unavailable`.
 */
export async function redrive(options: RedriveOptions): Promise<RedriveReport> {
  const { reader, prefix, filter, rate, clock, signal, dryRun } = options;
  const report: RedriveReport = { put: new Map(), already: 0, again: 0, homeless: 0 };
  const counts = new Map<string, number>();
  for (const { topic } of FEEDBACK_TOPICS) counts.set(topic, await reader.partitions(prefix + topic));
  const began = clock.monotonic();
  for await (const found of deadLetters({ reader, prefix }, filter)) {
    for (const chunk of chunksOf(due(found, options, report, counts), rate)) {
      if (signal.aborted) return report;
      const ahead = rate === 0 ? 0 : began + (putInAll(report) * 1000) / rate - clock.monotonic();
      if (ahead > 0 && !dryRun) await clock.sleep(ahead, signal);
      if (signal.aborted) return report;
      if (!dryRun) await put(chunk, options, counts);
      for (const { origin } of chunk) {
        const topic = origin.topic.slice(prefix.length);
        report.put.set(topic, (report.put.get(topic) ?? 0) + 1);
      }
      options.onProgress(report);
    }
  }
  return report;
}

/** Those that are to be put back; the others are counted. */
function due(
  found: readonly FoundLetter[],
  { again, prefix }: RedriveOptions,
  report: RedriveReport,
  counts: ReadonlyMap<string, number>,
): DeadLetter[] {
  return found.flatMap(({ letter, redriven }) => {
    if (redriven) report.already += 1;
    else if (letter.redrivenFrom !== null && !again) report.again += 1;
    else if (!hasHome(letter.origin, prefix, counts)) report.homeless += 1;
    else return [letter];
    return [];
  });
}

function hasHome({ topic, partition }: Origin, prefix: string, counts: ReadonlyMap<string, number>): boolean {
  return topic.startsWith(prefix) && partition < (counts.get(topic.slice(prefix.length)) ?? 0);
}

/** At a given rate a chunk is at most what is due in a tenth of a second. */
function chunksOf(letters: readonly DeadLetter[], rate: number): Iterable<readonly DeadLetter[]> {
  const size = rate === 0 ? CHUNK_RECORDS : Math.min(CHUNK_RECORDS, Math.max(1, Math.floor(rate / 10)));
  return inPortions(letters, size);
}

async function put(
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
  const headers = noteHeaders(letters.map(({ record }) => record.offset));
  await sink.emit([{ topic: DEAD_LETTER_TOPIC, partition, key: null, value: null, headers }]);
}
