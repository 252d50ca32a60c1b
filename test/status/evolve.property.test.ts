import fc from 'fast-check';
import type { Feedback } from '../../src/feedback/feedback';
import { domainGroups } from '../../src/kpi/domains';
import { evolve } from '../../src/status/evolve';
import type { MessageAggregate } from '../../src/status/message';
import { policyOf } from '../../src/status/policy';
import { statusOf } from '../../src/status/projection';
import { judge } from '../recount/judge';
import { DEFAULT_GROUPS, grouper } from '../recount/recount';
import { RUNS, someFeedback, withDisorder } from '../support/arbitrary';
import { factOf } from '../support/records';

const groups = domainGroups(Object.entries(DEFAULT_GROUPS).map(([name, domains]) => ({ name, domains })));
const groupOf = grouper(DEFAULT_GROUPS);
type Fold = typeof evolve;

function fold(all: readonly Feedback[], step: Fold = evolve): MessageAggregate {
  return all.reduce<MessageAggregate | null>((before, each) => step(before, each, groups.indexOf), null)!;
}

const sets = withDisorder(someFeedback(), 8);
const policies = fc.constantFrom('EFS' as const, 'RELAY' as const);

/** The fold of feedback, in the recount's terms. */
function judgedByFold(all: readonly Feedback[], byDefault: 'EFS' | 'RELAY') {
  const message = fold(all);
  return {
    ...statusOf(message, byDefault),
    policy: policyOf(message.named, byDefault),
    relayedAt: message.relay.at,
    group: groups.nameOf(message.relay.domainGroup),
    validityPeriodMs: message.validityMs,
    decidedAt: message.outcome?.at ?? null,
    softBounced: message.softBounce !== null,
    complained: message.complainedAt !== null,
  };
}

describe('the fold of a message', () => {
  it('gives the same aggregate for the same set of feedback in any order, with any repetition', () => {
    fc.assert(
      fc.property(sets, ({ feedback, disorder }) => {
        expect(fold(disorder)).toEqual(fold(feedback));
      }),
      RUNS,
    );
  });

  it('has the status, reason, relay, policy and validity of the recount', () => {
    fc.assert(
      fc.property(sets, policies, ({ feedback, disorder }, byDefault) => {
        const { decidedBy, ...judged } = judge(feedback.map(factOf), byDefault, groupOf);
        expect(judgedByFold(disorder, byDefault)).toEqual(judged);
        expect(fold(disorder).outcome === null).toBe(decidedBy === null);
      }),
      RUNS,
    );
  });

  it('returns the same object where feedback is repeated', () => {
    fc.assert(
      fc.property(sets, ({ feedback }) => {
        const message = fold(feedback);
        for (const each of feedback) expect(evolve(message, each, groups.indexOf)).toBe(message);
      }),
      RUNS,
    );
  });

  it('fails these properties where the last writer wins', () => {
    const lastWriterWins: Fold = (before, feedback, groupIndex) => ({
      ...evolve(before, feedback, groupIndex),
      outcome: evolve(null, feedback, groupIndex).outcome ?? before?.outcome ?? null,
    });
    const found = fc.check(
      fc.property(sets, ({ feedback, disorder }) => {
        expect(fold(disorder, lastWriterWins)).toEqual(fold(feedback, lastWriterWins));
      }),
      RUNS,
    );
    expect(found.failed).toBe(true);
  });
});
