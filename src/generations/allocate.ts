import type { Random } from '../base/clock';
import type { TopicReader } from '../log/source';
import type { Contribution, WireType } from '../kpi/encode';
import type { Sink } from '../log/sink';
import { stateIdInKey, allocationRecord, ALLOCATION_PARTITION } from '../pipeline/generation-claim';

/** The dependencies of an allocation. */
export interface AllocateDeps {
  readonly sink: Pick<Sink, 'emit'>;
  readonly reader: Pick<TopicReader, 'read'>;
  /** The contributions topic's name in Kafka. */
  readonly topic: string;
  readonly contribution: WireType<Contribution>;
  readonly random: Random;
}

/**
 * Allocates a state id: resolves to true once the log holds it as the caller's, to false where another process was first or
 * the log holds a higher one. A requested id is never free again, whatever became of the process that requested it.
 */
export async function allocateGeneration(
  { sink, reader, topic, contribution, random }: AllocateDeps,
  stateId: number,
): Promise<boolean> {
  const token = random().toString(36).slice(2) || '0';
  const record = allocationRecord(stateId, token, contribution);
  await sink.emit([record]);
  const found: { first: Buffer | null; latest: number } = { first: null, latest: 0 };
  await reader.read(topic, ALLOCATION_PARTITION, ({ key }) => {
    const each = stateIdInKey(key);
    found.latest = Math.max(found.latest, each);
    if (each === stateId) found.first ??= key;
  });
  return found.latest === stateId && record.key !== null && found.first?.equals(record.key) === true;
}
