import type { Clock } from '../base/clock';
import { isRefusal } from '../base/errors';
import type { DeliveryId } from '../base/ids';
import { MINUTE_MS } from '../base/time';
import type { Contribution, WireType } from '../kpi/encode';
import { CONTRIBUTIONS_HASH, messagesHashes } from '../store/hashes';
import { readStored } from '../store/damage';
import { inPortions } from '../store/pages';
import type { Manifest, Store, TaskAddress } from '../store/store';
import { type Page, resumableScan } from './resumable-scan';

/*
 * A contribution counts exactly the messages that the state holds: both are written by one commit. A hash that Redis has
 * evicted breaks that, and whatever is folded from then on counts its messages once more.
 */

/** A delivery whose messages are not all there. */
export interface Damage {
  readonly deliveryId: DeliveryId;
  /** Messages by the task's contribution. */
  readonly counted: number;
  /** Messages that the state holds. */
  readonly held: number;
}

export interface AuditDeps {
  readonly address: TaskAddress;
  readonly manifest: Pick<Manifest, 'buckets'>;
  readonly store: Pick<Store, 'load' | 'scan' | 'count'>;
  readonly contribution: WireType<Contribution>;
  readonly clock: Clock;
  /** Receives what an audit has found so far, if anything, and all of it at its end. */
  onDamage(found: readonly Damage[]): void;
}

/** Pause between two audits of a task. */
const AUDIT_EVERY_MS = 10 * MINUTE_MS;
/** They read a page between two batches. */
const AUDIT_BUDGET = { pages: 1, entries: Infinity };
/** Hashes that are counted at once, approximately. */
const HASHES_AT_ONCE = 500;

/** Compares every delivery of a status task with its messages, a page after each commit of a task that has caught up. */
export function auditCommands(deps: AuditDeps) {
  const { clock, manifest, onDamage } = deps;
  const atOnce = Math.max(1, Math.floor(HASHES_AT_ONCE / manifest.buckets));
  let next = clock.now() + AUDIT_EVERY_MS;
  return resumableScan<Damage[]>(deps, AUDIT_BUDGET, {
    async begin(now) {
      if (now < next) return null;
      next = now + AUDIT_EVERY_MS;
      return { subject: [], hashes: [CONTRIBUTIONS_HASH] };
    },
    async *page(found, { entries }) {
      for (const portion of inPortions(entries, atOnce)) found.push(...(await damagedAmong(deps, portion)));
      if (found.length > 0) onDamage(found);
    },
    end(found) {
      onDamage(found);
      return [];
    },
  });
}

/** A user of Redis from before the audit may lack the right to count (HLEN): the state is not audited then. */
function unlessRefused(error: unknown): null {
  if (isRefusal(error)) return null;
  throw error;
}

/** The damaged ones in a page of deliveries. Of retired ones, the messages are evicted, or will be. */
async function damagedAmong(deps: AuditDeps, entries: Page['entries']): Promise<Damage[]> {
  const { address, manifest, store, contribution } = deps;
  const fields = entries.map(([field]) => field);
  const ids = fields.map((field) => field.toString('utf8') as DeliveryId);
  const hashes = ids.map((id) => messagesHashes(id, manifest.buckets));
  const read = { hash: CONTRIBUTIONS_HASH, fields };
  const counted = await store.count(address, read, hashes.flat()).catch(unlessRefused);
  if (counted === null) return [];
  let at = 0;
  const found = ids.flatMap((deliveryId, index): Damage[] => {
    const value = counted.values[index] ?? null;
    const held = counted.fields.slice(at, (at += manifest.buckets)).reduce((sum, each) => sum + each, 0);
    if (value === null) return [];
    const share = readStored(address, CONTRIBUTIONS_HASH, value, (bytes) => contribution.read(bytes));
    return share.retiredFrom === null ? [{ deliveryId, counted: share.relayed, held }] : [];
  });
  return found.filter((each) => each.counted !== each.held);
}
