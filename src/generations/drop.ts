import { EfsError } from '../base/errors';
import { DeliveryId } from '../base/ids';
import {
  CONTRIBUTIONS_HASH,
  EVICTING_HASH,
  FLAGS_HASH,
  messagesHash,
  PUBLISHED_HASH,
  FORMER_RETIRED_HASH,
  sharesHash,
  SUMS_HASH,
  TIMER_INDEX_HASH,
} from '../store/hashes';
import { pagesOf } from '../store/pages';
import type { Generations, Store, TaskAddress } from '../store/store';
import { tasksOf } from './generation';
import { refuseUnless, stateOf } from './lifecycle';

/** Maximum number of hashes deleted at once. */
const AT_ONCE = 100;

/**
 * Deletes a generation that is not active; from here on it can no longer be activated. Seals its tasks for good, deletes
 * its hashes, delivery by delivery, then removes it from the list. Can be repeated after an interruption. Returns the
 * number of deliveries whose state was deleted.
 * Throws `not-found`, and `generation-active` for the active one.
 */
export async function dropGeneration(store: Store & Generations, stateId: number): Promise<number> {
  const manifest = (await store.list()).find((each) => each.stateId === stateId);
  if (manifest === undefined) throw new EfsError('not-found', `there is no generation ${stateId}`);
  refuseUnless('drop', manifest, stateOf(manifest, await store.active(), true));
  if (!(await store.beginDrop(stateId))) throw isActive(stateId);
  const tasks = [...tasksOf(manifest, 'status'), ...tasksOf(manifest, 'kpi')];
  for (const task of tasks) await store.seal(task, Number.MAX_SAFE_INTEGER);
  let deliveries = 0;
  for (const task of tasks) deliveries += await eraseAll(store, task, manifest.buckets);
  if (!(await store.unlist(stateId))) throw isActive(stateId);
  return deliveries;
}

const isActive = (stateId: number): EfsError =>
  new EfsError('generation-active', `generation ${stateId} is the active one`);

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
  // The index is deleted last: a repeated drop finds there what is left.
  await store.erase(task, [
    index,
    TIMER_INDEX_HASH,
    PUBLISHED_HASH,
    FORMER_RETIRED_HASH,
    EVICTING_HASH,
    FLAGS_HASH,
  ]);
  await store.eraseTask(task);
  return deliveries;
}
