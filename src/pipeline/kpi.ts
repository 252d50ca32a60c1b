import type { LoggedContribution } from '../feedback/decode';
import type { PolicyName } from '../feedback/feedback';
import { DELIVERY_KPI_TOPIC } from '../feedback/topics';
import type { Contribution, KpiChanged, WireType } from '../kpi/encode';
import { changeOf, emptySum, replaceContribution, supersedes } from '../kpi/publish';
import type { OutgoingRecord } from '../log/sink';
import type { Plan } from '../pipeline';
import { numberField, PUBLISHED_HASH, sharesHash, SUMS_HASH } from '../store/hashes';
import { damaged, readStored } from '../store/damage';
import type { Read, TaskAddress, Write } from '../store/store';
import { flagWrite } from './effects';
import { barrierArrived } from './flags';
import { type BoundedCache, boundedCache } from '../base/bounded-cache';

/** The rules of one task's kpi pipeline. */
export interface KpiRules {
  readonly stateId: number;
  /** The number that published records carry. */
  readonly generation: number;
  readonly partition: number;
  readonly defaultPolicy: PolicyName;
  readonly contribution: WireType<Contribution>;
  readonly kpiChanged: WireType<KpiChanged>;
}

/** The cached state of a delivery, as far as it was needed. */
export interface KnownDelivery {
  readonly sum: Contribution;
  /** The last contribution of each partition that was needed. */
  readonly shares: Map<number, Contribution>;
  published: KpiChanged | null;
}

interface TouchedDelivery {
  readonly id: string;
  readonly field: Buffer;
  readonly known: KnownDelivery | null;
  /** The latest contribution of each partition in the batch. */
  readonly latest: Map<number, Contribution>;
}

type Entry = readonly [field: Buffer, value: Buffer | null];

/** Deliveries that a kpi task caches, with a contribution of each partition. */
export const DELIVERIES_CACHED = 64;

/**
 * Replaces the known contributions by those of the batch, and publishes each delivery whose KPIs or policy then differ from
 * what was last published; also those of `recheck`. While `suppressed`, the sums are updated and nothing is published.
 */
export function planKpi(
  rules: KpiRules,
  inputs: readonly LoggedContribution[],
  suppressed: boolean,
  cache: BoundedCache<KnownDelivery> = boundedCache(0),
  recheck: readonly string[] = [],
): Plan {
  const deliveries = latestByDelivery(rules, inputs, cache, recheck);
  return {
    reads: readsOf(deliveries),
    project: (loaded) => {
      const effects: Effects = { writes: [], sums: [], published: [], outgoing: [] };
      const [sums, published] = loaded.map((values) => values.values());
      deliveries.forEach((delivery, index) => {
        const next = (values?: Iterator<Buffer | null>): Buffer | null => values?.next().value ?? null;
        const known = delivery.known ?? knownOf(rules, delivery.id, next(sums), next(published));
        const shares = foldShares(rules, known, delivery, loaded[index + 2] ?? []);
        if (shares.length > 0) {
          effects.writes.push({ hash: sharesHash(delivery.id), entries: shares });
          effects.sums.push([delivery.field, rules.contribution.encode(known.sum)]);
        }
        publish(rules, known, delivery, suppressed, effects);
        cache.put(delivery.id, known);
      });
      const writes = [
        ...effects.writes,
        { hash: SUMS_HASH, entries: effects.sums },
        { hash: PUBLISHED_HASH, entries: effects.published },
        ...barriersIn(rules, inputs),
      ].filter((write) => write.entries.length > 0);
      return { writes, outgoing: effects.outgoing };
    },
  };
}

/** The effects of a batch, collected by hash. */
interface Effects {
  /** Of hashes other than those below. */
  readonly writes: Write[];
  readonly sums: Entry[];
  readonly published: Entry[];
  readonly outgoing: OutgoingRecord[];
}

/** Whether a contribution is of this state; another generation's may still be read in catch-up. */
const isOwn = ({ generation }: Contribution, { stateId }: KpiRules): boolean => generation === stateId;

/** The barriers of a batch that have arrived. */
function barriersIn(rules: KpiRules, inputs: readonly LoggedContribution[]): Write[] {
  return inputs
    .filter((input) => input.deliveryId === null && isOwn(input, rules))
    .map(({ partition, revision, offset }) => flagWrite(barrierArrived(partition, revision), offset + 1));
}

