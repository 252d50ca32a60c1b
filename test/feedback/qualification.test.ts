import type { Feedback } from '../../src/feedback/feedback';
import { evolve } from '../../src/status/evolve';
import { statusOf } from '../../src/status/projection';
import { feedback } from '../support/feedback';

function described(each: Feedback): string {
  const { status, reason, failureType } = statusOf(
    evolve(null, each, () => 0),
    'EFS',
  );
  return [status, reason, failureType].filter((part) => part !== null).join(' ');
}

// Every bounce class with a row, and some without.
const TABLE: [number, string][] = [
  [1, 'NOT_DEFINED IGNORED'],
  [10, 'USER_UNKNOWN HARD'],
  [15, 'REFUSED HARD'],
  [20, 'UNREACHABLE SOFT'],
  [21, 'INVALID_DOMAIN SOFT'],
  [22, 'MAILBOX_FULL SOFT'],
  [23, 'REFUSED IGNORED'],
  [24, 'UNREACHABLE IGNORED'],
  [25, 'REFUSED IGNORED'],
  [30, 'NOT_DEFINED IGNORED'],
  [40, 'UNREACHABLE IGNORED'],
  [50, 'REFUSED IGNORED'],
  [51, 'REFUSED IGNORED'],
  [52, 'REFUSED IGNORED'],
  [53, 'REFUSED IGNORED'],
  [54, 'REFUSED SOFT'],
  [70, 'UNREACHABLE IGNORED'],
  [100, 'REFUSED SOFT'],
  [0, 'NOT_DEFINED IGNORED'],
  [-1, 'NOT_DEFINED IGNORED'],
  [11, 'NOT_DEFINED IGNORED'],
  [61, 'NOT_DEFINED IGNORED'],
  [999, 'NOT_DEFINED IGNORED'],
  [2_147_483_647, 'NOT_DEFINED IGNORED'],
  [-2_147_483_648, 'NOT_DEFINED IGNORED'],
];

describe('a bounce of class', () => {
  it.each(TABLE)('%i fails with %s, and so does a failed or expired retry', (bounceClass, why) => {
    expect(described(feedback.hardBounced({ bounceClass }))).toBe(`FAILED ${why}`);
    expect(described(feedback.hardBounced({ bounceClass, source: 'ASYNC' }))).toBe(`FAILED ${why}`);
    expect(described(feedback.softBounced({ bounceClass, source: 'ASYNC' }))).toBe(`FAILED ${why}`);
    expect(described(feedback.retry({ bounceClass, outcome: 'FAILED' }))).toBe(`FAILED ${why}`);
    expect(described(feedback.retry({ bounceClass, outcome: 'EXPIRED' }))).toBe(`FAILED ${why}`);
    expect(described(feedback.softBounced({ bounceClass }))).toBe(`TAKEN_INTO_ACCOUNT ${why}`);
  });

  it.each([60, 80, 90])('%i is not a failure: the message stays TAKEN_INTO_ACCOUNT', (bounceClass) => {
    for (const each of [
      feedback.hardBounced({ bounceClass }),
      feedback.hardBounced({ bounceClass, source: 'ASYNC' }),
      feedback.softBounced({ bounceClass }),
      feedback.softBounced({ bounceClass, source: 'ASYNC' }),
      feedback.retry({ bounceClass, outcome: 'FAILED' }),
      feedback.retry({ bounceClass, outcome: 'EXPIRED' }),
    ]) {
      expect(described(each)).toBe('TAKEN_INTO_ACCOUNT');
      expect(evolve(null, each, () => 0)).toMatchObject({ softBounce: null, outcome: null });
    }
    expect(described(feedback.retry({ bounceClass, outcome: 'SUCCEEDED' }))).toBe('SENT');
  });

  it.each(['suppressed', 'Address SUPPRESSED by list', 'x-Suppressed-y'])(
    '25 is QUARANTINED where the diagnostic is "%s", and 24 is not',
    (diagnostic) => {
      expect(described(feedback.hardBounced({ bounceClass: 25, diagnostic }))).toBe(
        'FAILED QUARANTINED IGNORED',
      );
      expect(described(feedback.hardBounced({ bounceClass: 24, diagnostic }))).toBe(
        'FAILED UNREACHABLE IGNORED',
      );
    },
  );

  it.each([null, '', 'suppress', 'supp ressed'])('25 is REFUSED where the diagnostic is %j', (diagnostic) => {
    expect(described(feedback.hardBounced({ bounceClass: 25, diagnostic }))).toBe('FAILED REFUSED IGNORED');
  });
});
