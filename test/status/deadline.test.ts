import fc from 'fast-check';
import { inferredExpiry } from '../../src/feedback/inferred-expiry';
import { invalidField } from '../../src/feedback/validation';
import { domainGroups } from '../../src/kpi/domains';
import { evolve } from '../../src/status/evolve';
import { deadlineOf } from '../../src/status/deadline';
import type { MessageAggregate } from '../../src/status/message';
import { DEFAULT_GROUPS } from '../recount/recount';
import { RUNS, someFeedback, withDisorder } from '../support/arbitrary';
import { feedback, type Feedback, HOUR, T0 } from '../support/feedback';

const groups = domainGroups(Object.entries(DEFAULT_GROUPS).map(([name, domains]) => ({ name, domains })));

const fold = (all: readonly Feedback[]): MessageAggregate =>
  all.reduce<MessageAggregate | null>((message, each) => evolve(message, each, groups.indexOf), null)!;

const { relayed, softBounced, delivered, hardBounced, retry } = feedback;

describe('the deadline of a message', () => {
  it.each<[string, Feedback[], number | null]>([
    ['84 hours after its relay', [relayed()], T0 + 84 * HOUR],
    ['the validity given after its relay', [relayed({ validityPeriodMs: HOUR })], T0 + HOUR],
    [
      '84 hours after the relay that other feedback implies',
      [softBounced({ relayedAt: T0 - 5 })],
      T0 - 5 + 84 * HOUR,
    ],
    ['null once it is delivered', [relayed(), delivered()], null],
    ['null once it has bounced', [relayed(), hardBounced()], null],
    ['null once its retries have failed', [relayed(), softBounced(), retry({ outcome: 'FAILED' })], null],
    [
      'unchanged after a bounce that is no failure',
      [relayed(), hardBounced({ bounceClass: 60 })],
      T0 + 84 * HOUR,
    ],
  ])('in policy EFS is %s', (_, all, expected) => {
    expect(deadlineOf(fold(all), 'EFS')).toBe(expected);
  });

  it.each<[string, Feedback[], number | null]>([
    ['null while it has only been relayed, because it counts as sent', [relayed()], null],
    ['84 hours after its relay once it has soft-bounced', [relayed(), softBounced()], T0 + 84 * HOUR],
    ['null after a soft bounce that is no failure', [relayed(), softBounced({ bounceClass: 80 })], null],
    ['null once a retry has succeeded', [relayed(), softBounced(), retry()], null],
  ])('in policy RELAY is %s', (_, all, expected) => {
    expect(deadlineOf(fold(all), 'RELAY')).toBe(expected);
  });

  it('depends on the policy that the message’s own relay names', () => {
    expect(deadlineOf(fold([relayed({ policy: 'RELAY' })]), 'EFS')).toBeNull();
    expect(deadlineOf(fold([relayed({ policy: 'EFS' })]), 'RELAY')).toBe(T0 + 84 * HOUR);
  });
});

/** The expiry that the timer would infer for a message. */
const inferredFrom = (message: MessageAggregate): Feedback =>
  inferredExpiry(
    relayed().deliveryId,
    relayed().messageId,
    message.relay.at + message.validityMs,
    groups.domainOf(message.relay.domainGroup),
  );

describe('an inferred expiry', () => {
  it('changes only the outcome of a message, and no observed outcome', () => {
    fc.assert(
      fc.property(fc.array(someFeedback(), { minLength: 1, maxLength: 8 }), (all) => {
        const message = fold(all);
        const { outcome, ...rest } = evolve(message, inferredFrom(message), groups.indexOf);
        const { outcome: before, ...restBefore } = message;
        expect(rest).toEqual(restBefore);
        if (before !== null && before.rank > 0) expect(outcome).toEqual(before);
        else expect(outcome).not.toBeNull();
      }),
      RUNS,
    );
  });

  it('gives the same aggregate at any place of a replay, the first included', () => {
    fc.assert(
      fc.property(withDisorder(someFeedback(), 8), fc.nat(), ({ feedback: all, disorder }, place) => {
        const inferred = inferredFrom(fold(all));
        const at = place % (disorder.length + 1);
        expect(fold([...disorder.slice(0, at), inferred, ...disorder.slice(at)])).toEqual(
          fold([...all, inferred]),
        );
      }),
      RUNS,
    );
  });

  it('is valid feedback where its event id is longer than the limit of other ids', () => {
    const long = relayed({ deliveryId: 'd'.repeat(128), messageId: 'm'.repeat(128) });
    const inferred = inferredExpiry(long.deliveryId, long.messageId, T0, 'example.com');
    expect(inferred.eventId.length).toBe(264);
    expect(invalidField(inferred)).toBeNull();
    expect(invalidField({ ...inferred, messageId: relayed().messageId })).toBe('eventId');
  });

  it('has a domain of the message’s own group', () => {
    for (const domain of ['gmail.com', 'hotmail.com', 'aol.com', 'me.com', 'example.com']) {
      const index = groups.indexOf(domain);
      expect(groups.indexOf(groups.domainOf(index))).toBe(index);
    }
  });
});
