import type { PolicyName } from '../feedback/feedback';
import { DELIVERY_KPI_TOPIC } from '../feedback/topics';
import type { Contribution, KpiChanged, WireType } from '../kpi/encode';
import { changeOf, emptySum, replaceContribution, supersedes } from '../kpi/publish';
import type { OutgoingRecord } from '../log/sink';
import type { Plan } from '../pipeline';
import {
  FLAGS_HASH,
  numberField,
  PUBLISHED_HASH,
  RETIRED_HASH,
  sharesHash,
  SUMS_HASH,
} from '../store/hashes';
import { damaged, readStored } from '../store/damage';
import type { Read, TaskAddress, Write } from '../store/store';
import { barrierArrived, flagEntry, SEEN_CHECKPOINT, SUPPRESSED, SUPPRESSED_UNTIL } from './flags';
import type { KpiInput } from './publish-gate';
import { type BoundedCache, boundedCache } from '../base/bounded-cache';
import { removalOf, retiredWrites, retirementIn, retirementMarker } from './retention';

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
  /** The last published record, as read from the log (null: none); undefined where it was not read. */
  readBack: Buffer | null | undefined;
}

type Entry = readonly [field: Buffer, value: Buffer | null];

/** Deliveries that a kpi task caches, with a contribution of each partition. */
export const DELIVERIES_CACHED = 64;

/**
 * Replaces the known contributions by those of the batch, and publishes each delivery whose KPIs or policy then differ from
 * what was last published. While `suppressed`, the sums are updated and nothing is published. Contributions to a delivery
 * that is retired and removed are ignored.
 */
