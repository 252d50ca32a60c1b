import type { PolicyName } from '../feedback/feedback';
import { DELIVERY_KPI_TOPIC } from '../feedback/topics';
import type { Contribution, KpiChanged, WireType } from '../kpi/encode';
import { changeOf, emptySum, replaceContribution } from '../kpi/publish';
import type { OutgoingRecord } from '../kpi/sink';
import type { Loaded, Plan } from '../pipeline';
import { FLAGS_HASH, numberField, PUBLISHED_HASH, sharesHash, SUMS_HASH } from '../store/hashes';
import type { Read, Write } from '../store/store';
import { barrierField, type KpiInput, MUTED_FIELD, UNTIL_FIELD } from './gate';

/** What the kpi pipeline of one task is made of. */
export interface KpiRules {
  readonly generation: number;
  readonly partition: number;
  readonly defaultPolicy: PolicyName;
  readonly contribution: WireType<Contribution>;
  readonly kpiChanged: WireType<KpiChanged>;
}

interface TouchedDelivery {
  readonly id: string;
  readonly field: Buffer;
  /** The latest contribution of each partition in the batch. */
  readonly latest: Map<number, Contribution>;
  /** A record that is known to have been published. */
  relearned: Buffer | null;
}

type Entry = readonly [field: Buffer, value: Buffer];

/**
 * Puts the batch's contributions in the place of the ones known, and publishes each delivery whose KPIs or policy
 * then differ from what was last published. While `muted`, the sums move and nothing is published.
 */
export function planKpi(rules: KpiRules, inputs: readonly KpiInput[], muted: boolean): Plan {
  const deliveries = groupByDelivery(rules, inputs);
  const flags = flagsOf(rules, inputs);
  return {
    reads: readsOf(deliveries),
    project: (loaded) => {
      const entries = { shares: [] as Write[], sums: [] as Entry[], published: [] as Entry[] };
      const outgoing: OutgoingRecord[] = [];
      deliveries.forEach((delivery, index) => {
        const { sum, shares } = foldShares(rules, delivery, index, loaded);
        if (shares.length > 0) {
          entries.shares.push({ hash: sharesHash(delivery.id), entries: shares });
          entries.sums.push([delivery.field, rules.contribution.encode(sum)]);
        }
        const { published, isRelearned } = latestPublished(
          rules,
          loaded[1]?.[index] ?? null,
          delivery.relearned,
        );
        const change = muted || sum.relayed === 0 ? null : changeOf(sum, published, rules.defaultPolicy);
        if (change !== null) {
          const value = rules.kpiChanged.encode(change);
          entries.published.push([delivery.field, value]);
          outgoing.push({
            topic: DELIVERY_KPI_TOPIC,
            partition: rules.partition,
            key: delivery.field,
            value,
          });
        } else if (isRelearned && delivery.relearned !== null) {
          entries.published.push([delivery.field, delivery.relearned]);
        }
      });
      const writes = [
        ...entries.shares,
        { hash: SUMS_HASH, entries: entries.sums },
        { hash: PUBLISHED_HASH, entries: entries.published },
        { hash: FLAGS_HASH, entries: flags },
      ].filter((write) => write.entries.length > 0);
      return { writes, outgoing };
    },
  };
}

/** What barriers and duties do to the task's flags. */
function flagsOf(rules: KpiRules, inputs: readonly KpiInput[]): (readonly [Buffer, Buffer | null])[] {
  return inputs.flatMap((input): (readonly [Buffer, Buffer | null])[] => {
    if ('muteUntil' in input)
      return [
        [MUTED_FIELD, YES],
        [UNTIL_FIELD, numberField(input.muteUntil)],
      ];
    if ('unmute' in input) return [[MUTED_FIELD, null]];
    if (!('revision' in input) || input.deliveryId !== null || input.generation !== rules.generation)
      return [];
    return [[barrierField(input.partition), YES]];
  });
}

const YES = Buffer.from('1');

/** Contributions of another generation are none of ours. */
function groupByDelivery(rules: KpiRules, inputs: readonly KpiInput[]): TouchedDelivery[] {
  const deliveries = new Map<string, TouchedDelivery>();
  const touched = (id: string): TouchedDelivery => {
    const known = deliveries.get(id);
    if (known !== undefined) return known;
    const delivery = {
      id,
      field: Buffer.from(id, 'utf8'),
      latest: new Map<number, Contribution>(),
      relearned: null,
    };
    deliveries.set(id, delivery);
    return delivery;
  };
  for (const input of inputs) {
    if ('recheck' in input) touched(input.recheck);
    else if ('published' in input) touched(input.deliveryId).relearned = input.published;
    else if ('revision' in input && input.deliveryId !== null && input.generation === rules.generation) {
      const { latest } = touched(input.deliveryId);
      const known = latest.get(input.partition);
      if (known === undefined || known.revision < input.revision) latest.set(input.partition, input);
    }
  }
  return [...deliveries.values()];
}

function readsOf(deliveries: readonly TouchedDelivery[]): Read[] {
  const fields = deliveries.map((delivery) => delivery.field);
  return [
    { hash: SUMS_HASH, fields },
    { hash: PUBLISHED_HASH, fields },
    ...deliveries.map(({ id, latest }) => ({
      hash: sharesHash(id),
      fields: [...latest.keys()].map(numberField),
    })),
  ];
}

/** The delivery's sum after the batch, and the shares that changed. */
function foldShares(
  rules: KpiRules,
  delivery: TouchedDelivery,
  index: number,
  loaded: Loaded,
): { sum: Contribution; shares: Entry[] } {
  const bytes = loaded[0]?.[index] ?? null;
  const sum = bytes === null ? emptySum(delivery.id, rules.generation) : rules.contribution.decode(bytes);
  const shares: Entry[] = [];
  [...delivery.latest.values()].forEach((latest, position) => {
    const share = loaded[index + 2]?.[position] ?? null;
    const known = share === null ? null : rules.contribution.decode(share);
    if (replaceContribution(sum, known, latest)) {
      shares.push([numberField(latest.partition), rules.contribution.encode(latest)]);
    }
  });
  return { sum, shares };
}

/** The later of what the state and what the log itself remember as published. */
function latestPublished(
  rules: KpiRules,
  stored: Buffer | null,
  relearned: Buffer | null,
): { published: KpiChanged | null; isRelearned: boolean } {
  const known = stored === null ? null : rules.kpiChanged.decode(stored);
  if (relearned === null) return { published: known, isRelearned: false };
  const learned = rules.kpiChanged.decode(relearned);
  const isRelearned =
    known === null || (learned.generation - known.generation || learned.revision - known.revision) > 0;
  return { published: isRelearned ? learned : known, isRelearned };
}
