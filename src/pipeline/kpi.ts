import type { PolicyName } from '../feedback/feedback';
import { DELIVERY_KPI_TOPIC } from '../feedback/topics';
import type { Contribution, KpiChanged, WireType } from '../kpi/encode';
import { changeOf, emptySum, replaceContribution, supersedes } from '../kpi/publish';
import type { OutgoingRecord } from '../log/sink';
import type { Plan, Projected } from '../pipeline';
import {
  FLAGS_HASH,
  numberField,
  PUBLISHED_HASH,
  RETIRED_HASH,
  sharesHash,
  SUMS_HASH,
} from '../store/hashes';
import type { Retirement } from '../store/retired';
import type { Read, Write } from '../store/store';
import { barrierArrived, flagEntry, SEEN_CHECKPOINT, SUPPRESSED, SUPPRESSED_UNTIL } from './flags';
import type { KpiInput } from './publish-gate';
import { type LruCache, lruCache } from '../base/lru';
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
  cache: LruCache<KnownDelivery> = lruCache(0),
): Plan {
  const deliveries = groupByDelivery(rules, inputs, cache);
  const flags = flagsOf(rules, inputs);
  return {
    reads: readsOf(deliveries),
    project: (loaded) => {
      const entries = { shares: [] as Write[], sums: [] as Entry[], published: [] as Entry[] };
      const outgoing: OutgoingRecord[] = [];
      const [sums, published, retired] = loaded.map((values) => values.values());
      deliveries.forEach((delivery, index) => {
        const next = (values?: Iterator<Buffer | null>): Buffer | null => values?.next().value ?? null;
        const known =
          delivery.known ?? knownOf(rules, delivery.id, next(sums), next(published), next(retired));
        if (known === null) return;
        const shares = foldShares(rules, known, delivery, loaded[index + 3] ?? []);
        if (shares.length > 0) {
          entries.shares.push({ hash: sharesHash(delivery.id), entries: shares });
          entries.sums.push([delivery.field, rules.contribution.encode(known.sum)]);
        }
        const publication = publicationOf(rules, known, delivery.readBack, suppressed);
        if (publication !== null) {
          const { value, isChange } = publication;
          entries.published.push([delivery.field, value]);
          if (isChange) {
            outgoing.push({
              topic: DELIVERY_KPI_TOPIC,
              partition: rules.partition,
              key: delivery.field,
              value,
            });
          }
        }
        cache.put(delivery.id, known);
      });
      const retirements = retirementsOf(rules, inputs, cache);
      outgoing.push(...retirements.outgoing);
      const writes = [
        ...entries.shares,
        ...retirements.writes,
        { hash: SUMS_HASH, entries: entries.sums },
        { hash: PUBLISHED_HASH, entries: entries.published },
        { hash: FLAGS_HASH, entries: flags },
      ].filter((write) => write.entries.length > 0);
      return { writes, outgoing };
    },
  };
}

/** The changes of the task's flags by barriers and commands. */
function flagsOf(rules: KpiRules, inputs: readonly KpiInput[]): Entry[] {
  return inputs.flatMap((input): Entry[] => {
    if ('suppressUntil' in input)
      return [flagEntry(SUPPRESSED, true), flagEntry(SUPPRESSED_UNTIL, input.suppressUntil)];
    if ('resume' in input) return [flagEntry(SUPPRESSED, null)];
    if ('seen' in input) return [flagEntry(SEEN_CHECKPOINT, input.seen)];
    if (!('revision' in input) || input.deliveryId !== null || input.generation !== rules.stateId) return [];
    return [flagEntry(barrierArrived(input.partition, input.revision), true)];
  });
}

/** The effects of retirements and removals on the task's state. */
function retirementsOf(
  rules: KpiRules,
  inputs: readonly KpiInput[],
  cache: LruCache<KnownDelivery>,
): Projected {
  const writes: Write[] = [];
  const outgoing: OutgoingRecord[] = [];
  const retire = (id: string, as: Retirement): void =>
    void writes.push(...retiredWrites(new Map([[id, as]])));
  for (const input of inputs) {
    if ('remove' in input) {
      writes.push(...removalOf(input.remove, input.partitions));
      cache.drop(input.remove);
    } else if ('retire' in input) {
      retire(input.retire, input.as);
      outgoing.push(retirementMarker(input.retire, input.as, rules));
    } else if ('revision' in input && input.deliveryId !== null && input.generation === rules.stateId) {
      // Its own marker, which a stale state has lost. What another generation retired may still be read in catch-up.
      const as = retirementIn(input);
      if (as !== null) retire(input.deliveryId, as);
    }
  }
  return { writes, outgoing };
}

/** The deliveries of a batch. Contributions of another generation are ignored. */
function groupByDelivery(
  rules: KpiRules,
  inputs: readonly KpiInput[],
  cache: LruCache<KnownDelivery>,
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
    else if (
      'revision' in input &&
      input.deliveryId !== null &&
      input.retiredAt === null &&
      input.generation === rules.stateId
    ) {
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
    sum: sum === null ? emptySum(deliveryId, rules.stateId) : rules.contribution.decode(sum),
    shares: new Map(),
    published: published === null ? null : rules.kpiChanged.decode(published),
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
    if (bytes !== null) known.shares.set(partition, rules.contribution.decode(bytes));
  });
  const entries: Entry[] = [];
  for (const [partition, latest] of delivery.latest) {
    if (!replaceContribution(known.sum, known.shares.get(partition) ?? null, latest)) continue;
    known.shares.set(partition, latest);
    entries.push([numberField(partition), rules.contribution.encode(latest)]);
  }
  return entries;
}

/** The record to store as published, and whether it is a change to publish; null where nothing changes. */
function publicationOf(
  rules: KpiRules,
  known: KnownDelivery,
  readBack: Buffer | null | undefined,
  suppressed: boolean,
): { value: Buffer | null; isChange: boolean } | null {
  if (readBack !== undefined) known.published = readBack === null ? null : rules.kpiChanged.decode(readBack);
  const change =
    suppressed || known.sum.relayed === 0
      ? null
      : changeOf(known.sum, known.published, {
          generation: rules.generation,
          defaultPolicy: rules.defaultPolicy,
        });
  if (change === null) return readBack === undefined ? null : { value: readBack, isChange: false };
  known.published = { ...change, previous: null };
  return { value: rules.kpiChanged.encode(change), isChange: true };
}
