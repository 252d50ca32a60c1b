import type { PolicyName } from '../feedback/feedback';
import type { Kpis } from '../feedback/records';
import { POLICIES, POLICY_NAMES } from '../status/policy';
import type { Contribution, KpiChanged } from './encode';
import { addTotals, COUNTERS, emptyTotals, kpisOf, type PoliciesNamed } from './kpis';

const NONE_NAMED = Object.fromEntries(
  POLICY_NAMES.map((name) => [POLICIES[name].field, false]),
) as unknown as PoliciesNamed;

/** Keeps that a relay of the delivery names a policy. */
export function namePolicy(facts: PoliciesNamed, name: PolicyName): void {
  facts[POLICIES[name].field] = true;
}

/** The policy of a delivery: the first that is named, or else the default. */
export function policyOfDelivery(facts: PoliciesNamed, defaultPolicy: PolicyName): PolicyName {
  return POLICY_NAMES.find((name) => facts[POLICIES[name].field]) ?? defaultPolicy;
}

/** The sum over a delivery's partitions before the first contribution. */
export function emptySum(deliveryId: string, stateId: number): Contribution {
  return {
    ...emptyTotals(),
    generation: stateId,
    partition: 0,
    deliveryId,
    revision: 0,
    asOf: 0,
    ...NONE_NAMED,
    deliverySize: null,
    folded: {},
    retiredAt: null,
    retiredFrom: null,
  };
}

/**
 * Whether a contribution contains all that an earlier one of its partition contained, and more. The revision alone does not
 * decide: the task of a stale store replays, and the log has no order between topics, so that an equal number of records
 * may be different records. Within a topic they are the same. That of a retired delivery is the last one, whatever it
 * contains: another generation may have counted more of what the inputs held.
 */
export function supersedes(latest: Contribution, known: Contribution): boolean {
  if (known.retiredFrom !== null) return false;
  if (latest.retiredFrom !== null) return true;
  if (latest.revision <= known.revision) return false;
  for (const topic in known.folded) {
    if ((latest.folded[topic] ?? 0) < (known.folded[topic] ?? 0)) return false;
  }
  return true;
}

/**
 * Replaces a partition's known contribution by its latest. Returns false, and changes nothing, where the latest does not
 * supersede the known one.
 */
export function replaceContribution(
  sum: Contribution,
  known: Contribution | null,
  latest: Contribution,
): boolean {
  if (known !== null && !supersedes(latest, known)) return false;
  if (known !== null) addTotals(sum, known, -1);
  addTotals(sum, latest, 1);
  sum.revision += latest.revision - (known?.revision ?? 0);
  sum.asOf = Math.max(sum.asOf, latest.asOf);
  for (const name of POLICY_NAMES) if (latest[POLICIES[name].field]) namePolicy(sum, name);
  sum.deliverySize = largest(sum.deliverySize, latest.deliverySize);
  return true;
}

/** The larger of two announced sizes; null is no announcement. */
export function largest(a: number | null, b: number | null): number | null {
  if (a === null || b === null) return a ?? b;
  return Math.max(a, b);
}

/**
 * The record to publish for a delivery, or null where its KPIs and policy are those last published. `generation` is the
 * number that published records carry.
 */
export function changeOf(
  sum: Contribution,
  published: KpiChanged | null,
  { generation, defaultPolicy }: { readonly generation: number; readonly defaultPolicy: PolicyName },
): KpiChanged | null {
  const { deliveryId, revision, asOf } = sum;
  const policy = policyOfDelivery(sum, defaultPolicy);
  const kpis = kpisOf(sum, policy);
  if (deliveryId === null) return null;
  if (published !== null && published.policy === policy && sameKpis(published.kpis, kpis)) return null;
  const previousRevision = published?.generation === generation ? published.revision : 0;
  const previous = published?.kpis ?? null;
  return { deliveryId, generation, revision, previousRevision, policy, asOf, kpis, previous };
}

/** Whether two records of KPIs are equal, map by map. */
export function sameKpis(a: Kpis, b: Kpis): boolean {
  return (
    a.success === b.success &&
    a.deliverySize === b.deliverySize &&
    COUNTERS.every((counter) => a[counter] === b[counter]) &&
    sameMap(a.failedByReason, b.failedByReason, (x, y) => x === y) &&
    sameMap(
      a.byDomain,
      b.byDomain,
      (x, y) =>
        x.relayed === y.relayed &&
        x.sent === y.sent &&
        x.failed === y.failed &&
        x.softBounced === y.softBounced,
    ) &&
    sameMap(a.throughput, b.throughput, (x, y) => x.successes === y.successes && x.errors === y.errors)
  );
}

function sameMap<Value>(
  a: Readonly<Record<string, Value>>,
  b: Readonly<Record<string, Value>>,
  same: (x: Value, y: Value) => boolean,
): boolean {
  const keys = Object.keys(a);
  return (
    keys.length === Object.keys(b).length &&
    keys.every((key) => {
      const x = a[key];
      const y = b[key];
      return x !== undefined && y !== undefined && same(x, y);
    })
  );
}
