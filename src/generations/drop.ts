import { EfsError } from '../base/errors';
import { DeliveryId } from '../base/ids';
import {
  CONTRIBUTIONS_HASH,
  FLAGS_HASH,
  messagesHash,
  PUBLISHED_HASH,
  RETIRED_HASH,
  sharesHash,
  SUMS_HASH,
  WAITING_HASH,
} from '../store/hashes';
import { pagesOf } from '../store/pages';
import type { Generations, Manifest, Store, TaskAddress } from '../store/store';

/** Hashes that one act deletes at most. */
const AT_ONCE = 100;

/**
 * Deletes a generation that is not the active one, and cannot become it from here on: its tasks are sealed for good, then
 * its hashes go, delivery by delivery, then it leaves the list. Interrupted, it can be done again. Gives how many
 * deliveries' states were deleted.
 * Throws `not-found`, and `generation-active` for the active one.
 */
export async function dropGeneration(store: Store & Generations, generation: number): Promise<number> {
  const manifest = (await store.list()).find((each) => each.stateId === generation);
  if (manifest === undefined) throw new EfsError('not-found', `there is no generation ${generation}`);
  if (!(await store.beginDrop(generation))) throw isActive(generation);
  const tasks = tasksOf(manifest);
  for (const task of tasks) await store.seal(task, Number.MAX_SAFE_INTEGER);
  let deliveries = 0;
  for (const task of tasks) deliveries += await eraseAll(store, task, manifest.buckets);
  if (!(await store.unlist(generation))) throw isActive(generation);
  return deliveries;
}

const isActive = (generation: number): EfsError =>
  new EfsError('generation-active', `generation ${generation} is the active one`);

function tasksOf({ stateId, partitions }: Manifest): TaskAddress[] {
  return (['status', 'kpi'] as const).flatMap((pipeline) =>
    Array.from({ length: partitions }, (_, partition) => ({ stateId, pipeline, partition })),
  );
}

async function eraseAll(store: Store, task: TaskAddress, buckets: number): Promise<number> {
  const isStatus = task.pipeline === 'status';
  const index = isStatus ? CONTRIBUTIONS_HASH : SUMS_HASH;
  let deliveries = 0;
  for await (const page of pagesOf(store, task, index)) {
    for (const [field] of page) {
      const delivery = DeliveryId(field.toString('utf8'));
      const count = isStatus ? buckets : 1;
      for (let first = 0; first < count; first += AT_ONCE) {
        const length = Math.min(AT_ONCE, count - first);
        const hashes = Array.from({ length }, (_, bucket) =>
          isStatus ? messagesHash(delivery, first + bucket) : sharesHash(delivery),
        );
        await store.erase(task, hashes);
      }
    }
    deliveries += isStatus ? page.length : 0;
  }
  // The index goes last: it tells whoever begins again what is left.
  await store.erase(task, [index, WAITING_HASH, PUBLISHED_HASH, RETIRED_HASH, FLAGS_HASH]);
  await store.eraseTask(task);
  return deliveries;
}
