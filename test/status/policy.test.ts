import type { Feedback } from '../../src/feedback/feedback';
import { evolve } from '../../src/status/evolve';
import type { MessageAggregate } from '../../src/status/message';
import { statusOf } from '../../src/status/projection';
import { feedback, HOUR, T0 } from '../support/feedback';

const at = (hours: number): { occurredAt: number } => ({ occurredAt: T0 + hours * HOUR });

const fold = (all: readonly Feedback[]): MessageAggregate =>
  all.reduce<MessageAggregate | null>((before, each) => evolve(before, each, () => 0), null)!;

/** Status, reason and type in one line, in the form of the tables below. */
function shown(all: readonly Feedback[], policy: 'EFS' | 'RELAY'): string {
  const { status, reason, failureType } = statusOf(fold(all), policy);
  return [status, reason, failureType].filter((part) => part !== null).join(' ');
}

const relayed = feedback.relayed();
const soft = feedback.softBounced({ ...at(1), bounceClass: 22 });

// The history of a message, and its status under policy EFS and under policy RELAY.
const TABLE: [string, Feedback[], string, string][] = [
  ['relayed', [relayed], 'TAKEN_INTO_ACCOUNT', 'SENT'],
  ['delivered at the first attempt', [relayed, feedback.delivered(at(1))], 'SENT', 'SENT'],
  [
    'hard-bounced',
    [relayed, feedback.hardBounced({ ...at(1), bounceClass: 10 })],
    'FAILED USER_UNKNOWN HARD',
    'FAILED USER_UNKNOWN HARD',
  ],
  [
    'blocked for good at the first attempt',
    [relayed, feedback.hardBounced({ ...at(1), bounceClass: 51 })],
    'FAILED REFUSED IGNORED',
    'FAILED REFUSED IGNORED',
  ],
  ['soft-bounced', [relayed, soft], 'TAKEN_INTO_ACCOUNT MAILBOX_FULL SOFT', 'SENT MAILBOX_FULL SOFT'],
  [
    'soft-bounced, then retried with success',
    [relayed, soft, feedback.retry({ ...at(2), outcome: 'SUCCEEDED' })],
    'SENT',
    'SENT',
  ],
  ['soft-bounced, then delivered', [relayed, soft, feedback.delivered(at(2))], 'SENT', 'SENT'],
  [
    'soft-bounced, then failed for a class of its own',
    [relayed, soft, feedback.retry({ ...at(2), outcome: 'FAILED', bounceClass: 54 })],
    'FAILED REFUSED SOFT',
    'FAILED REFUSED SOFT',
  ],
  [
    'soft-bounced, then failed without a class',
    [relayed, soft, feedback.retry({ ...at(2), outcome: 'FAILED' })],
    'FAILED MAILBOX_FULL SOFT',
    'FAILED MAILBOX_FULL SOFT',
  ],
  [
    'soft-bounced, then expired without a class',
    [relayed, soft, feedback.retry({ ...at(84), outcome: 'EXPIRED', inferred: true })],
    'FAILED MAILBOX_FULL SOFT',
    'FAILED MAILBOX_FULL SOFT',
  ],
  [
    'soft-bounced, then expired with a class',
    [relayed, soft, feedback.retry({ ...at(84), outcome: 'EXPIRED', bounceClass: 20 })],
    'FAILED UNREACHABLE SOFT',
    'FAILED UNREACHABLE SOFT',
  ],
  [
    'expired without ever having bounced',
    [relayed, feedback.retry({ ...at(84), outcome: 'EXPIRED', inferred: true })],
    'FAILED NOT_DEFINED IGNORED',
    'FAILED NOT_DEFINED IGNORED',
  ],
  [
    'delivered, then bounced by mail',
    [relayed, feedback.delivered(at(1)), feedback.hardBounced({ ...at(2), source: 'ASYNC' })],
    'FAILED USER_UNKNOWN HARD',
    'FAILED USER_UNKNOWN HARD',
  ],
  [
    'delivered, then soft-bounced by mail, which is final',
    [relayed, feedback.delivered(at(1)), feedback.softBounced({ ...at(2), source: 'ASYNC' })],
    'FAILED MAILBOX_FULL SOFT',
    'FAILED MAILBOX_FULL SOFT',
  ],
  [
    'known only by an auto-reply',
    [feedback.hardBounced({ ...at(1), bounceClass: 60, source: 'ASYNC' })],
    'TAKEN_INTO_ACCOUNT',
    'SENT',
  ],
];

describe.each(['EFS', 'RELAY'] as const)('under policy %s', (policy) => {
  it.each(TABLE)('a message that was %s has the status of its row', (_, all, efs, relay) => {
    expect(shown(all, policy)).toBe(policy === 'EFS' ? efs : relay);
    expect(shown([...all].reverse(), policy)).toBe(policy === 'EFS' ? efs : relay);
  });
});

describe('the policy of a message', () => {
  const relays = (...policies: ('EFS' | 'RELAY' | null)[]): Feedback[] =>
    policies.map((policy) => feedback.relayed({ policy }));

  it.each<[string, Feedback[], 'EFS' | 'RELAY', string]>([
    ['EFS where any of its relays names it', relays('RELAY', 'EFS', null), 'RELAY', 'TAKEN_INTO_ACCOUNT'],
    ['else RELAY where any of them names it', relays(null, 'RELAY'), 'EFS', 'SENT'],
    ['else the default, EFS', relays(null), 'EFS', 'TAKEN_INTO_ACCOUNT'],
    ['else the default, RELAY', relays(null), 'RELAY', 'SENT'],
    ['the default without a relay', [soft], 'RELAY', 'SENT MAILBOX_FULL SOFT'],
  ])('is %s', (_, all, byDefault, expected) => {
    expect(shown(all, byDefault)).toBe(expected);
  });
});
