import { MESSAGE_STATUS_TOPIC } from '../feedback/topics';
import type { OutgoingRecord } from '../log/sink';
import { hasPublished } from '../pipeline/republish';
import { unpackOutbox } from '../store/outbox';
import type { Generations, Manifest, Store } from '../store/store';

/**
 * The predecessor in a manifest, where its state of a partition records what was published: it is still listed, and its
 * publishing was not suppressed when it was replaced.
 */
export async function predecessorOf(
  store: Pick<Generations, 'list'> & Pick<Store, 'load'>,
  manifest: Manifest,
  partition: number,
): Promise<Manifest | null> {
  if (manifest.predecessor === null) return null;
  const listed = await store.list();
  const found = listed.find(({ stateId }) => stateId === manifest.predecessor);
  return found !== undefined && (await hasPublished(store, found, partition)) ? found : null;
}

/**
 * The records that the owner of a status task emits at its claim, given its own outbox. While its generation has published
 * nothing, they begin with the status changes that the predecessor committed and may not have emitted. Its own status
 * changes are then dropped: they date from when it was active before, or will be republished.
 */
export async function pendingOutbox(
  store: Store,
  manifest: Manifest,
  partition: number,
  own: readonly OutgoingRecord[],
): Promise<readonly OutgoingRecord[]> {
  if (await hasPublished(store, manifest, partition)) return own;
  const { predecessor, generation } = manifest;
  const task = { stateId: predecessor ?? 0, pipeline: 'status', partition } as const;
  const sealed = predecessor === null ? null : await store.seal(task, generation - 1);
  const isChange = ({ topic }: OutgoingRecord): boolean => topic === MESSAGE_STATUS_TOPIC;
  const inherited = unpackOutbox(sealed?.outbox ?? null).filter(isChange);
  return [...inherited, ...own.filter((record) => !isChange(record))];
}
