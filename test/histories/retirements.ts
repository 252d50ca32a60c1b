import { must } from '../../src/base/assert';
import { SCHEMAS } from '../../src/feedback/schemas';
import { CONTRIBUTIONS_TOPIC } from '../../src/feedback/topics';
import type { MemoryLog } from '../../src/log/log.memory';
import { type Contribution, wireType } from '../../src/kpi/encode';
import { retiredDelivery, retirementIn, RETENTION_SCAN_MS } from '../../src/pipeline/retention';
import type { Retirement } from '../../src/store/retired';
import { compare, type Observed } from '../recount/compare';
import type { Installation } from './installation';
import type { FeedbackOn, Ledger } from './ledger';
import type { Scenario } from './scenario';

const contribution = wireType<Contribution>(SCHEMAS.Contribution, 0);

/** The first marker of each retired delivery in the contributions, kept up to date. */
export function retirementsIn(log: MemoryLog, partitions: number): ReadonlyMap<string, Retirement> {
  const first = new Map<string, Retirement>();
  for (let partition = 0; partition < partitions; partition += 1)
    log.watch(CONTRIBUTIONS_TOPIC, partition, () => {
      const { high } = log.watermarks(CONTRIBUTIONS_TOPIC, partition);
      const record = log.entry(CONTRIBUTIONS_TOPIC, partition, high - 1)?.record;
      const delivery = retiredDelivery(record?.key ?? null);
      if (delivery === null || record?.value == null || first.has(delivery)) return;
      first.set(delivery, must(retirementIn(contribution.decode(record.value)), 'a marker'));
    });
  return first;
}

/** What is wrong with the retired deliveries: their time of retirement, and their last KPIs. */
export function retirementProblems(
  { ledger, scenario, forgotten }: Pick<Installation, 'ledger' | 'scenario' | 'forgotten'>,
  published: NonNullable<Observed['deliveries']>,
): string[] {
  return [...ledger.retirements].flatMap(([id, as]) => {
    if (forgotten.has(id)) return [];
    const feedback = ledger.feedbackOn(id);
    return [
      ...retiredTooEarly(id, as, feedback, scenario),
      ...differences(ledger, id, only(published, id), waysToCount(as, feedback, scenario)),
    ];
  });
}

/** A delivery is retired when its last feedback that all partitions have folded is older than the retention. */
function retiredTooEarly(
  id: string,
  { asOf }: Retirement,
  feedback: readonly FeedbackOn[],
  { settings: { retentionMs } }: Scenario,
): string[] {
  if (retentionMs === null) return [`${id} is retired, and retention is off`];
  const last = Math.max(
    ...feedback.filter(({ appendedAt }) => appendedAt < asOf).map(({ occurredAt }) => occurredAt),
  );
  return last + retentionMs < asOf ? [] : [`${id} is retired as of ${asOf}, with feedback of ${last}`];
}

/**
 * A retired delivery keeps its last published KPIs, under the policy of that time. Dead-lettered feedback counts where it
 * must, and may count where that is in doubt.
 */
function differences(
  ledger: Ledger,
  id: string,
  deliveries: NonNullable<Observed['deliveries']>,
  ways: Iterable<ReadonlySet<string>>,
): readonly string[] {
  let first: readonly string[] | null = null;
  for (const counted of ways)
    for (const policy of ['EFS', 'RELAY'] as const) {
      const expected = only(ledger.recount(policy, counted).deliveries, id);
      const nothingElse = { deadLetters: new Map(), messages: new Map() };
      const problems = compare({ ...nothingElse, deliveries: expected }, { deliveries });
      if (problems.length === 0) return [];
      first ??= problems;
    }
  return first ?? [];
}

const only = <T>(all: ReadonlyMap<string, T>, id: string): ReadonlyMap<string, T> =>
  new Map([...all].filter(([key]) => key === id));

/** How long after its announcement a retirement may be unknown to a task, with a margin. */
const DOUBTFUL_MS = 2 * RETENTION_SCAN_MS;
const MOST_DOUBTS = 10;

/**
 * The possible sets of dead-lettered records that count nevertheless. Records appended before `asOf` count: they were
 * dead-lettered when they were read again after a loss of the store. Records appended around the announcement may count,
 * and so may later ones where the store was rolled back to a state without the retirement. All others came too late.
 */
function* waysToCount(
  { at, asOf }: Retirement,
  feedback: readonly FeedbackOn[],
  { faults }: Scenario,
): Generator<ReadonlySet<string>> {
  const forgets = faults.some(({ kind }) => kind === 'rollback');
  const late = feedback.filter(({ isLate }) => isLate);
  const certain = late.filter(({ appendedAt }) => appendedAt < asOf);
  const doubtful = late
    .filter(({ appendedAt }) => appendedAt >= asOf && (forgets || appendedAt < at + DOUBTFUL_MS))
    .slice(0, MOST_DOUBTS);
  for (let choice = 0; choice < 1 << doubtful.length; choice += 1) {
    const chosen = doubtful.filter((_, place) => (choice & (1 << place)) !== 0);
    yield new Set([...certain, ...chosen].map(({ origin }) => origin));
  }
}
