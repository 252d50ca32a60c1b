import type { Clock } from '../base/clock';
import type { DeliveryId } from '../base/ids';
import type { Projected } from '../pipeline';
import { EVICTING_HASH, messagesHashes } from '../store/hashes';
import { pagesOf } from '../store/pages';
import type { Manifest, Store, TaskAddress } from '../store/store';
import { writing } from './effects';
import { resumableScan } from './resumable-scan';

/*
 * How a status task deletes the messages of retired deliveries (retention.ts): one page per commit. It keeps which deliveries
 * have messages left, so that the next owner goes on. Late feedback is dead-lettered, so evicted state does not come back.
 */

export interface EvictionDeps {
  readonly address: TaskAddress;
  readonly manifest: Pick<Manifest, 'buckets'>;
  readonly store: Pick<Store, 'scan'>;
  readonly clock: Clock;
  /** The deliveries whose messages are to be deleted. */
  readonly evicting: Set<DeliveryId>;
}

/**
 * What is evicted between two batches: several pages, because many hashes are small, until they hold so many messages that
 * deleting more would delay the next batch.
 */
const EVICTION_BUDGET = { pages: 20, entries: 5_000 };

const without = (hash: string, fields: readonly Buffer[]): Projected =>
  writing([{ hash, entries: fields.map((field) => [field, null] as const) }]);

/** The evictions of a status task, after each commit of a task that has caught up with the log. */
export function evictions(deps: EvictionDeps) {
  const { manifest, evicting } = deps;
  return resumableScan<DeliveryId>(deps, EVICTION_BUDGET, {
    async begin() {
      const [subject] = evicting;
      return subject === undefined ? null : { subject, hashes: messagesHashes(subject, manifest.buckets) };
    },
    async *page(_, { hash, entries }) {
      const fields = entries.map(([field]) => field);
      if (fields.length > 0) yield without(hash, fields);
    },
    *end(deliveryId) {
      yield without(EVICTING_HASH, [Buffer.from(deliveryId, 'utf8')]);
      evicting.delete(deliveryId);
    },
  });
}

/** Loads which deliveries a task that has just been claimed is still to evict. */
export async function loadEvicting({
  evicting,
  store,
  address,
}: Pick<EvictionDeps, 'evicting' | 'store' | 'address'>): Promise<void> {
  for await (const page of pagesOf(store, address, EVICTING_HASH))
    for (const [field] of page) evicting.add(field.toString('utf8') as DeliveryId);
}
