import { partlyIngested } from '../../src/cli/demo-ingested';
import type { Feedback } from '../../src/feedback/feedback';
import { scenario } from '../../src/simulation/scenario';
import { DEFAULT_GROUPS, recountFacts } from '../recount/recount';

const START = Date.UTC(2026, 0, 5, 8);

/** The feedback of the demo's first eight hours. */
function* firstHours(): Generator<Feedback> {
  for (const each of scenario({ seed: 1, startAt: START })) {
    if (each.occurredAt > START + 8 * 3_600_000) return;
    yield each;
  }
}

const isReceipt = ({ deliveryId }: Feedback): boolean => deliveryId.startsWith('receipts-');

const figures = (feedback: readonly Feedback[]) => {
  const facts = feedback.map(({ kind, ...rest }) => ({ ...rest, type: kind }));
  const { deliveries } = recountFacts(facts, { defaultPolicy: 'EFS', groups: DEFAULT_GROUPS });
  // KumoMTA does not announce the size of a delivery.
  return [...deliveries].map(([id, { policy, kpis }]) => ({ id, policy, ...kpis, deliverySize: null }));
};

describe('the campaign of the demo that comes in as KumoMTA writes it', () => {
  const direct = [...firstHours()];
  const ingested = [...partlyIngested(direct)];

  test('has the figures that it has when it is fed directly', () => {
    const receipts = ingested.filter(isReceipt);
    expect(receipts.length).toBeGreaterThan(100);
    expect(figures(receipts)).toEqual(figures(direct.filter(isReceipt)));
  });

  test('is read from records of KumoMTA, and leaves the others as they are', () => {
    expect(ingested.filter(isReceipt).every(({ eventId }) => eventId.startsWith('kumomta:'))).toBe(true);
    expect(ingested.filter((each) => !isReceipt(each))).toEqual(direct.filter((each) => !isReceipt(each)));
  });
});
