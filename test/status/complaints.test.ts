import type { Feedback } from '../../src/feedback/feedback';
import { countMessage } from '../../src/kpi/contribution';
import { domainGroups } from '../../src/kpi/domains';
import { emptyTotals } from '../../src/kpi/kpis';
import { evolve } from '../../src/status/evolve';
import type { MessageAggregate } from '../../src/status/message';
import { statusOf } from '../../src/status/projection';
import { feedback, HOUR, T0 } from '../support/feedback';

const groups = domainGroups([]);
const fold = (...all: Feedback[]): MessageAggregate =>
  all.reduce<MessageAggregate | null>((before, each) => evolve(before, each, groups.indexOf), null)!;

const relayed = feedback.relayed({ policy: 'EFS' });
const soft = feedback.softBounced({ occurredAt: T0 + 1 });
const complained = feedback.complained({ occurredAt: T0 + 2 * HOUR });

describe('a complaint', () => {
  it.each([
    ['that was only relayed', [relayed]],
    ['that soft-bounced', [relayed, soft]],
    ['that was delivered', [relayed, feedback.delivered({ occurredAt: T0 + HOUR })]],
    ['that bounced', [relayed, feedback.hardBounced({ occurredAt: T0 + HOUR })]],
    ['that expired', [relayed, feedback.retry({ outcome: 'EXPIRED', occurredAt: T0 + HOUR })]],
  ])('changes neither status, reason nor type of a message %s', (_, before) => {
    expect(statusOf(fold(...before, complained), 'EFS')).toEqual(statusOf(fold(...before), 'EFS'));
  });

  it('is counted once per message, in no counter of statuses', () => {
    const count = (...all: Feedback[]) => {
      const totals = emptyTotals();
      countMessage(totals, fold(...all), 1, { defaultPolicy: 'EFS', groups });
      return totals;
    };
    const again = feedback.complained({ occurredAt: T0 + 3 * HOUR, feedbackType: 'fraud' });
    expect(count(relayed, complained, again, complained)).toEqual({ ...count(relayed), complained: 1 });
  });

  it('is kept by its earliest time, in any order', () => {
    const later = feedback.complained({ occurredAt: T0 + 3 * HOUR });
    expect(fold(later, complained).complainedAt).toBe(T0 + 2 * HOUR);
    expect(fold(complained, later)).toEqual(fold(later, complained));
  });

  it.each([null, '', 'abuse', 'Abuse', 'virus', 'not-spam-at-all'])(
    'of type %j is counted',
    (feedbackType) => {
      expect(fold({ ...complained, feedbackType }).complainedAt).toBe(T0 + 2 * HOUR);
    },
  );

  it.each(['not-spam', 'Not-Spam', 'NOT-SPAM'])(
    'of type %j is not counted: the message has been seen',
    (feedbackType) => {
      expect(fold({ ...complained, feedbackType })).toEqual({ ...fold(complained), complainedAt: null });
      expect(fold(relayed, { ...complained, feedbackType })).toEqual(fold(relayed));
    },
  );
});

describe('the relay of a message with a complaint', () => {
  it('is that of the relay event, else its relay time, else its own time', () => {
    const relayedAt = T0 + HOUR;
    expect(fold(complained).relay).toMatchObject({ rank: 2, at: T0 + 2 * HOUR });
    expect(fold(complained, { ...complained, relayedAt }).relay).toMatchObject({ rank: 1, at: relayedAt });
    expect(fold({ ...complained, relayedAt }, relayed).relay).toMatchObject({ rank: 0, at: T0 });
  });
});
