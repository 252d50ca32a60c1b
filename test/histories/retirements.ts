import { must } from '../../src/base/assert';
import { SCHEMAS } from '../../src/feedback/schemas';
import { CONTRIBUTIONS_TOPIC } from '../../src/feedback/topics';
import type { MemoryLog } from '../../src/feedback/log.memory';
import { type Contribution, wireType } from '../../src/kpi/encode';
import { retiredDelivery, retirementIn, WALK_MS } from '../../src/pipeline/retirement';
import type { Retirement } from '../../src/store/retired';
import { compare, type Observed } from '../recount/compare';
import type { Ledger } from './ledger';
import type { Scenario } from './scenario';

/** What the contributions say of retired deliveries. */
export interface Retirements {
  /** Whether a marker says that a delivery is retired. */
  has(deliveryId: string): boolean;
  /** What it means that a record of a retired delivery was set aside, which was appended at this time. */
  meaning(deliveryId: string, appendedAt: number): Meaning;
}

/**
 * Of a record that was set aside: it came too late, and counts nowhere; or was counted long before, and was read again after
 * a loss of the store; or, around the announcement, one of them or both.
 */
export type Meaning = 'late' | 'counted' | 'doubtful';

/** How long after an announcement somebody may not know of it, and some. */
const DOUBTFUL_MS = 2 * WALK_MS;
const contribution = wireType<Contribution>(SCHEMAS.Contribution.type, 0);

export function retirementsOf({ partitions, faults }: Scenario, log: MemoryLog): Retirements {
  /** What the first marker of each delivery says. */
  const first = new Map<string, Retirement>();
  /** A store that comes back older may be one that has never heard of an announcement. */
  const forgets = faults.some(({ kind }) => kind === 'rollback');
  for (let partition = 0; partition < partitions; partition += 1)
    log.watch(CONTRIBUTIONS_TOPIC, partition, () => {
      const { high } = log.watermarks(CONTRIBUTIONS_TOPIC, partition);
      const record = log.entry(CONTRIBUTIONS_TOPIC, partition, high - 1)?.record;
      const delivery = retiredDelivery(record?.key ?? null);
      if (delivery === null || record?.value == null || first.has(delivery)) return;
      first.set(delivery, must(retirementIn(contribution.decode(record.value)), 'a marker'));
    });
  return {
    has: (deliveryId) => first.has(deliveryId),
    meaning(deliveryId, appendedAt) {
      const { at, asOf } = must(first.get(deliveryId), 'a retirement');
      if (appendedAt < asOf) return 'counted';
      return appendedAt < at + DOUBTFUL_MS || forgets ? 'doubtful' : 'late';
    },
  };
}

/** A record that was set aside as late, and what that means. */
export interface SetAside {
  readonly origin: string;
  readonly meaning: Meaning;
}

/**
 * A retired delivery keeps the last KPIs that were published of it, under the policy of that time. Feedback that was set
 * aside counts as it must, and in doubt as it can.
 */
export function differencesOfRetired(
  ledger: Ledger,
  published: NonNullable<Observed['deliveries']>,
): string[] {
  const ids = new Set([...published.keys(), ...ledger.recount('EFS').deliveries.keys()]);
  return [...ids].filter(ledger.isRetired).flatMap((id) => {
    const found = { deliveries: only(published, id) };
    let first: readonly string[] | null = null;
    for (const counted of waysToCount(ledger.setAside(id)))
      for (const policy of ['EFS', 'RELAY'] as const) {
        const deliveries = only(ledger.recount(policy, counted).deliveries, id);
        const problems = compare({ deadLetters: new Map(), messages: new Map(), deliveries }, found);
        if (problems.length === 0) return [];
        first ??= problems;
      }
    return first ?? [];
  });
}

const only = <T>(all: ReadonlyMap<string, T>, id: string): ReadonlyMap<string, T> =>
  new Map([...all].filter(([key]) => key === id));

const MOST_DOUBTS = 10;

/** Which of the records that were set aside count all the same: all that must, with every choice of what may. */
function* waysToCount(setAside: readonly SetAside[]): Generator<ReadonlySet<string>> {
  const origins = (wanted: Meaning): string[] =>
    setAside.filter(({ meaning }) => meaning === wanted).map(({ origin }) => origin);
  const certain = origins('counted');
  const doubtful = origins('doubtful').slice(0, MOST_DOUBTS);
  for (let choice = 0; choice < 1 << doubtful.length; choice += 1)
    yield new Set([...certain, ...doubtful.filter((_, place) => (choice & (1 << place)) !== 0)]);
}
