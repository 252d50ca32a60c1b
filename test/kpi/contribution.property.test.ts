import fc from 'fast-check';
import type { Feedback } from '../../src/feedback/feedback';
import { countMessage } from '../../src/kpi/contribution';
import { domainGroups } from '../../src/kpi/domains';
import { emptyTotals, kpisOf, type Totals } from '../../src/kpi/kpis';
import { evolve } from '../../src/status/evolve';
import type { MessageAggregate } from '../../src/status/message';
import { DEFAULT_GROUPS, recountFacts } from '../recount/recount';
import { RUNS, someFeedback, withDisorder } from '../support/arbitrary';
import { expectEqual } from '../support/equal';
import { factOf } from '../support/records';

const groups = domainGroups(Object.entries(DEFAULT_GROUPS).map(([name, domains]) => ({ name, domains })));
const sets = withDisorder(someFeedback(['d1'], ['m1', 'm2', 'm3']), 16);
const policies = fc.constantFrom('EFS' as const, 'RELAY' as const);

/** Keeps totals as the service does: each feedback subtracts the message's counts from before and adds those from after. */
function keep(
  all: readonly Feedback[],
  defaultPolicy: 'EFS' | 'RELAY',
  afterEach?: (totals: Totals) => void,
) {
  const rules = { defaultPolicy, groups };
  const totals = emptyTotals();
  const messages = new Map<string, MessageAggregate>();
  for (const each of all) {
    const before = messages.get(each.messageId) ?? null;
    const after = evolve(before, each, groups.indexOf);
    if (before !== null) countMessage(totals, before, -1, rules);
    countMessage(totals, after, 1, rules);
    messages.set(each.messageId, after);
    afterEach?.(totals);
  }
  return { totals, messages: [...messages.values()] };
}

describe('totals kept by changes', () => {
  it('equal a count of all messages', () => {
    fc.assert(
      fc.property(sets, policies, ({ disorder }, defaultPolicy) => {
        const { totals, messages } = keep(disorder, defaultPolicy);
        const counted = emptyTotals();
        for (const message of messages) countMessage(counted, message, 1, { defaultPolicy, groups });
        expectEqual(totals, counted);
      }),
      RUNS,
    );
  });

  it('give the KPIs of the recount', () => {
    fc.assert(
      fc.property(sets, policies, ({ feedback, disorder }, defaultPolicy) => {
        const expected = recountFacts(feedback.map(factOf), { defaultPolicy, groups: DEFAULT_GROUPS });
        const { policy, kpis } = expected.deliveries.get('d1')!;
        const { totals } = keep(disorder, defaultPolicy);
        expectEqual(kpisOf({ ...totals, deliverySize: kpis.deliverySize }, policy), kpis);
      }),
      RUNS,
    );
  });

  it('add up after every change, and their maps have no entry that is all zero', () => {
    fc.assert(
      fc.property(sets, policies, ({ disorder }, defaultPolicy) => {
        keep(disorder, defaultPolicy, (totals) => {
          const { failedByHardBounce, failedByAsyncBounce, failedByRetry, failedByExpiry } = totals;
          const reasons = Object.values(totals.failedByReason);
          const domains = Object.values(totals.byDomain);
          expectEqual(
            {
              relayed: totals.takenIntoAccount + totals.sent + totals.failed,
              failed: failedByHardBounce + failedByAsyncBounce + failedByRetry + failedByExpiry,
              failedByReason: reasons.reduce((sum, count) => sum + count, 0),
              relayedByDomain: domains.reduce((sum, { relayed }) => sum + relayed, 0),
            },
            {
              relayed: totals.relayed,
              failed: totals.failed,
              failedByReason: totals.failed,
              relayedByDomain: totals.relayed,
            },
          );
          const entries = [...domains, ...Object.values(totals.throughput)].map((each) =>
            Object.values(each),
          );
          const wrong = entries.filter(
            (counts) => counts.some((count) => count < 0) || counts.every((count) => count === 0),
          );
          expectEqual([wrong, reasons.filter((count) => count <= 0)], [[], []]);
        });
      }),
      RUNS,
    );
  });
});
