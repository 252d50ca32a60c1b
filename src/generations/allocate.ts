import type { Random } from '../base/clock';
import { CONTRIBUTIONS_TOPIC } from '../feedback/topics';
import type { TopicReader } from '../log/source';
import type { Contribution, WireType } from '../kpi/encode';
import { emptySum } from '../kpi/publish';
import type { Sink } from '../log/sink';
import { allocationKey, stateIdInKey } from '../pipeline/state-id';

/** The dependencies of an allocation. */
export interface AllocateDeps {
  readonly sink: Pick<Sink, 'emit'>;
  readonly reader: Pick<TopicReader, 'read'>;
  /** The contributions topic's name in Kafka. */
  readonly topic: string;
  readonly contribution: WireType<Contribution>;
  readonly random: Random;
}

/** The partition of the contributions topic in which state ids are allocated. */
const ALLOCATION_PARTITION = 0;

/**
 * Allocates a state id: resolves to true once the log holds it as the caller's, to false where another process was first or
 * the log holds a higher one. A requested id is never free again, whatever became of the process that requested it.
 */
export async function allocateStateId(
  { sink, reader, topic, contribution, random }: AllocateDeps,
  stateId: number,
): Promise<boolean> {
  const key = allocationKey(stateId, random().toString(36).slice(2) || '0');
  // It contributes nothing.
  const value = contribution.encode({ ...emptySum('', 0), deliveryId: null });
  await sink.emit([{ topic: CONTRIBUTIONS_TOPIC, partition: ALLOCATION_PARTITION, key, value }]);
  const found: { first: Buffer | null; latest: number } = { first: null, latest: 0 };
  await reader.read(topic, ALLOCATION_PARTITION, (record) => {
    const each = stateIdInKey(record.key);
    found.latest = Math.max(found.latest, each);
    if (each === stateId) found.first ??= record.key;
  });
  return found.latest === stateId && found.first?.equals(key) === true;
}
