import { mtaEvent, type MtaEvent } from '../../src/mta/event';
import { identify, idOf, identityRules, ruleError, valueAt } from '../../src/mta/identity';

const event = (given: Partial<MtaEvent> = {}): MtaEvent =>
  mtaEvent({ event: 'bounce', meaning: 'refused', fields: {}, ...given });

const identified = (given: Partial<MtaEvent>, deliveryId: string[], messageId: string[]) =>
  identify(event(given), identityRules(deliveryId, messageId));

describe('identity', () => {
  it('is given by the first rule that answers, and names it', () => {
    const fields = { rcpt_meta: { message: 'm-1' }, campaign_id: 'spring' };
    expect(
      identified({ fields }, ['rcpt_meta.deliveryId', 'campaign_id'], ['rcpt_meta.message', 'native']),
    ).toEqual({
      deliveryId: 'spring',
      messageId: 'm-1',
      rules: { deliveryId: 'campaign_id', messageId: 'rcpt_meta.message' },
    });
  });

  it('is missing, with the rules that were tried, where none answers', () => {
    expect(identified({ nativeId: 'q1' }, ['a.b', 'header:X-D'], ['native'])).toEqual({
      missing: 'no deliveryId: tried a.b, header:X-D',
    });
  });

  it.each([
    ['b+DM7.m-1@send.example.org', 'DM7', 'm-1'],
    ['<B+dm7.m-1@SEND.example.org>', 'dm7', 'm-1'],
  ])('is read from a VERP address: %s', (sender, deliveryId, messageId) => {
    const rule = ['verp:b+{deliveryId}.{messageId}@send.example.org'];
    expect(identified({ envelope: ['other@example.org', sender] }, rule, rule)).toMatchObject({
      deliveryId,
      messageId,
    });
  });

  it('is not read from an address that only contains the pattern', () => {
    const rule = ['verp:b+{deliveryId}.{messageId}@send.example.org'];
    const envelope = ['xb+DM7.m-1@send.example.org', 'b+DM7.m-1@send.example.org.invalid'];
    expect(identified({ envelope }, rule, rule)).toHaveProperty('missing');
  });

  it('is read from a Message-ID', () => {
    const rule = ['message-id:<{messageId}.{deliveryId}@send.example.org>'];
    expect(identified({ messageIdHeader: '<m1.DM7@send.example.org>' }, rule, rule)).toMatchObject({
      deliveryId: 'DM7',
      messageId: 'm1',
    });
  });

  it('is read from a header whatever the case of its name', () => {
    const headers = new Map([['x-delivery-id', 'DM7']]);
    expect(identified({ headers, nativeId: 'q' }, ['header:X-Delivery-ID'], ['native'])).toMatchObject({
      deliveryId: 'DM7',
    });
  });

  it('tells the recipients of one message apart by a digest where its own id is shared', () => {
    const of = (recipient: string) =>
      identified({ nativeId: 'q1', nativeIdIsShared: true, recipient }, ['default:d'], ['native']);
    expect(of('Ann@Example.net')).toEqual(of('Ann <ann@example.net>'));
    expect(of('ann@example.net')).not.toEqual(of('bob@example.net'));
    expect(JSON.stringify(of('ann@example.net'))).not.toContain('ann');
  });

  it('has no slash in a delivery id', () => {
    expect(identified({ nativeId: 'q' }, ['default:a/b'], ['native'])).toMatchObject({ deliveryId: 'a_b' });
  });
});

describe('an id', () => {
  it('loses angle brackets and line ends', () => {
    expect(idOf(' <a\r\n b@example.org> ')).toBe('a  b@example.org');
  });

  it.each([[128], [129], [998]])('of %d characters fits the contract', (length) => {
    const id = idOf('x'.repeat(length));
    expect(id?.length).toBeLessThanOrEqual(128);
    expect(idOf(`${'x'.repeat(length - 1)}y`)).not.toBe(id);
  });

  it('is not what has nothing but blanks and control characters', () => {
    expect(idOf(' \u0000\r\n')).toBeNull();
    expect(idOf('<>')).toBeNull();
  });
});

describe('a path of fields', () => {
  const fields = { mail: { tags: { delivery: ['DM7'], more: ['a', 'b'] } }, list: [{ id: 7 }], n: 0 };
  it.each([
    ['mail.tags.delivery', 'DM7'],
    ['mail.tags.delivery.0', 'DM7'],
    ['mail.tags.more', null],
    ['list.0.id', '7'],
    ['n', '0'],
    ['Mail.Tags.Delivery', 'DM7'],
    ['__proto__', null],
    ['constructor.name', null],
    ['mail.tags.none', null],
  ])('%s gives %s', (path, value) => {
    expect(valueAt(fields, path.split('.'))).toBe(value);
  });
});

describe('a rule', () => {
  it.each([
    ['', /empty/],
    ['verpp:x', /no kind of rule/],
    ['verp:', /names nothing/],
    ['verp:b+{messageId}@x', /does not contain \{deliveryId\}/],
  ])('"%s" is refused', (text, why) => {
    expect(ruleError(text, 'deliveryId')).toMatch(why);
  });
});
