import { HOUR_MS, iso } from '../base/time';
import type { Millis, PolicyName } from '../feedback/feedback';
import type { Contribution, DomainCounts, HourCounts, Kpis } from '../feedback/records';
import { POLICIES } from '../status/policy';

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
  'complained',
] as const;

export type Counter = (typeof COUNTERS)[number];

/**
 * Totals over a set of messages. Maps hold no entry that is all zero. Mutable: it is the working memory of one
 * projection, never shared. Its hours are by `hourKeyOf`; published KPIs have the hours' names instead.
 */
export type Totals = Pick<Contribution, Counter | 'failedByReason' | 'byDomain' | 'throughput'>;

/** Whether a relay names a policy, by its field. */
export type PoliciesNamed = Pick<Contribution, (typeof POLICIES)[PolicyName]['field']>;

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
    complained: 0,
    failedByReason: {},
    byDomain: {},
    throughput: {},
  };
}

/** Adds `amount` to `totals` (subtracts it where `sign` is −1), and drops map entries that become zero. */
export function addTotals(totals: Totals, amount: Readonly<Totals>, sign: 1 | -1): void {
  for (const counter of COUNTERS) totals[counter] += sign * amount[counter];
  const { failedByReason, byDomain, throughput } = amount;
  for (const reason in failedByReason) {
    addReason(totals, reason, sign * (failedByReason[reason] ?? 0));
  }
  for (const group in byDomain) addDomain(totals, group, byDomain[group] ?? NO_DOMAIN, sign);
  for (const hour in throughput) {
    const { successes, errors } = throughput[hour] ?? NO_HOUR;
    addHour(totals, hour, sign * successes, sign * errors);
  }
}

const NO_DOMAIN: Readonly<DomainCounts> = { relayed: 0, sent: 0, failed: 0, softBounced: 0 };
const NO_HOUR: Readonly<HourCounts> = { successes: 0, errors: 0 };

export function addReason(totals: Totals, reason: string, count: number): void {
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

/** Success = sent / relayed. Null while the policy does not show it: there are only relays. */
export function successOf(totals: Readonly<Totals>, policy: PolicyName): number | null {
  const onlyRelays = totals.delivered === 0 && totals.failed === 0 && totals.softBounced === 0;
  if (totals.relayed === 0 || (onlyRelays && !POLICIES[policy].showsSuccessBeforeFeedback)) return null;
  return totals.sent / totals.relayed;
}

/** The KPIs of a delivery's totals under its policy: a copy, with the hours' published names. */
export function kpisOf(
  sum: Readonly<Totals> & { readonly deliverySize: number | null },
  policy: PolicyName,
): Kpis {
  const kpis = { ...emptyTotals(), deliverySize: sum.deliverySize, success: successOf(sum, policy) };
  for (const counter of COUNTERS) kpis[counter] = sum[counter];
  kpis.failedByReason = { ...sum.failedByReason };
  for (const group in sum.byDomain) kpis.byDomain[group] = { ...(sum.byDomain[group] ?? NO_DOMAIN) };
  for (const hour in sum.throughput)
    kpis.throughput[hourName(hour)] = { ...(sum.throughput[hour] ?? NO_HOUR) };
  return kpis;
}

const HOUR_KEY_BASE = 36;
const HOURS_CACHED = 10_000;

/** The UTC hour of an instant as a short key: the hours since 1970 in base 36. State and contributions hold many. */
export const hourKeyOf: (at: Millis) => string = (() => {
  const keyOf = cached((hour: number) => hour.toString(HOUR_KEY_BASE));
  return (at) => keyOf(Math.floor(at / HOUR_MS));
})();

/** The published name of an hour's key, such as `2026-11-22T03Z`. */
export const hourName: (key: string) => string = cached(
  (key) => `${iso(parseInt(key, HOUR_KEY_BASE) * HOUR_MS).slice(0, 13)}Z`,
);

function cached<From, To>(make: (from: From) => To): (from: From) => To {
  const values = new Map<From, To>();
  return (from) => {
    let to = values.get(from);
    if (to === undefined) {
      to = make(from);
      if (values.size >= HOURS_CACHED) values.clear();
      values.set(from, to);
    }
    return to;
  };
}