/** The latest contributions to each delivery of a batch, and of those to be rechecked; another generation's are ignored. */
function latestByDelivery(
  rules: KpiRules,
  inputs: readonly Contribution[],
  cache: BoundedCache<KnownDelivery>,
  recheck: readonly string[],
): TouchedDelivery[] {
  const deliveries = new Map<string, TouchedDelivery>();
  const touched = (id: string): TouchedDelivery => {
    const seen = deliveries.get(id);
    if (seen !== undefined) return seen;
    const delivery = { id, field: Buffer.from(id, 'utf8'), known: cache.get(id), latest: new Map() };
    deliveries.set(id, delivery);
    return delivery;
  };
  for (const input of inputs) {
    if (input.deliveryId === null || !isOwn(input, rules)) continue;
    const { latest } = touched(input.deliveryId);
    const earlier = latest.get(input.partition);
    if (earlier === undefined || supersedes(input, earlier)) latest.set(input.partition, input);
  }
  recheck.forEach(touched);
  return [...deliveries.values()];
}

function readsOf(deliveries: readonly TouchedDelivery[]): Read[] {
  const fields = deliveries.filter(({ known }) => known === null).map((delivery) => delivery.field);
  return [
    { hash: SUMS_HASH, fields },
    { hash: PUBLISHED_HASH, fields },
    ...deliveries.map((delivery) => ({
      hash: sharesHash(delivery.id),
      fields: unknownShares(delivery).map(numberField),
    })),
  ];
}

/** The partitions whose last contribution is not cached. */
function unknownShares({ known, latest }: TouchedDelivery): number[] {
  return [...latest.keys()].filter((partition) => known?.shares.has(partition) !== true);
}

const taskOf = ({ stateId, partition }: KpiRules): TaskAddress => ({ stateId, pipeline: 'kpi', partition });

const contributionIn = (rules: KpiRules, hash: string, stored: Buffer): Contribution =>
  readStored(taskOf(rules), hash, stored, (bytes) => rules.contribution.read(bytes));

/** A delivery as loaded from the state. */
function knownOf(
  rules: KpiRules,
  deliveryId: string,
  sum: Buffer | null,
  published: Buffer | null,
): KnownDelivery {
  return {
    sum: sum === null ? emptySum(deliveryId, rules.stateId) : contributionIn(rules, SUMS_HASH, sum),
    shares: new Map(),
    published:
      published === null
        ? null
        : readStored(taskOf(rules), PUBLISHED_HASH, published, (bytes) => rules.kpiChanged.read(bytes)),
  };
}

/** Updates the delivery's sum by the batch; returns the shares that changed. */
function foldShares(
  rules: KpiRules,
  known: KnownDelivery,
  delivery: TouchedDelivery,
  loaded: readonly (Buffer | null)[],
): Entry[] {
  unknownShares(delivery).forEach((partition, index) => {
    const bytes = loaded[index] ?? null;
    if (bytes !== null) known.shares.set(partition, shareIn(rules, delivery.id, bytes));
  });
  if (known.sum.revision === 0 && [...known.shares.values()].some(({ revision }) => revision > 0))
    throw damaged(taskOf(rules), sharesHash(delivery.id), 'it holds contributions to a sum that is missing');
  const entries: Entry[] = [];
  for (const [partition, latest] of delivery.latest) {
    if (!replaceContribution(known.sum, known.shares.get(partition) ?? null, latest)) continue;
    known.shares.set(partition, latest);
    entries.push([numberField(partition), storedShare(rules, latest)]);
  }
  return entries;
}

/** A share as stored. The last one of a partition is in the sum for good: only that it is there is kept. */
const storedShare = (rules: KpiRules, share: Contribution): Buffer =>
  share.retiredFrom === null ? rules.contribution.encode(share) : Buffer.alloc(0);

/** Inverse of `storedShare`, as far as another contribution is compared with it. */
const shareIn = (rules: KpiRules, deliveryId: string, stored: Buffer): Contribution =>
  stored.length === 0
    ? { ...emptySum(deliveryId, rules.stateId), retiredFrom: {} }
    : contributionIn(rules, sharesHash(deliveryId), stored);

/** Publishes a delivery whose KPIs or policy have changed. */
function publish(
  rules: KpiRules,
  known: KnownDelivery,
  { field }: TouchedDelivery,
  suppressed: boolean,
  { published, outgoing }: Effects,
): void {
  if (suppressed || known.sum.relayed === 0) return;
  const change = changeOf(known.sum, known.published, rules);
  if (change === null) return;
  const value = rules.kpiChanged.encode(change);
  known.published = { ...change, previous: null };
  published.push([field, value]);
  outgoing.push({ topic: DELIVERY_KPI_TOPIC, partition: rules.partition, key: field, value });
}
