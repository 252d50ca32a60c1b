import { type IngestLetter, ingestLetterOf } from '../feedback/ingest-letter';
import type { TopicReader, Watermarks } from '../log/source';

/** A dead letter of ingestion, without what was sent. */
export type NewestLetter = Omit<IngestLetter, 'value'>;

/** Letters that are read of each partition, and that are returned in all. */
const NEWEST = 8;
/** Longest texts kept: headers of another program's records have no bound. */
const TEXT_MAX = 1_000;

interface ReadPartition extends Watermarks {
  readonly letters: readonly NewestLetter[];
}

function withoutValue({ id, at, ...texts }: IngestLetter): NewestLetter {
  const cut = (text: string): string => text.slice(0, TEXT_MAX);
  const { reason, detail, source, format } = texts;
  return { id, at, reason: cut(reason), detail: cut(detail), source: cut(source), format: cut(format) };
}

/**
 * Reads the newest letters of a topic, the newest first: of each partition the last few offsets only, and those only where its
 * watermarks have moved since the last call. Throws `topic-missing`, `kafka-unavailable`, `access-refused`.
 */
export function newestLetters(
  reader: Pick<TopicReader, 'partitions' | 'watermarks' | 'read'>,
  topic: string,
): () => Promise<readonly NewestLetter[]> {
  const known = new Map<number, ReadPartition>();
  const readPartition = async (partition: number): Promise<readonly NewestLetter[]> => {
    const { low, high } = await reader.watermarks(topic, partition);
    const before = known.get(partition);
    if (before?.low === low && before.high === high) return before.letters;
    const letters: NewestLetter[] = [];
    const from = Math.max(low, high - NEWEST);
    const take: Parameters<TopicReader['read']>[2] = (record) => {
      letters.push(withoutValue(ingestLetterOf(record)));
      if (letters.length > NEWEST) letters.shift();
    };
    if (from < high) await reader.read(topic, partition, take, from);
    known.set(partition, { low, high, letters });
    return letters;
  };
  return async () => {
    const partitions = Array.from({ length: await reader.partitions(topic) }, (_, each) => each);
    const letters = (await Promise.all(partitions.map(readPartition))).flat();
    return letters.sort((a, b) => b.at - a.at).slice(0, NEWEST);
  };
}
