import { mtaEvent, type MtaEvent } from '../../src/mta/event';
import { asksIndex, identify, identityRules, ruleError, usesIndex } from '../../src/mta/identity';
import { indexKeys } from '../../src/mta/native-ids';

const event = (given: Partial<MtaEvent> = {}): MtaEvent =>
  mtaEvent({ event: 'sent', meaning: 'delivered', fields: {}, ...given });
const withIds = event({
  headers: new Map([
    ['x-delivery-id', 'DM7'],
    ['x-message-id', 'm-1'],
  ]),
});
const HEADERS = ['header:X-Delivery-ID', 'header:X-Message-ID'] as const;

describe('the keys of an event in the index', () => {
  const queued = { nativeId: 'q1', nativeIdIsShared: true, messageIdHeader: '<m-1@example.org>' };

  it('are those of its own id and of its Message-ID', () => {
    expect(indexKeys(event({ ...queued, recipient: 'ann@example.net' }), 'postfix')).toHaveLength(2);
    expect(indexKeys(event({ nativeId: 'q1' }), 'spark')).toHaveLength(1);
    expect(indexKeys(event(), 'spark')).toEqual([]);
  });

  it('name the same message by its Message-ID whichever source tells of it, and by another id only within a source', () => {
    const recipient = 'ann@example.net';
    const [native, header] = indexKeys(event({ ...queued, recipient }), 'postfix');
    const dsn = { nativeId: '<m-1@example.org>', messageIdHeader: 'm-1@example.org' };
    const ofMail = indexKeys(event({ ...dsn, recipient: 'Ann <ANN@example.net>' }), 'bounces');
    expect(ofMail).toContain(header);
    expect(indexKeys(event({ ...queued, recipient }), 'exim')).not.toContain(native);
  });

  it('differ between the recipients of one mail, and are none of a Message-ID without a recipient', () => {
    const keys = ['ann@example.net', 'bob@example.net'].flatMap((recipient) =>
      indexKeys(event({ ...queued, recipient }), 'postfix'),
    );
    expect(new Set(keys).size).toBe(4);
    expect(indexKeys(event({ messageIdHeader: '<m-1@example.org>' }), 'mail')).toEqual([]);
  });

  it('hold no text of the event', () => {
    const keys = indexKeys(
      event({ nativeId: 'ann@example.net', messageIdHeader: 'ann', recipient: 'ann' }),
      's',
    );
    for (const key of keys) expect(key).toMatch(/^[\w-]{22}$/u);
  });
});

describe('the rule index', () => {
  const rules = identityRules([HEADERS[0], 'index'], [HEADERS[1], 'index', 'native']);

  it('is a rule of either id, and uses the index', () => {
    expect([ruleError('index', 'deliveryId'), ruleError('index', 'messageId')]).toEqual([null, null]);
    expect(usesIndex(rules)).toBe(true);
    expect(usesIndex(identityRules(['index'], ['native']))).toBe(true);
    expect(usesIndex(identityRules([HEADERS[0]], ['native']))).toBe(false);
  });

  it('is asked where no rule before it answers', () => {
    expect(asksIndex(withIds, rules)).toBe(false);
    expect(asksIndex(event({ nativeId: 'q1' }), rules)).toBe(true);
    const half = event({ headers: new Map([['x-message-id', 'm-1']]) });
    expect(asksIndex(half, rules)).toBe(true);
    const nativeFirst = identityRules([HEADERS[0]], ['native', 'index']);
    expect(asksIndex(event({ nativeId: 'q1' }), nativeFirst)).toBe(false);
  });

  it('gives the ids that the index has, and is named for it', () => {
    expect(identify(event({ nativeId: 'q1' }), rules, { deliveryId: 'DM7', messageId: 'm-1' })).toEqual({
      ...{ deliveryId: 'DM7', messageId: 'm-1', rules: { deliveryId: 'index', messageId: 'index' } },
    });
  });

  it('leaves the answer to the rules after it where the index has none', () => {
    expect(
      identify(event({ nativeId: 'q1' }), identityRules(['index', 'default:d'], ['index', 'native'])),
    ).toEqual({
      ...{ deliveryId: 'd', messageId: 'q1', rules: { deliveryId: 'default:d', messageId: 'native' } },
    });
    expect(identify(event({ nativeId: 'q1' }), rules)).toEqual({
      missing: 'no deliveryId: tried header:X-Delivery-ID, index',
    });
  });
});
