import { LIVE_AS, readFlags } from '../pipeline/flags';
import { isLive, type PublishCheckpoint, standingOf } from '../pipeline/publishing';
import { type Generations, type Manifest, type Sealed, statusTaskOf, type Store } from '../store/store';

/** The generation that published a partition's message statuses last, and what its task was left with. */
export interface Predecessor {
  readonly manifest: Manifest;
  readonly left: Sealed;
}

/**
 * The predecessor in a manifest, where its state of a partition, with its outbox, is what was published: it is still listed, was
 * live when it was replaced, and contains the checkpoint. Seals its task.
 */
export async function predecessorOf(
  store: Pick<Generations, 'list'> & Pick<Store, 'load' | 'seal'>,
  { predecessor, generation }: Manifest,
  partition: number,
  checkpoint: PublishCheckpoint | null,
): Promise<Predecessor | null> {
  if (predecessor === null) return null;
  const manifest = (await store.list()).find(({ stateId }) => stateId === predecessor);
  if (manifest === undefined) return null;
  const task = statusTaskOf(manifest, partition);
  const sealed = await store.seal(task, generation - 1);
  const [liveAs] = await readFlags(store, task, LIVE_AS);
  if (sealed === null || !isLive(manifest, liveAs)) return null;
  return standingOf(manifest, sealed, checkpoint) === 'level' ? { manifest, left: sealed } : null;
}
