import { type IngestLetter, ingestLetterOf } from '../feedback/ingest-letter';
import { INGEST_DEAD_LETTER_TOPIC } from '../feedback/topics';
import { chunksOf } from '../log/chunks';
import type { TopicReader } from '../log/source';
import { takenOfBody } from './body';
import type { IngestSource, Taken } from './source';

/** Selects letters; null takes any. */
export interface IngestLetterFilter {
  readonly reason: string | null;
  readonly source: string | null;
  readonly format: string | null;
}

const isSelected = (letter: IngestLetter, filter: IngestLetterFilter): boolean =>
  (['reason', 'source', 'format'] as const).every(
    (name) => filter[name] === null || filter[name] === letter[name],
  );

/** The dead letters of ingestion that the topic holds, in chunks. Throws `topic-missing`, `kafka-unavailable`. */
export async function* ingestLetters(
  reader: TopicReader,
  prefix: string,
  filter: IngestLetterFilter,
): AsyncGenerator<readonly IngestLetter[]> {
  for await (const records of chunksOf(reader, prefix + INGEST_DEAD_LETTER_TOPIC))
    yield records.map(ingestLetterOf).filter((letter) => isSelected(letter, filter));
}

/**
 * What letters become with a source's present settings. Those that still cannot be mapped stay where they are; those that
 * can may be written any number of times, since the same event becomes the same record. `answers` asks the index.
 */
export async function remapped(
  source: IngestSource,
  letters: readonly IngestLetter[],
  answers: (taken: readonly Taken[]) => Promise<readonly Taken[]>,
): Promise<{ readonly mapped: readonly Taken[]; readonly left: readonly Taken[] }> {
  const taken: Taken[] = [];
  // The index knows a source's own ids by its name.
  for (const { source: name, value } of letters)
    taken.push(...(await takenOfBody({ ...source, name }, value, null)));
  const answered = await answers(taken);
  const isLeft = ({ mapped }: Taken): boolean => mapped.outcome === 'dead-letter';
  return { mapped: answered.filter((each) => !isLeft(each)), left: answered.filter(isLeft) };
}
