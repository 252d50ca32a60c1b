import { categoriesOf, causeOf, NO_ADDITIONS } from '../../src/mta/classify';
import { type Meaning, mtaEvent, type MtaEvent } from '../../src/mta/event';
import { mapReading, printable, type SourceSettings } from '../../src/mta/feedback';
import { identityRules } from '../../src/mta/identity';

const AT = Date.UTC(2026, 10, 25);
const SOURCE: SourceSettings = {
  format: 'test',
  identity: identityRules(['default:d'], ['native']),
  classes: NO_ADDITIONS,
  policy: 'EFS',
  validityPeriodMs: 1_000,
  notRelayed: 'fail',
};

const event = (meaning: Meaning, given: Partial<MtaEvent> = {}): MtaEvent =>
  mtaEvent({
    ...{
      event: 'word',
      meaning,
      fields: { id: 1 },
      nativeId: 'm',
      eventId: 'e1',
      recipient: 'ann@Example.NET',
    },
    ...{ occurredAt: AT, relayedAt: AT - 5, ...given },
  });

const valueOf = (of: MtaEvent, source = SOURCE): Record<string, unknown> =>
  printable(mapReading(of, source)) as Record<string, unknown>;

const full = causeOf({ text: 'smtp; 552 5.2.2 mailbox full' });

describe('feedback of an event', () => {
  it.each<[Meaning, Partial<MtaEvent>, string, object]>([
    ['accepted', {}, 'mta.relayed', { policy: 'EFS', validityPeriodMs: 1_000, deliverySize: null }],
    ['delivered', { attempt: 3 }, 'mta.delivered', { attempt: 3, relayedAt: AT - 5 }],
    ['deferred', { cause: full }, 'mta.soft-bounced', { source: 'SYNC', bounceClass: 22 }],
    ['refused', { cause: full }, 'mta.hard-bounced', { source: 'SYNC', bounceClass: 22 }],
    ['refused', { cause: full, attempt: 2 }, 'mta.retry-outcome', { outcome: 'FAILED', bounceClass: 22 }],
    ['given-up', { cause: full }, 'mta.retry-outcome', { outcome: 'FAILED', inferred: false }],
    ['expired', {}, 'mta.retry-outcome', { outcome: 'EXPIRED', bounceClass: null }],
    ['bounced', { cause: full }, 'mta.soft-bounced', { source: 'ASYNC', bounceClass: 22 }],
    ['bounced', {}, 'mta.hard-bounced', { source: 'ASYNC', bounceClass: 1 }],
    ['not-relayed', { cause: full }, 'mta.hard-bounced', { bounceClass: 25, source: 'SYNC' }],
    ['complained', { feedbackType: 'abuse' }, 'mta.complained', { feedbackType: 'abuse', relayedAt: AT - 5 }],
  ])('of one that says %s (%j) goes to %s', (meaning, given, topic, value) => {
    expect(valueOf(event(meaning, given))).toMatchObject({
      ...{ outcome: 'feedback', topic, key: 'm' },
      value: { messageId: 'm', deliveryId: 'd', occurredAt: AT, recipientDomain: 'example.net', ...value },
    });
  });

  it('has the code, the status and the text of the reply, without the local parts of addresses', () => {
    const cause = causeOf({ text: 'smtp; 550 5.1.1 <ann.lee@example.net>: no such user' });
    const { value } = valueOf(event('refused', { cause })) as { value: Record<string, unknown> };
    expect(value).toMatchObject({ smtpCode: 550, enhancedStatus: '5.1.1' });
    expect(value['diagnostic']).toMatch(/@example\.net>: no such user/);
    expect(value['diagnostic']).not.toContain('ann');
  });

  it('says nothing of what came without a failure: an automatic reply is ignored', () => {
    const cause = causeOf({ number: 60 });
    expect(valueOf(event('bounced', { cause }))).toEqual({ outcome: 'ignored', event: 'word' });
  });

  it('says nothing of a refusal before the relay where these are dropped', () => {
    expect(valueOf(event('not-relayed'), { ...SOURCE, notRelayed: 'drop' })).toEqual({
      outcome: 'ignored',
      event: 'word',
    });
  });

  it('is refused with the name of the field where the event has no time', () => {
    expect(valueOf(event('delivered', { occurredAt: null }))).toEqual({
      outcome: 'dead-letter',
      reason: 'invalid-field',
      detail: 'occurredAt',
    });
  });

  it('is refused as unmatched where no rule gives an id', () => {
    expect(valueOf(event('delivered', { nativeId: null }))).toMatchObject({ reason: 'unmatched' });
  });

  it('has the same event id when the event comes again, and another for another recipient', () => {
    const idOf = (given: Partial<MtaEvent>): unknown =>
      (valueOf(event('delivered', given))['value'] as { eventId: unknown }).eventId;
    expect(idOf({ eventId: null, fields: { a: 1, b: [2] } })).toBe(
      idOf({ eventId: null, fields: { b: [2], a: 1 } }),
    );
    expect(idOf({ eventId: null, fields: { a: 1 } })).not.toBe(idOf({ eventId: null, fields: { a: 2 } }));
    expect(idOf({})).not.toBe(idOf({ recipient: 'bob@example.net' }));
    expect(String(idOf({ eventId: 'x'.repeat(500) })).length).toBeLessThanOrEqual(128);
  });

  it.each([
    [0, 1],
    [-3, 1],
    [Number.NaN, 1],
    [2.7, 2],
    [5_000, 1_000],
  ])('has attempt %d as %d', (attempt, bounded) => {
    expect(valueOf(event('delivered', { attempt }))['value']).toMatchObject({ attempt: bounded });
  });

  it('names the step that gave the class', () => {
    const stepOf = (cause: MtaEvent['cause']): unknown =>
      (valueOf(event('deferred', { cause }))['from'] as { class: unknown }).class;
    const categories = categoriesOf({ QuotaIssues: 22 });
    expect(stepOf(causeOf({ number: 22, category: 'QuotaIssues', categories }))).toBe('number');
    expect(stepOf(causeOf({ category: 'quotaissues', categories }))).toBe('category');
    expect(stepOf(causeOf({ category: 'other', categories, text: '452 mailbox full' }))).toBe('text');
    expect(stepOf(causeOf({ text: '452 4.2.2 no' }))).toBe('enhanced-status');
    expect(stepOf(causeOf({ text: '452 no' }))).toBe('smtp-code');
    expect(stepOf(causeOf({}))).toBe('default');
  });
});
