import type { Clock } from '../base/clock';
import type { DeliveryId } from '../base/ids';
import type { BoundedCache } from '../base/bounded-cache';
import type { Millis } from '../feedback/feedback';
import type { Positions } from '../log/source';
import type { Contribution, WireType } from '../kpi/encode';
import type { TaskOwnership } from '../pipeline';
import { CONTRIBUTIONS_HASH, messagesHashes } from '../store/hashes';
import type { Manifest, Store, TaskAddress } from '../store/store';
import { isPast } from './publish-gate';
import { type Page, resumableScan } from './resumable-scan';
import { retiredAmong, RETENTION_SCAN_BUDGET, RETENTION_SCAN_MS } from './retention';

/*
 * How a status task evicts retired deliveries: messages first, one page per commit, and the contribution last, by which the
 * next owner finds a partly evicted delivery again. Late feedback is dead-lettered meanwhile (late-records.ts), so evicted
 * state does not come back.
 */

/** Deletes fields of a hash of messages. */
export interface EvictMessages {
  readonly kind: 'EvictMessages';
  readonly hash: string;
  readonly fields: readonly Buffer[];
}

/** Deletes the rest of a delivery, of which no messages are left. */
export interface EvictDelivery {
  readonly kind: 'EvictDelivery';
  readonly deliveryId: DeliveryId;
}

/** The task has folded all that the log held at this time. */
export interface FoldedUntil {
  readonly kind: 'FoldedUntil';
  readonly at: Millis;
}

export type EvictionCommand = EvictMessages | EvictDelivery | FoldedUntil;

export interface EvictionDeps {
  readonly address: TaskAddress;
  readonly manifest: Pick<Manifest, 'partitions' | 'buckets'>;
  readonly store: Pick<Store, 'load' | 'scan'>;
  readonly contribution: WireType<Contribution>;
  readonly clock: Clock;
  readonly retentionMs: number;
  /** The entries of retired deliveries are deleted from it. */
  readonly activeUntil: Pick<BoundedCache<Millis>, 'drop'>;
  /** The ends of the inputs as they are now. */
  inputEnds(): Promise<Positions>;
}

/**
 * What is evicted between two batches: several pages, because many hashes are small, until they hold so many messages that
 * deleting more would delay the next batch.
 */
const EVICTION_BUDGET = { pages: 20, entries: 5_000 };
/** How often a task publishes the time up to which it has folded. */
const FOLDED_UNTIL_EVERY_MS = 600_000;

/** The eviction commands of a status task, after each commit of a task that has caught up with the log. */
export function evictionCommands(
  deps: EvictionDeps,
): (ownership: Pick<TaskOwnership, 'positions'>) => AsyncGenerator<readonly EvictionCommand[]> {
  const { buckets } = deps.manifest;
  const retired: DeliveryId[] = [];
  const reportFoldedUntil = foldedUntilReports(deps);
  const evict = resumableScan<DeliveryId, EvictionCommand>(deps, EVICTION_BUDGET, {
    async begin() {
      const [subject] = retired;
      return subject === undefined ? null : { subject, hashes: messagesHashes(subject, buckets) };
    },
    async *page(_, { hash, entries }) {
      if (entries.length > 0)
        yield [{ kind: 'EvictMessages', hash, fields: entries.map(([field]) => field) }];
    },
    *end(deliveryId) {
      yield [{ kind: 'EvictDelivery', deliveryId }];
      retired.shift();
    },
  });
  let nextScan = deps.clock.now() + RETENTION_SCAN_MS;
  const find = resumableScan<null, never>(deps, RETENTION_SCAN_BUDGET, {
    async begin(now) {
      if (now < nextScan) return null;
      nextScan = now + RETENTION_SCAN_MS;
      return { subject: null, hashes: [CONTRIBUTIONS_HASH] };
    },
    async *page(_, { entries }) {
      retired.push(...(await retiredIn(deps, entries)));
    },
    end: () => [],
  });

  return async function* (ownership) {
    yield* reportFoldedUntil(ownership);
    yield* evict(ownership);
    if (retired.length === 0) yield* find(ownership);
  };
}

/**
 * Reports periodically the time up to which the task has folded all. The log's ends are read after the clock: the last
 * fetch may be long ago. A task that is behind reports late, and reads the ends again after that.
 */
function foldedUntilReports({ inputEnds, clock }: Pick<EvictionDeps, 'inputEnds' | 'clock'>) {
  let next = 0;
  let pending: { readonly at: Millis; readonly ends: Positions } | null = null;
  return async function* ({
    positions,
  }: Pick<TaskOwnership, 'positions'>): AsyncGenerator<readonly FoldedUntil[]> {
    const now = clock.now();
    for (;;) {
      if (pending === null) {
        if (now < next) return;
        next = now + FOLDED_UNTIL_EVERY_MS;
        pending = { at: now, ends: await inputEnds() };
      }
      if (!isPast(pending.ends, positions)) return;
      yield [{ kind: 'FoldedUntil', at: pending.at }];
      pending = null;
    }
  };
}

/** The retired ones in a page of deliveries. Only those past the retention are looked up. */
async function retiredIn(deps: EvictionDeps, entries: Page['entries']): Promise<DeliveryId[]> {
  const { address, manifest, store, contribution, clock, retentionMs } = deps;
  const old = entries.filter(([, value]) => contribution.decode(value).asOf + retentionMs < clock.now());
  const ids = old.map(([field]) => field.toString('utf8') as DeliveryId);
  const retired = await retiredAmong(
    store,
    { stateId: address.stateId, partitions: manifest.partitions },
    ids,
  );
  for (const id of retired.keys()) deps.activeUntil.drop(id);
  return [...retired.keys()];
}
