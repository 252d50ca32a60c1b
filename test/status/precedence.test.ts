import type { Feedback } from '../../src/feedback/feedback';
import { evolve } from '../../src/status/evolve';
import { VALIDITY_MAX_MS } from '../../src/base/time';
import type { MessageAggregate } from '../../src/status/message';
import { feedback, HOUR, T0 } from '../support/feedback';

const GROUPS = ['apple', 'google', 'other'];
const indexOf = (domain: string): number => GROUPS.indexOf(domain);

const fold = (...all: Feedback[]): MessageAggregate =>
  all.reduce<MessageAggregate | null>((before, each) => evolve(before, each, indexOf), null)!;

/** The winner decides in either order, and where both are repeated. */
function expectDecides(winner: Feedback, loser: Feedback): void {
  const { outcome } = fold(winner);
  expect(outcome).not.toBeNull();
  expect(fold(loser).outcome).not.toEqual(outcome);
  expect(fold(loser, winner).outcome).toEqual(outcome);
  expect(fold(winner, loser).outcome).toEqual(outcome);
  expect(fold(winner, loser, loser, winner).outcome).toEqual(outcome);
}

const later = { occurredAt: T0 + HOUR };
const expired = feedback.retry({ outcome: 'EXPIRED' });
const failed = feedback.retry({ outcome: 'FAILED' });
const bounce = (bounceClass: number, diagnostic: string | null = null) =>
  feedback.hardBounced({ bounceClass, diagnostic });

// Which of two outcomes decides.
const OUTCOMES: [string, Feedback, Feedback][] = [
  [
    'an observed fact over a later inferred one',
    feedback.delivered(),
    feedback.retry({ ...later, outcome: 'EXPIRED', inferred: true }),
  ],
  [
    'an observed failure over a later inferred success',
    failed,
    feedback.retry({ ...later, outcome: 'SUCCEEDED', inferred: true }),
  ],
  [
    'an asynchronous bounce over a later observed success',
    feedback.hardBounced({ source: 'ASYNC' }),
    feedback.delivered(later),
  ],
  [
    'an asynchronous soft bounce over a later synchronous hard one',
    feedback.softBounced({ source: 'ASYNC' }),
    feedback.hardBounced(later),
  ],
  ['the later time, a success over a bounce', feedback.delivered(later), bounce(10)],
  ['the later time, a bounce over a success', feedback.hardBounced(later), feedback.delivered()],
  ['the later time over the greater class', { ...bounce(10), ...later }, bounce(100)],
  ['a successful retry over a delivery of the same time', feedback.retry(), feedback.delivered()],
  ['an expiry over a successful retry of the same time', expired, feedback.retry()],
  ['a failed retry over an expiry of the same time', failed, expired],
  ['a bounce over a failed retry of the same time', bounce(-5), failed],
  [
    'a bounce over a failed retry of a greater class',
    bounce(10),
    feedback.retry({ outcome: 'FAILED', bounceClass: 100 }),
  ],
  ['the greater class of two of the same time and kind', bounce(22), bounce(10)],
  ['class 10 over class -1', bounce(10), bounce(-1)],
  [
    'a negative class over no class',
    feedback.retry({ outcome: 'FAILED', bounceClass: -7 }),
    feedback.retry({ outcome: 'FAILED' }),
  ],
  ['the greater reason number of the same class', bounce(25), bounce(25, 'suppressed')],
];

describe('the outcome of a message', () => {
  it.each(OUTCOMES)('is decided by %s', (_, winner, loser) => expectDecides(winner, loser));

  it('is not decided by a relay or a synchronous soft bounce', () => {
    expect(fold(feedback.relayed(), feedback.softBounced()).outcome).toBeNull();
  });
});

describe('the last soft bounce', () => {
  const soft = (bounceClass: number, given = {}) => feedback.softBounced({ bounceClass, ...given });

  it.each<[string, Feedback, Feedback]>([
    ['the later one', soft(10, later), soft(100)],
    ['of the same time the one of the greater class', soft(22), soft(-1)],
    ['of the same class the one of the greater reason', soft(25), soft(25, { diagnostic: 'suppressed' })],
  ])('is %s', (_, last, other) => {
    expect(fold(last, other).softBounce).toEqual(fold(last).softBounce);
    expect(fold(other, last).softBounce).toEqual(fold(last).softBounce);
  });

  it('is null after an asynchronous soft bounce, which is an outcome', () => {
    expect(fold(soft(22, { source: 'ASYNC' })).softBounce).toBeNull();
    expect(fold(soft(22, { source: 'ASYNC' })).outcome).not.toBeNull();
  });

  it('is kept when the message is decided', () => {
    expect(fold(soft(22), feedback.delivered(later)).softBounce).toEqual(fold(soft(22)).softBounce);
  });
});

describe('the relay', () => {
  const google = { recipientDomain: 'google' };
  const apple = { recipientDomain: 'apple' };
  const relayed = (given = {}) => feedback.relayed({ ...google, ...given });

  it.each<[string, Feedback, Feedback]>([
    [
      'a Relayed rather than an earlier relayedAt',
      relayed(later),
      feedback.delivered({ ...apple, relayedAt: T0 - HOUR }),
    ],
    ['a Relayed rather than an earlier other record', relayed(later), feedback.delivered(apple)],
    [
      'a relayedAt rather than an earlier time of another record',
      feedback.delivered({ ...google, occurredAt: T0 + 9 * HOUR, relayedAt: T0 + HOUR }),
      feedback.softBounced({ ...apple, occurredAt: T0 }),
    ],
    ['the earlier of two Relayed', relayed(), feedback.relayed({ ...apple, ...later })],
    [
      'the earlier of two relayedAt',
      feedback.delivered({ ...google, ...later, relayedAt: T0 }),
      feedback.hardBounced({ ...apple, ...later, relayedAt: T0 + 1 }),
    ],
    ['the earlier of two other records', feedback.delivered(google), feedback.retry({ ...apple, ...later })],
    ['of the same time the lesser group name', feedback.relayed(apple), relayed()],
  ])('is taken from %s', (_, from, other) => {
    expect(fold(from, other).relay).toEqual(fold(from).relay);
    expect(fold(other, from).relay).toEqual(fold(from).relay);
    expect(fold(other).relay).not.toEqual(fold(from).relay);
  });
});

describe('the validity period', () => {
  const given = (...periods: (number | null)[]) =>
    fold(...periods.map((validityPeriodMs) => feedback.relayed({ validityPeriodMs }))).validityMs;

  it('is the least given', () => expect(given(5_000, null, 3_000, 4_000)).toBe(3_000));
  it('may be 0', () => expect(given(0, 1)).toBe(0));
  it('is at most 84 hours', () => expect(given(85 * HOUR)).toBe(84 * HOUR));
  it('is 84 hours by default', () => {
    expect(given(null)).toBe(84 * HOUR);
    expect(fold(feedback.delivered()).validityMs).toBe(VALIDITY_MAX_MS);
  });
});
