import { SCHEMAS } from '../../src/feedback/schemas';
import { CONTRIBUTIONS_TOPIC, DELIVERY_KPI_TOPIC, FEEDBACK_TOPICS } from '../../src/feedback/topics';
import type { PolicyName } from '../../src/feedback/feedback';
import { type Contribution, type KpiChanged, wireType } from '../../src/kpi/encode';
import { COUNTERS, hourName } from '../../src/kpi/kpis';
import type { Fact } from '../recount/read';
import { DEFAULT_GROUPS, recountFacts, type RecountedDelivery } from '../recount/recount';
import { type Observable, recordsOf } from '../support/observe';
import type { Installation } from './installation';
import { placeOf } from './retirements';

// Every published figure is right: each contribution is the recount of the first so many records of each topic that it
// names, and each published KPI record is the sum of one contribution from each partition.

const contributionType = wireType<Contribution>(SCHEMAS.Contribution, 0);
const kpiType = wireType<KpiChanged>(SCHEMAS.KpiChanged, 0);

interface EmittedContribution extends Contribution {
  readonly deliveryId: string;
}

export function contributionProblems(installation: Installation, seen: Observable): string[] {
  const emitted = emittedContributions(seen);
  return [
    ...emitted.flatMap((each) => wrongContribution(installation, each)),
    ...wrongSums(installation, seen, emitted),
  ];
}

/** Every contribution that was ever emitted, once. */
function emittedContributions(seen: Observable): EmittedContribution[] {
  const bytes = new Set<string>();
  return recordsOf(seen, CONTRIBUTIONS_TOPIC).flatMap(({ value }) => {
    const text = value!.toString('latin1');
    if (bytes.has(text)) return [];
    bytes.add(text);
    const contribution = contributionType.decode(value!);
    return contribution.deliveryId === null ? [] : [contribution as EmittedContribution];
  });
}

function wrongContribution({ ledger, generations }: Installation, emitted: EmittedContribution): string[] {
  const { deliveryId, partition, folded, revision } = emitted;
  const what = `contribution ${revision} of partition ${partition} to ${deliveryId}`;
  const facts = FEEDBACK_TOPICS.flatMap((_, topic) =>
    ledger
      .facts(topic, partition)
      .filter((fact) => fact.deliveryId === deliveryId)
      .slice(0, folded[topic] ?? 0),
  );
  const count = Object.values(folded).reduce((sum, records) => sum + records, 0);
  if (count !== revision || facts.length !== revision)
    return [`${what} is of ${count} records, of which ${facts.length} are in the topics`];
  // A retired delivery keeps the contribution of the generation that has retired it.
  const retiredBy = ledger.retirements.get(placeOf(deliveryId, partition))?.share.generation;
  const makers = emitted.retiredFrom === null || retiredBy === undefined ? [] : [retiredBy];
  const isTrue = [emitted.generation, ...makers].flatMap(generations.policiesOf).some((policy) => {
    const recounted = recountedDelivery(facts, policy);
    return recounted === null || sameTotals(emitted, recounted);
  });
  return isTrue ? [] : [`${what} is not the recount of its records`];
}

function recountedDelivery(facts: readonly Fact[], defaultPolicy: PolicyName): RecountedDelivery | null {
  const settings = { defaultPolicy, groups: DEFAULT_GROUPS };
  return recountFacts(facts, settings).deliveries.values().next().value ?? null;
}

function sameTotals(emitted: EmittedContribution, { kpis, asOf }: RecountedDelivery): boolean {
  const hours = Object.fromEntries(
    Object.entries(emitted.throughput).map(([hour, each]) => [hourName(hour), each]),
  );
  return (
    emitted.asOf === asOf &&
    emitted.deliverySize === kpis.deliverySize &&
    COUNTERS.every((counter) => emitted[counter] === kpis[counter]) &&
    sameText(emitted.failedByReason, kpis.failedByReason) &&
    sameText(emitted.byDomain, kpis.byDomain) &&
    sameText(hours, kpis.throughput)
  );
}

const sameText = (a: object, b: object): boolean => ordered(a) === ordered(b);
const ordered = (map: object): string =>
  JSON.stringify(
    Object.entries(map)
      .map(([name, value]) => [
        name,
        typeof value === 'object' && value !== null ? Object.entries(value as object).sort() : value,
      ])
      .sort(),
  );

/** How many records of each topic have been folded. */
type Folded = readonly number[];

/** Each record is the sum of at most one contribution of each partition, and contains all that its predecessor contained. */
function wrongSums(
  { generations, scenario }: Installation,
  seen: Observable,
  emitted: readonly EmittedContribution[],
): string[] {
  const known = new Map<string, readonly Folded[]>();
  return recordsOf(seen, DELIVERY_KPI_TOPIC).flatMap(({ value }) => {
    const published = kpiType.decode(value!);
    const { deliveryId, generation, revision } = published;
    const names = generations.namesOf(generation);
    const shares = Array.from({ length: scenario.partitions }, (_, partition) =>
      emitted.filter(
        (each) =>
          each.partition === partition && each.deliveryId === deliveryId && names.includes(each.generation),
      ),
    );
    const before = known.get(deliveryId) ?? [NOTHING];
    const sums = sumsOf(published, shares, revision, []);
    const later = sums.filter((sum) => before.some((earlier) => covers(sum, earlier)));
    known.set(deliveryId, later.length > 0 ? later : before);
    if (sums.length === 0) return [`KPIs ${revision} of ${deliveryId} are no sum of contributions`];
    return later.length > 0
      ? []
      : [`KPIs ${revision} of ${deliveryId} lack records that were published before`];
  });
}

const NOTHING: Folded = FEEDBACK_TOPICS.map(() => 0);
const covers = (sum: Folded, earlier: Folded): boolean =>
  earlier.every((records, topic) => records <= (sum[topic] ?? 0));

/** The records contained in the KPIs, for each choice of contributions that adds up to them. */
function sumsOf(
  published: KpiChanged,
  [first, ...others]: readonly (readonly EmittedContribution[])[],
  revision: number,
  chosen: readonly EmittedContribution[],
): Folded[] {
  if (first === undefined) return revision === 0 ? addUp(published, chosen) : [];
  return [
    ...sumsOf(published, others, revision, chosen),
    ...first
      .filter((each) => each.revision <= revision)
      .flatMap((each) => sumsOf(published, others, revision - each.revision, [...chosen, each])),
  ];
}

function addUp({ kpis }: KpiChanged, shares: readonly EmittedContribution[]): Folded[] {
  const sum = (valueOf: (share: EmittedContribution) => number): number =>
    shares.reduce((total, share) => total + valueOf(share), 0);
  if (COUNTERS.some((counter) => kpis[counter] !== sum((share) => share[counter]))) return [];
  return [FEEDBACK_TOPICS.map((_, topic) => sum((share) => share.folded[topic] ?? 0))];
}
