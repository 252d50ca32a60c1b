import type { Random } from '../base/clock';
import type { TopicReader } from '../log/source';
import type { Contribution, WireType } from '../kpi/encode';
import type { Sink } from '../log/sink';
import { nameIn, nameRecord, NAMES_PARTITION } from '../pipeline/generation-claim';

/** What is needed to take a name for a generation. */
export interface AllocateDeps {
  readonly sink: Pick<Sink, 'emit'>;
  readonly reader: Pick<TopicReader, 'read'>;
  /** The contributions topic's own name. */
  readonly topic: string;
  readonly contribution: WireType<Contribution>;
  readonly random: Random;
}

/**
 * Takes a name: resolves to true once it lies in the log as the caller's, to false where somebody else was first or a
 * later name is there. A name that was asked for is never free again, whatever became of who asked.
 */
export async function allocateGeneration(
  { sink, reader, topic, contribution, random }: AllocateDeps,
  name: number,
): Promise<boolean> {
  const token = random().toString(36).slice(2) || '0';
  const record = nameRecord(name, token, contribution);
  await sink.emit([record]);
  const found: { first: Buffer | null; latest: number } = { first: null, latest: 0 };
  await reader.read(topic, NAMES_PARTITION, ({ key }) => {
    const each = nameIn(key);
    found.latest = Math.max(found.latest, each);
    if (each === name) found.first ??= key;
  });
  return found.latest === name && record.key !== null && found.first?.equals(record.key) === true;
}
