import type { Clock } from '../base/clock';
import type { DeliveryId } from '../base/ids';
import type { Millis } from '../feedback/feedback';
import type { Positions } from '../log/source';
import type { Contribution, WireType } from '../kpi/encode';
import type { TaskOwnership } from '../pipeline';
import { CONTRIBUTIONS_HASH, messagesHash } from '../store/hashes';
import type { Store, TaskAddress } from '../store/store';
import { isPast } from './publish-gate';
import type { ActiveCache } from './late-records';
import { retiredAmong, RETENTION_SCAN_MS } from './retention';

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
  readonly partitions: number;
  readonly buckets: number;
  readonly store: Pick<Store, 'load' | 'scan'>;
  readonly contribution: WireType<Contribution>;
  readonly clock: Clock;
  readonly retentionMs: number;
  /** The entries of retired deliveries are deleted from it. */
  readonly activeUntil: Pick<ActiveCache, 'delete'>;
  /** The ends of the inputs as they are now. */
  inputEnds(): Promise<Positions>;
}

/** Pages that are scanned between two batches, while they hold few messages: many hashes are small. */
const PAGES_AT_ONCE = 20;
/** Messages after which the next batch is processed: deleting them delays it. */
const MESSAGES_AT_ONCE = 5_000;
/** How often a task publishes the time up to which it has folded. */
const FOLDED_UNTIL_EVERY_MS = 600_000;

interface ScanCursor {
  bucket: number;
  cursor: string;
}

/** The eviction commands of a status task, after each commit of a task that has caught up with the log. */
export function evictionCommands(
  deps: EvictionDeps,
): (ownership: Pick<TaskOwnership, 'positions'>) => AsyncGenerator<readonly EvictionCommand[]> {
  const scan = { next: deps.clock.now() + RETENTION_SCAN_MS, cursor: '0', isInProgress: false };
  const foldedUntil = foldedUntilReports(deps);
  const retired: DeliveryId[] = [];
  const at: ScanCursor = { bucket: 0, cursor: '0' };

  return async function* ({ positions }) {
    const now = deps.clock.now();
    yield* foldedUntil(positions, now);
    let found = 0;
    for (let page = 0; page < PAGES_AT_ONCE && found < MESSAGES_AT_ONCE && retired.length > 0; page += 1) {
      const [deliveryId] = retired as [DeliveryId];
      const messages = await nextMessages(deps, deliveryId, at);
      found += messages?.fields.length ?? 0;
      if (messages !== null) yield [messages];
      if (at.bucket < deps.buckets) continue;
      yield [{ kind: 'EvictDelivery', deliveryId }];
      retired.shift();
      Object.assign(at, { bucket: 0, cursor: '0' });
    }
    if (retired.length > 0 || (!scan.isInProgress && now < scan.next)) return;
    if (!scan.isInProgress) scan.next = now + RETENTION_SCAN_MS;
    const page = await nextRetired(deps, scan.cursor);
    retired.push(...page.retired);
    scan.cursor = page.cursor;
    scan.isInProgress = page.cursor !== '0';
  };
}

/**
 * Reports periodically the time up to which the task has folded all. The log's ends are read after the clock: the last
 * fetch may be long ago. A task that is behind reports late, and reads the ends again after that.
 */
function foldedUntilReports({ inputEnds }: Pick<EvictionDeps, 'inputEnds'>) {
  let next = 0;
  let pending: { readonly at: Millis; readonly ends: Positions } | null = null;
  return async function* (positions: Positions, now: Millis): AsyncGenerator<readonly FoldedUntil[]> {
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

/** The next page of a delivery's remaining messages; advances the cursor. */
async function nextMessages(
  { address, store }: EvictionDeps,
  deliveryId: DeliveryId,
  at: ScanCursor,
): Promise<EvictMessages | null> {
  const hash = messagesHash(deliveryId, at.bucket);
  const { cursor, entries } = await store.scan(address, hash, at.cursor);
  at.cursor = cursor;
  if (cursor === '0') at.bucket += 1;
  if (entries.length === 0) return null;
  return { kind: 'EvictMessages', hash, fields: entries.map(([field]) => field) };
}

/** The retired ones in a page of deliveries. Only those past the retention are looked up. */
async function nextRetired(
  deps: EvictionDeps,
  from: string,
): Promise<{ cursor: string; retired: DeliveryId[] }> {
  const { address, partitions, store, contribution, clock, retentionMs } = deps;
  const { cursor, entries } = await store.scan(address, CONTRIBUTIONS_HASH, from);
  const old = entries.filter(([, value]) => contribution.decode(value).asOf + retentionMs < clock.now());
  const ids = old.map(([field]) => field.toString('utf8') as DeliveryId);
  const retired = await retiredAmong(store, { stateId: address.stateId, partitions }, ids);
  for (const id of retired.keys()) deps.activeUntil.delete(id);
  return { cursor, retired: [...retired.keys()] };
}