export function planKpi(
  rules: KpiRules,
  inputs: readonly KpiInput[],
  suppressed: boolean,
  cache: BoundedCache<KnownDelivery> = boundedCache(0),
): Plan {
  const deliveries = groupByDelivery(rules, inputs, cache);
  return {
    reads: readsOf(deliveries),
    project: (loaded) => {
      const effects: Effects = { writes: [], sums: [], published: [], flags: [], outgoing: [] };
      const [sums, published, retired] = loaded.map((values) => values.values());
      deliveries.forEach((delivery, index) => {
        const next = (values?: Iterator<Buffer | null>): Buffer | null => values?.next().value ?? null;
        const known =
          delivery.known ?? knownOf(rules, delivery.id, next(sums), next(published), next(retired));
        if (known === null) return;
        const shares = foldShares(rules, known, delivery, loaded[index + 3] ?? []);
        if (shares.length > 0) {
          effects.writes.push({ hash: sharesHash(delivery.id), entries: shares });
          effects.sums.push([delivery.field, rules.contribution.encode(known.sum)]);
        }
        publish(rules, known, delivery, suppressed, effects);
        cache.put(delivery.id, known);
      });
      for (const input of inputs) runCommand(rules, input, cache, effects);
      const writes = [
        ...effects.writes,
        { hash: SUMS_HASH, entries: effects.sums },
        { hash: PUBLISHED_HASH, entries: effects.published },
        { hash: FLAGS_HASH, entries: effects.flags },
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
  readonly flags: Entry[];
  readonly outgoing: OutgoingRecord[];
}

/** Whether a contribution is of this state; another generation's may still be read in catch-up. */
const isOwn = (input: KpiInput, { stateId }: KpiRules): input is Contribution =>
  'revision' in input && input.generation === stateId;

/** The effects of an input on the task beside those on the sums of deliveries. */
function runCommand(
  rules: KpiRules,
  input: KpiInput,
  cache: BoundedCache<KnownDelivery>,
  { writes, flags, outgoing }: Effects,
): void {
  if ('suppressUntil' in input)
    flags.push(flagEntry(SUPPRESSED, true), flagEntry(SUPPRESSED_UNTIL, input.suppressUntil));
  else if ('resume' in input) flags.push(flagEntry(SUPPRESSED, null));
  else if ('seen' in input) flags.push(flagEntry(SEEN_CHECKPOINT, input.seen));
  else if ('remove' in input) {
    writes.push(...removalOf(input.remove, input.partitions));
    cache.drop(input.remove);
  } else if ('retire' in input) {
    writes.push(...retiredWrites(new Map([[input.retire, input.as]])));
    outgoing.push(retirementMarker(input.retire, input.as, rules));
  } else if (isOwn(input, rules)) {
    const as = retirementIn(input);
    if (input.deliveryId === null)
      flags.push(flagEntry(barrierArrived(input.partition, input.revision), true));
    // Its own marker, which a stale state has lost.
    else if (as !== null) writes.push(...retiredWrites(new Map([[input.deliveryId, as]])));
  }
}

/** The deliveries of a batch. Contributions of another generation are ignored. */
function groupByDelivery(
  rules: KpiRules,
  inputs: readonly KpiInput[],
  cache: BoundedCache<KnownDelivery>,
): TouchedDelivery[] {
  const deliveries = new Map<string, TouchedDelivery>();
  const touched = (id: string): TouchedDelivery => {
    const seen = deliveries.get(id);
    if (seen !== undefined) return seen;
    const known = cache.get(id);
    const delivery = { id, field: Buffer.from(id, 'utf8'), known, latest: new Map(), readBack: undefined };
    deliveries.set(id, delivery);
    return delivery;
  };
  for (const input of inputs) {
    if ('recheck' in input) touched(input.recheck);
    else if ('published' in input) touched(input.deliveryId).readBack = input.published;
    else if (isOwn(input, rules) && input.deliveryId !== null && input.retiredAt === null) {
      const { latest } = touched(input.deliveryId);
      const earlier = latest.get(input.partition);
      if (earlier === undefined || supersedes(input, earlier)) latest.set(input.partition, input);
    }
  }
  return [...deliveries.values()];
}

function readsOf(deliveries: readonly TouchedDelivery[]): Read[] {
  const fields = deliveries.filter(({ known }) => known === null).map((delivery) => delivery.field);
  return [
    { hash: SUMS_HASH, fields },
    { hash: PUBLISHED_HASH, fields },
    { hash: RETIRED_HASH, fields },
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

/** A delivery as loaded from the state; null where it has been removed. */
function knownOf(
  rules: KpiRules,
  deliveryId: string,
  sum: Buffer | null,
  published: Buffer | null,
  retired: Buffer | null,
): KnownDelivery | null {
  if (retired !== null && sum === null) return null;
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
    if (bytes !== null) known.shares.set(partition, contributionIn(rules, sharesHash(delivery.id), bytes));
  });
  if (known.sum.revision === 0 && known.shares.size > 0)
    throw damaged(taskOf(rules), sharesHash(delivery.id), 'it holds contributions to a sum that is missing');
  const entries: Entry[] = [];
  for (const [partition, latest] of delivery.latest) {
    if (!replaceContribution(known.sum, known.shares.get(partition) ?? null, latest)) continue;
    known.shares.set(partition, latest);
    entries.push([numberField(partition), rules.contribution.encode(latest)]);
  }
  return entries;
}

/** Publishes a delivery whose KPIs or policy have changed. Stores what was published last, also where that was read back. */
function publish(
  rules: KpiRules,
  known: KnownDelivery,
  { field, readBack }: TouchedDelivery,
  suppressed: boolean,
  { published, outgoing }: Effects,
): void {
  if (readBack !== undefined) known.published = readBack === null ? null : rules.kpiChanged.decode(readBack);
  const change = suppressed || known.sum.relayed === 0 ? null : changeOf(known.sum, known.published, rules);
  if (change !== null) {
    const value = rules.kpiChanged.encode(change);
    known.published = { ...change, previous: null };
    published.push([field, value]);
    outgoing.push({ topic: DELIVERY_KPI_TOPIC, partition: rules.partition, key: field, value });
  } else if (readBack !== undefined) published.push([field, readBack]);
}
