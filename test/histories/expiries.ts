import { expiryEventId } from '../../src/feedback/inferred-expiry';
import type { RetryOutcome } from '../../src/feedback/feedback';
import type { Positions } from '../../src/log/source';
import { RETRY_OUTCOME_TOPIC } from '../../src/feedback/topics';
import { SCHEMAS } from '../../src/feedback/schemas';
import { wireType } from '../../src/kpi/encode';
import { unpackOutbox } from '../../src/store/outbox';
import type { Commit, TaskAddress } from '../../src/store/store';
import { type Judgement, judge } from '../recount/judge';
import { DEFAULT_GROUPS, grouper } from '../recount/recount';
import { type GenerationBook, nameOfPolicy } from './generations';
import type { Ledger } from './ledger';
import type { Scenario } from './scenario';
import type { Schedule } from './schedule';

// Silence is an expiry for a reason: of a message without an outcome, after its validity period and the grace, by a task
// that knows all the log holds. And where there is reason, it comes to it.

export interface Expiries {
  /** A task has said that it holds all there is of a partition, which ends at these positions. */
  noteCaughtUp(partition: number, deps: Positions): void;
  /** What is wrong with the expiries that a commit of a status task has in its outbox. */
  problemsOf(task: TaskAddress, commit: Commit): string[];
  /** A message that should have expired by now, or null. */
  overdue(): string | null;
}

const retryOutcome = wireType<RetryOutcome>(SCHEMAS.RetryOutcome.type, 0);
const groupOf = grouper(DEFAULT_GROUPS);

/** When silence about a message is its end, by the agreement (section 4); null where it is not. */
export function endOfSilence({ decidedBy, policy, softBounced, relayedAt, validityPeriodMs }: Judgement) {
  if (decidedBy !== null || (policy === 'RELAY' && !softBounced)) return null;
  return relayedAt + validityPeriodMs;
}

export function expiriesOf(
  { settings: { expiryGraceMs } }: Scenario,
  {
    ledger,
    generations,
    time,
    forgotten,
  }: { ledger: Ledger; generations: GenerationBook; time: Schedule; forgotten: ReadonlySet<string> },
): Expiries {
  const caughtUp = new Set<string>();
  const placeOf = (partition: number, positions: Positions): string => `${partition}: ${positions.join()}`;

  /** Why a message must not expire at the hands of a task that has folded this much; null where it may. */
  const objection = (
    said: RetryOutcome,
    { stateId, partition }: TaskAddress,
    folded: Positions,
  ): string | null => {
    if (expiryGraceMs === null) return 'the timer is off';
    // Who has forgotten that it is retired may take it for a new one. What it says will be set aside.
    if (forgotten.has(said.deliveryId)) return null;
    if (!caughtUp.has(placeOf(partition, folded))) return 'its task has not caught up';
    const facts = folded
      .flatMap((below, topic) => ledger.countedFacts(topic, partition, below))
      .filter((fact) => fact.deliveryId === said.deliveryId && fact.messageId === said.messageId);
    if (facts.length === 0) return 'nobody has heard of it';
    const deps = generations
      .policiesOf(stateId)
      .map((defaultPolicy) => endOfSilence(judge(facts, defaultPolicy, groupOf)));
    const end = deps.find((each) => each !== null) ?? null;
    if (end === null) return 'it has an outcome, or its policy waits for none';
    if (end + expiryGraceMs >= time.calendar()) return 'it has time left';
    if (said.occurredAt !== end) return `it is said to expire at ${said.occurredAt}, and does at ${end}`;
    return said.eventId === expiryEventId(said.deliveryId, said.messageId)
      ? null
      : 'its event has another id';
  };

  return {
    noteCaughtUp: (partition, deps) => void caughtUp.add(placeOf(partition, deps)),
    problemsOf: (task, { outbox, expected }) =>
      unpackOutbox(outbox)
        .filter(({ topic }) => topic === RETRY_OUTCOME_TOPIC)
        .flatMap(({ value }) => {
          const said = retryOutcome.decode(value!);
          const why = objection(said, task, expected);
          return why === null ? [] : [`${said.deliveryId}/${said.messageId} expires, but ${why}`];
        }),
    overdue() {
      if (expiryGraceMs === null) return null;
      const recounted = ledger.recount(nameOfPolicy(generations.policyOfActive()));
      for (const [name, message] of recounted.messages) {
        const end = ledger.retirements.has(message.deliveryId) ? null : endOfSilence(message);
        if (end !== null && end + expiryGraceMs < time.calendar()) return `${name} should have expired`;
      }
      return null;
    },
  };
}
