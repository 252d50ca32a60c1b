import { MESSAGE_STATUS_TOPIC } from '../feedback/topics';
import type { OutgoingRecord } from '../log/sink';
import { hasPublished } from '../pipeline/republish';
import { unpackOutbox } from '../store/outbox';
import type { Generations, Manifest, Store } from '../store/store';

/**
 * The generation that a manifest took over from, where its state of a partition tells what was said of it: it is still on
 * the list, and was not itself silent when its turn was over.
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
 * What the owner of a status task has to emit at its claim, given its outbox. While its generation is still silent, that is
 * first what the predecessor committed and may not have emitted of changes of messages. Of its own there are then none
 * to be said: they are of a time when it was the active one before, or will be restated.
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
  const before = unpackOutbox(sealed?.outbox ?? null).filter(isChange);
  return [...before, ...own.filter((record) => !isChange(record))];
}
