import fc from 'fast-check';
import { InvariantError } from '../../src/base/assert';
import { MessageId } from '../../src/base/ids';
import { VALIDITY_MAX_MS } from '../../src/base/time';
import type { MessageAggregate } from '../../src/status/message';
import {
  asStoredNow,
  decodeMessage,
  decodeMessageId,
  encodeMessage,
  encodeMessageId,
} from '../../src/store/codec';
import { aggregates, messageIds } from '../support/aggregates';
import { RUNS } from '../support/arbitrary';
import { expectEqual } from '../support/equal';

function isRefused(bytes: Buffer): boolean {
  try {
    decodeMessage(bytes);
    return false;
  } catch (error) {
    if (error instanceof InvariantError) return true;
    throw error;
  }
}

const FORMER: MessageAggregate = {
  relay: { rank: 1, at: Date.UTC(2026, 10, 22, 3), domainGroup: 2 },
  named: 1,
  validityMs: 3_600_000,
  softBounce: { at: Date.UTC(2026, 10, 22, 4), bounceClass: 22, reason: 5 },
  outcome: { rank: 2, at: Date.UTC(2026, 10, 22, 5), kind: 5, bounceClass: -7, reason: 0 },
  complainedAt: null,
};
const WITHOUT_CLASS = {
  softBounce: null,
  outcome: { rank: 2, at: Date.UTC(2026, 10, 22, 5), kind: 5, bounceClass: null, reason: 0 },
} as const;
const RELAYED = { softBounce: null, outcome: null };

describe('a stored aggregate', () => {
  it('decodes to the encoded aggregate and takes 8 to 40 bytes', () => {
    fc.assert(
      fc.property(aggregates, (message) => {
        const bytes = encodeMessage(message);
        expectEqual(decodeMessage(bytes), message);
        expect(bytes.length).toBeGreaterThanOrEqual(8);
        expect(bytes.length).toBeLessThanOrEqual(40);
      }),
      RUNS,
    );
  });

  it('has a buffer of its own, which the next encoding does not overwrite', () => {
    fc.assert(
      fc.property(aggregates, aggregates, (one, other) => {
        const bytes = encodeMessage(one);
        encodeMessage(other);
        expectEqual(decodeMessage(bytes), one);
      }),
    );
  });

  it('has equal bytes only for equal aggregates', () => {
    fc.assert(
      fc.property(aggregates, aggregates, (one, other) => {
        const same = encodeMessage(one).equals(encodeMessage(other));
        expectEqual(same, JSON.stringify(one) === JSON.stringify(other));
      }),
      RUNS,
    );
  });

  it('of a delivered message takes 14 bytes: Redis allocates 16 for those, and more for 15', () => {
    const relay = { rank: 0, at: Date.UTC(2026, 10, 22, 3), domainGroup: 2 } as const;
    const outcome = {
      rank: 1,
      at: Date.UTC(2026, 10, 22, 4),
      kind: 1,
      bounceClass: null,
      reason: 0,
    } as const;
    const delivered = { relay, named: 1, validityMs: VALIDITY_MAX_MS, softBounce: null, complainedAt: null };
    expect(encodeMessage({ ...delivered, outcome })).toHaveLength(14);
  });

  it.each<[string, string, Partial<MessageAggregate>]>([
    ['all but a complaint', '1dd501a201323f80020036ee8001a201692e00000000160501a201a01c80fffffff900', {}],
    [
      'a complaint',
      '9dd501a201323f80020036ee8001a201692e00000000160501a201a01c80fffffff90001a201d70b00',
      { complainedAt: Date.UTC(2026, 10, 22, 6) },
    ],
    ['an outcome without a class', '195501a201323f80020036ee8001a201a01c80', WITHOUT_CLASS],
    ['a relay alone', '110101a201323f8002', { ...RELAYED, validityMs: VALIDITY_MAX_MS }],
  ])(
    'of version 0.1 is read as it was meant, and is stored now as an equal one is: %s',
    (_, hex, changed) => {
      const meant = { ...FORMER, ...changed };
      const former = Buffer.from(hex, 'hex');
      expectEqual(decodeMessage(former), meant);
      expectEqual(asStoredNow(former), encodeMessage(meant));
      expectEqual(asStoredNow(encodeMessage(meant)), encodeMessage(meant));
    },
  );

  it('is refused where it has another version or is empty', () => {
    const bytes = encodeMessage(fc.sample(aggregates, 1)[0]!);
    bytes[0] = (3 << 4) | (bytes[0]! & 15);
    expect(() => decodeMessage(bytes)).toThrow('version 3');
    expect(() => decodeMessage(Buffer.alloc(0))).toThrow('empty');
  });

  it.each<[string, (message: MessageAggregate) => Buffer]>([
    ['now', encodeMessage],
    [
      'by version 0.1',
      () => Buffer.from('1dd501a201323f80020036ee8001a201692e00000000160501a201a01c80fffffff900', 'hex'),
    ],
  ])('is refused where it is shorter or longer than it says: stored %s', (_, stored) => {
    fc.assert(
      fc.property(aggregates, (message) => {
        const bytes = stored(message);
        const longer = Buffer.concat([bytes, Buffer.alloc(1)]);
        for (let length = 2; length <= longer.length; length += 1)
          expectEqual(isRefused(longer.subarray(0, length)), length !== bytes.length);
      }),
      { numRuns: 20 },
    );
  });
});

describe('a message id as a field', () => {
  it('decodes to the encoded id', () => {
    fc.assert(
      fc.property(messageIds, (id) => {
        expectEqual(decodeMessageId(encodeMessageId(id)), id);
      }),
      RUNS,
    );
  });

  it('takes 16 bytes only where it is a lower-case UUID', () => {
    const id = '0f8fad5b-d9cb-469f-a165-70867728950e';
    expect(encodeMessageId(MessageId(id))).toHaveLength(16);
    expect(encodeMessageId(MessageId(id.toUpperCase()))).toHaveLength(36);
    expect(encodeMessageId(MessageId('sixteen bytes!!!'))).toHaveLength(17);
  });

  it('differs between any two ids, even between a UUID and the text of its 16 bytes', () => {
    const text = 'ABCDEFGHIJKLMNOP';
    const hex = Buffer.from(text).toString('hex');
    const twin = [
      hex.slice(0, 8),
      hex.slice(8, 12),
      hex.slice(12, 16),
      hex.slice(16, 20),
      hex.slice(20),
    ].join('-');
    expect(encodeMessageId(MessageId(twin)).equals(Buffer.from(text))).toBe(true);
    expect(encodeMessageId(MessageId(text)).equals(Buffer.from(text))).toBe(false);
    fc.assert(
      fc.property(messageIds, messageIds, (one, other) => {
        expectEqual(encodeMessageId(one).equals(encodeMessageId(other)), one === other);
      }),
      RUNS,
    );
  });
});
