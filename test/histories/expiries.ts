import { expiryEventId } from '../../src/feedback/inferred-expiry';
import type { RetryOutcome } from '../../src/feedback/records';
import type { Positions } from '../../src/log/source';
import { RETRY_OUTCOME_TOPIC } from '../../src/feedback/topics';
import { SCHEMAS } from '../../src/feedback/schemas';
import { wireType } from '../../src/kpi/encode';
import { unpackOutbox } from '../../src/store/outbox';
import type { Commit, TaskAddress } from '../../src/store/store';
import { type Judgement, judge } from '../recount/judge';
import { DEFAULT_GROUPS, grouper } from '../recount/recount';
import { type GenerationHistory, nameOfPolicy } from './generations';
import type { Ledger } from './ledger';
import type { Scenario } from './scenario';
import type { Schedule } from './schedule';

// A message expires only for a reason: it has no outcome after its validity period and the grace, and its task has caught
// up with the log. Where there is reason, the message does expire.

export interface Expiries {
  /** A task has caught up with a partition, which ends at these positions. */
  recordCaughtUp(partition: number, deps: Positions): void;
  /** What is wrong with the expiries that a commit of a status task has in its outbox. */
  problemsOf(task: TaskAddress, commit: Commit): string[];
  /** A message that should have expired by now, or null. */
  overdue(): string | null;
}

const retryOutcome = wireType<RetryOutcome>(SCHEMAS.RetryOutcome, 0);
const groupOf = grouper(DEFAULT_GROUPS);

/** When a message without feedback expires, by the agreement (section 4); null where it does not. */
export function expiryTime({ decidedBy, policy, softBounced, relayedAt, validityPeriodMs }: Judgement) {
  if (decidedBy !== null || (policy === 'RELAY' && !softBounced)) return null;
  return relayedAt + validityPeriodMs;
}

export function expiriesOf(
  { settings: { expiryGraceMs } }: Scenario,
  { ledger, generations, time }: { ledger: Ledger; generations: GenerationHistory; time: Schedule },
): Expiries {
  const caughtUp = new Set<string>();
  const placeOf = (partition: number, positions: Positions): string => `${partition}: ${positions.join()}`;

  /** Why a task with these positions must not expire a message; null where it may. */
  const objection = (
    expiry: RetryOutcome,
    { stateId, partition }: TaskAddress,
    folded: Positions,
  ): string | null => {
    if (expiryGraceMs === null) return 'the timer is off';
    if (!caughtUp.has(placeOf(partition, folded))) return 'its task has not caught up';
    const facts = folded
      .flatMap((below, topic) => ledger.countedFacts(topic, partition, below))
      .filter((fact) => fact.deliveryId === expiry.deliveryId && fact.messageId === expiry.messageId);
    if (facts.length === 0) return 'it has no feedback';
    const deps = generations
      .policiesOf(stateId)
      .map((defaultPolicy) => expiryTime(judge(facts, defaultPolicy, groupOf)));
    const end = deps.find((each) => each !== null) ?? null;
    if (end === null) return 'it has an outcome, or its policy needs none';
    if (end + expiryGraceMs >= time.calendar()) return 'it has time left';
    if (expiry.occurredAt !== end) return `its record expires at ${expiry.occurredAt} instead of ${end}`;
    return expiry.eventId === expiryEventId(expiry.deliveryId, expiry.messageId)
      ? null
      : 'its event has another id';
  };

  return {
    recordCaughtUp: (partition, deps) => void caughtUp.add(placeOf(partition, deps)),
    problemsOf: (task, { outbox, expected }) =>
      unpackOutbox(outbox)
        .filter(({ topic }) => topic === RETRY_OUTCOME_TOPIC)
        .flatMap(({ value }) => {
          const expiry = retryOutcome.decode(value!);
          const why = objection(expiry, task, expected);
          return why === null ? [] : [`${expiry.deliveryId}/${expiry.messageId} expires, but ${why}`];
        }),
    overdue() {
      if (expiryGraceMs === null) return null;
      const recounted = ledger.recount(nameOfPolicy(generations.policyOfActive()));
      for (const [name, message] of recounted.messages) {
        const end = ledger.isRetired(message) ? null : expiryTime(message);
        if (end !== null && end + expiryGraceMs < time.calendar()) return `${name} should have expired`;
      }
      return null;
    },
  };
}
