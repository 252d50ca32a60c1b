import fc from 'fast-check';
import { MessageId } from '../../src/base/ids';
import { type MessageAggregate, VALIDITY_MAX_MS } from '../../src/status/message';
import { decodeMessage, decodeMessageId, encodeMessage, encodeMessageId } from '../../src/store/codec';
import { RUNS } from '../support/arbitrary';

const time = fc.integer({ min: Date.UTC(2000, 0, 1), max: Date.UTC(2100, 0, 1) - 1 });
const int32 = fc.oneof(fc.integer(), fc.constantFrom(-2_147_483_648, -1, 0, 2_147_483_647));
const reason = fc.constantFrom(0, 1, 2, 3, 4, 5, 9, 20);

const outcome = fc
  .record({
    rank: fc.constantFrom(0 as const, 1 as const, 2 as const),
    at: time,
    kind: fc.constantFrom(1 as const, 2 as const, 3 as const, 4 as const, 5 as const),
    bounceClass: fc.option(int32),
    reason,
  })
  .map((each) => (each.bounceClass === null ? { ...each, reason: 0 } : each));

const aggregates: fc.Arbitrary<MessageAggregate> = fc.record({
  relay: fc.record({
    rank: fc.constantFrom(0 as const, 1 as const, 2 as const),
    at: time,
    domainGroup: fc.integer({ min: 0, max: 255 }),
  }),
  saysEfs: fc.boolean(),
  saysRelay: fc.boolean(),
  validityMs: fc.oneof(fc.integer({ min: 0, max: VALIDITY_MAX_MS }), fc.constantFrom(0, VALIDITY_MAX_MS)),
  softBounce: fc.option(fc.record({ at: time, bounceClass: int32, reason })),
  outcome: fc.option(outcome),
});

const uuid = fc.uuid();
const sixteen = fc.string({ unit: 'binary-ascii', minLength: 16, maxLength: 16 });
const ids = fc
  .oneof(
    uuid,
    uuid.map((id) => id.toUpperCase()),
    sixteen,
    fc.string({ unit: 'grapheme', maxLength: 64 }),
  )
  .filter((id) => id.length >= 1 && id.length <= 128 && !/\p{Cc}/u.test(id))
  .map(MessageId);

describe('a stored aggregate', () => {
  it('comes back as it was, in 9 to 40 bytes', () => {
    fc.assert(
      fc.property(aggregates, (message) => {
        const bytes = encodeMessage(message);
        expect(decodeMessage(bytes)).toEqual(message);
        expect(bytes.length).toBeGreaterThanOrEqual(9);
        expect(bytes.length).toBeLessThanOrEqual(40);
      }),
      RUNS,
    );
  });

  it('is its own bytes, which the next one encoded does not overwrite', () => {
    fc.assert(
      fc.property(aggregates, aggregates, (one, other) => {
        const bytes = encodeMessage(one);
        encodeMessage(other);
        expect(decodeMessage(bytes)).toEqual(one);
      }),
    );
  });

  it('tells different aggregates apart', () => {
    fc.assert(
      fc.property(aggregates, aggregates, (one, other) => {
        const same = encodeMessage(one).equals(encodeMessage(other));
        expect(same).toBe(JSON.stringify(one) === JSON.stringify(other));
      }),
      RUNS,
    );
  });

  it('of another version is refused', () => {
    const bytes = encodeMessage(fc.sample(aggregates, 1)[0]!);
    bytes[0] = (2 << 4) | (bytes[0]! & 15);
    expect(() => decodeMessage(bytes)).toThrow('version 2');
    expect(() => decodeMessage(Buffer.alloc(0))).toThrow('empty');
  });
});

describe('a message id as a field', () => {
  it('comes back as it was', () => {
    fc.assert(
      fc.property(ids, (id) => {
        expect(decodeMessageId(encodeMessageId(id))).toBe(id);
      }),
      RUNS,
    );
  });

  it('takes 16 bytes where it is a lower-case UUID, and only there', () => {
    const id = '0f8fad5b-d9cb-469f-a165-70867728950e';
    expect(encodeMessageId(MessageId(id))).toHaveLength(16);
    expect(encodeMessageId(MessageId(id.toUpperCase()))).toHaveLength(36);
    expect(encodeMessageId(MessageId('sixteen bytes!!!'))).toHaveLength(17);
  });

  it('is shared by no two ids, not even by a UUID and the text of its 16 bytes', () => {
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
      fc.property(ids, ids, (one, other) => {
        expect(encodeMessageId(one).equals(encodeMessageId(other))).toBe(one === other);
      }),
      RUNS,
    );
  });
});
