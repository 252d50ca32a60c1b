import type { Millis, PolicyName } from '../feedback/feedback';
import type { Reason } from '../feedback/qualification';
import { POLICIES } from '../status/policy';

export interface DomainCounts {
  relayed: number;
  sent: number;
  failed: number;
  softBounced: number;
}

export interface HourCounts {
  successes: number;
  errors: number;
}

/** The counters that add up over messages and over partitions. */
export const COUNTERS = [
  'relayed',
  'takenIntoAccount',
  'sent',
  'failed',
  'delivered',
  'failedByHardBounce',
  'failedByAsyncBounce',
  'failedByRetry',
  'failedByExpiry',
  'softBounced',
  'waitingForRetry',
  'recovered',
] as const;

export type Counter = (typeof COUNTERS)[number];

/**
 * Totals over a set of messages. Maps hold no entry that is all zero. Mutable: it is the working memory of one
 * projection, never shared.
 */
export interface Totals extends Record<Counter, number> {
  failedByReason: Partial<Record<Reason, number>>;
  byDomain: Record<string, DomainCounts>;
  throughput: Record<string, HourCounts>;
}

/** What is known of a delivery, or of one partition's share of it, beside its totals. Each part only ever rises. */
export interface DeliveryFacts {
  saysEfs: boolean;
  saysRelay: boolean;
  deliverySize: number | null;
  /** The latest `occurredAt` folded. */
  asOf: Millis;
  /** Feedback records folded. */
  revision: number;
}

/** The KPIs of a delivery as published. */
export interface Kpis extends Readonly<Totals> {
  readonly deliverySize: number | null;
  readonly success: number | null;
}

export function emptyTotals(): Totals {
  return {
    relayed: 0,
    takenIntoAccount: 0,
    sent: 0,
    failed: 0,
    delivered: 0,
    failedByHardBounce: 0,
    failedByAsyncBounce: 0,
    failedByRetry: 0,
    failedByExpiry: 0,
    softBounced: 0,
    waitingForRetry: 0,
    recovered: 0,
    failedByReason: {},
    byDomain: {},
    throughput: {},
  };
}

/** Adds `amount` (or takes it away, where `sign` is −1) to `totals`, and drops map entries that come to zero. */
export function addTotals(totals: Totals, amount: Readonly<Totals>, sign: 1 | -1): void {
  for (const counter of COUNTERS) totals[counter] += sign * amount[counter];
  for (const [reason, count] of Object.entries(amount.failedByReason)) {
    addReason(totals, reason as Reason, sign * count);
  }
  for (const [group, counts] of Object.entries(amount.byDomain)) addDomain(totals, group, counts, sign);
  for (const [hour, counts] of Object.entries(amount.throughput)) {
    addHour(totals, hour, sign * counts.successes, sign * counts.errors);
  }
}

export function addReason(totals: Totals, reason: Reason, count: number): void {
  const sum = (totals.failedByReason[reason] ?? 0) + count;
  if (sum === 0) delete totals.failedByReason[reason];
  else totals.failedByReason[reason] = sum;
}

export function addDomain(totals: Totals, group: string, counts: Readonly<DomainCounts>, sign: 1 | -1): void {
  const sum = (totals.byDomain[group] ??= { relayed: 0, sent: 0, failed: 0, softBounced: 0 });
  sum.relayed += sign * counts.relayed;
  sum.sent += sign * counts.sent;
  sum.failed += sign * counts.failed;
  sum.softBounced += sign * counts.softBounced;
  if (sum.relayed === 0 && sum.sent === 0 && sum.failed === 0 && sum.softBounced === 0)
    delete totals.byDomain[group];
}

export function addHour(totals: Totals, hour: string, successes: number, errors: number): void {
  const sum = (totals.throughput[hour] ??= { successes: 0, errors: 0 });
  sum.successes += successes;
  sum.errors += errors;
  if (sum.successes === 0 && sum.errors === 0) delete totals.throughput[hour];
}

/** Success = sent / relayed. Null while the policy does not show it yet: nothing but relays is known. */
export function successOf(totals: Readonly<Totals>, policy: PolicyName): number | null {
  const nothingYet = totals.delivered === 0 && totals.failed === 0 && totals.softBounced === 0;
  if (totals.relayed === 0 || (nothingYet && !POLICIES[policy].showsSuccessBeforeFeedback)) return null;
  return totals.sent / totals.relayed;
}

/** The KPIs that a delivery's totals come to under its policy. Exactly the published fields, nothing of the sum's own. */
export function kpisOf(
  sum: Readonly<Totals> & { readonly deliverySize: number | null },
  policy: PolicyName,
): Kpis {
  const kpis = { ...emptyTotals(), deliverySize: sum.deliverySize, success: successOf(sum, policy) };
  addTotals(kpis, sum, 1);
  return kpis;
}

const hours = new Map<number, string>();
const HOUR_MS = 3_600_000;
const HOURS_REMEMBERED = 10_000;

/** The UTC hour of an instant, as `2026-11-22T03Z`. */
export function hourOf(at: Millis): string {
  const index = Math.floor(at / HOUR_MS);
  let hour = hours.get(index);
  if (hour === undefined) {
    hour = `${new Date(index * HOUR_MS).toISOString().slice(0, 13)}Z`;
    if (hours.size >= HOURS_REMEMBERED) hours.clear();
    hours.set(index, hour);
  }
  return hour;
}
