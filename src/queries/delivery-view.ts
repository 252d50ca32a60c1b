import { iso } from '../base/time';
import type { PolicyName } from '../feedback/feedback';
import { byCodeUnits } from '../kpi/domains';
import type { KpiChanged } from '../kpi/encode';
import type { Kpis } from '../feedback/records';

/** The KPIs of a delivery as last published. */
export interface Delivery {
  readonly deliveryId: string;
  readonly policy: PolicyName;
  readonly generation: number;
  readonly revision: number;
  /** ISO 8601: the latest event time that the KPIs contain. */
  readonly asOf: string;
  readonly kpis: Kpis;
}

/** A change of a delivery, and its position in the order of all changes. */
export interface Change {
  readonly deliveryId: string;
  /** Higher than that of every earlier change. */
  readonly sequence: number;
  /** Null where the delivery was removed. */
  readonly delivery: Delivery | null;
  /** The delivery as JSON; serialized at the first call. */
  json(): string;
}

/**
 * The read model: the last published KPIs of every delivery, and the order in which they changed, as a log that is
 * compacted while it is written. A reader that has seen the changes up to a cursor can catch up at any time, with one
 * change for each delivery.
 */
export interface DeliveryView {
  /** Takes a record of the KPI topic. False where it is a repeat or older than the delivery's current record. */
  take(change: KpiChanged): boolean;
  /** Takes a tombstone. False where the delivery is unknown. */
  remove(deliveryId: string): boolean;
  get(deliveryId: string): Delivery | null;
  /** The last change of a delivery, its removal included; null for an unknown delivery. */
  last(deliveryId: string): Change | null;
  deliveries(): readonly Delivery[];
  /** The sequence of the last change; 0 before the first. */
  head(): number;
  /** The lowest cursor that `after` can continue from without a gap. 0 always can: its reader has seen nothing. */
  floor(): number;
  /** The last change of each delivery that changed after the cursor, in their order; at most `max`. */
  after(cursor: number, max: number): readonly Change[];
  /** Calls `onChange` at every change, until the returned function is called. */
  watch(onChange: (change: Change) => void): () => void;
}

/** Removals that are kept for readers that have not received them. */
const REMOVALS_KEPT = 10_000;
const SLACK = 1_000;

export function deliveryView(options: { readonly removalsKept?: number } = {}): DeliveryView {
  const removalsKept = options.removalsKept ?? REMOVALS_KEPT;
  const last = new Map<string, Change>();
  const watchers = new Set<(change: Change) => void>();
  let log: Change[] = [];
  let head = 0;
  let floor = 0;

  const append = (deliveryId: string, delivery: Delivery | null): void => {
    const change = changeOf(++head, deliveryId, delivery);
    last.set(deliveryId, change);
    log.push(change);
    for (const watcher of watchers) watcher(change);
    if (log.length > 2 * last.size + SLACK) compact();
  };
  const compact = (): void => {
    let removals = 0;
    const kept: Change[] = [];
    for (const change of log.reverse()) {
      if (last.get(change.deliveryId) !== change) continue;
      if (change.delivery === null && ++removals > removalsKept) {
        last.delete(change.deliveryId);
        floor = Math.max(floor, change.sequence);
      } else kept.push(change);
    }
    log = kept.reverse();
  };

  return {
    take(change) {
      const known = last.get(change.deliveryId)?.delivery ?? null;
      if (known !== null && !isLater(change, known)) return false;
      append(change.deliveryId, deliveryOf(change));
      return true;
    },
    remove(deliveryId) {
      if ((last.get(deliveryId)?.delivery ?? null) === null) return false;
      append(deliveryId, null);
      return true;
    },
    get: (deliveryId) => last.get(deliveryId)?.delivery ?? null,
    last: (deliveryId) => last.get(deliveryId) ?? null,
    deliveries: () => [...last.values()].flatMap(({ delivery }) => (delivery === null ? [] : [delivery])),
    head: () => head,
    floor: () => floor,
    after(cursor, max) {
      const changes: Change[] = [];
      for (let at = firstAfter(log, cursor); at < log.length && changes.length < max; at++) {
        const change = log[at];
        if (change !== undefined && last.get(change.deliveryId) === change) changes.push(change);
      }
      return changes;
    },
    watch(onChange) {
      watchers.add(onChange);
      return () => void watchers.delete(onChange);
    },
  };
}

function changeOf(sequence: number, deliveryId: string, delivery: Delivery | null): Change {
  let text: string | null = null;
  return { sequence, deliveryId, delivery, json: () => (text ??= JSON.stringify(delivery)) };
}

/** The published record as the API shows it. */
export function deliveryOf({ deliveryId, policy, generation, revision, asOf, kpis }: KpiChanged): Delivery {
  return { deliveryId, policy, generation, revision, asOf: iso(asOf), kpis };
}

/** Whether a record is later than another: readers keep the highest generation, then the highest revision. */
export function isLater(a: Pick<Delivery, 'generation' | 'revision'>, b: typeof a): boolean {
  return (a.generation - b.generation || a.revision - b.revision) > 0;
}

/** The index of the first change after the cursor in a log ordered by sequence. */
function firstAfter(log: readonly Change[], cursor: number): number {
  let [low, high] = [0, log.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((log[middle]?.sequence ?? Infinity) > cursor) high = middle;
    else low = middle + 1;
  }
  return low;
}

export const SORTS = ['relayed', 'success', 'failed', 'asOf', 'deliveryId'] as const;

export interface DeliveryQuery {
  /** Part of the delivery's id, in any case; empty for all. */
  readonly search: string;
  readonly policy: PolicyName | null;
  readonly sort: (typeof SORTS)[number];
  readonly order: 'asc' | 'desc';
  readonly limit: number;
  readonly offset: number;
}

/**
 * A page of the deliveries that match the query, and how many match in all. Deliveries whose Success is not shown yet
 * come last in either order; ties are ordered by id.
 */
export function listDeliveries(
  deliveries: readonly Delivery[],
  query: DeliveryQuery,
): { deliveries: readonly Delivery[]; total: number } {
  const wanted = query.search.toLowerCase();
  const matching = deliveries
    .filter(({ policy }) => query.policy === null || policy === query.policy)
    .filter(({ deliveryId }) => wanted === '' || deliveryId.toLowerCase().includes(wanted));
  const sign = query.order === 'asc' ? 1 : -1;
  matching.sort((a, b) => compareBy(query.sort, sign, a, b) || byCodeUnits(a.deliveryId, b.deliveryId));
  const { offset, limit } = query;
  return { deliveries: matching.slice(offset, offset + limit), total: matching.length };
}

function compareBy(sort: DeliveryQuery['sort'], sign: 1 | -1, a: Delivery, b: Delivery): number {
  switch (sort) {
    case 'relayed':
      return sign * (a.kpis.relayed - b.kpis.relayed);
    case 'failed':
      return sign * (a.kpis.failed - b.kpis.failed);
    case 'asOf':
      return sign * byCodeUnits(a.asOf, b.asOf);
    case 'deliveryId':
      return sign * byCodeUnits(a.deliveryId, b.deliveryId);
    case 'success':
      if (a.kpis.success === null || b.kpis.success === null)
        return Number(a.kpis.success === null) - Number(b.kpis.success === null);
      return sign * (a.kpis.success - b.kpis.success);
  }
}
