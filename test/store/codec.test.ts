import fc from 'fast-check';
import { InvariantError } from '../../src/base/assert';
import { MessageId } from '../../src/base/ids';
import { decodeMessage, decodeMessageId, encodeMessage, encodeMessageId } from '../../src/store/codec';
import { aggregates, messageIds } from '../support/aggregates';
import { RUNS } from '../support/arbitrary';

describe('a stored aggregate', () => {
  it('decodes to the encoded aggregate and takes 9 to 41 bytes', () => {
    fc.assert(
      fc.property(aggregates, (message) => {
        const bytes = encodeMessage(message);
        expect(decodeMessage(bytes)).toEqual(message);
        expect(bytes.length).toBeGreaterThanOrEqual(9);
        expect(bytes.length).toBeLessThanOrEqual(41);
      }),
      RUNS,
    );
  });

  it('has a buffer of its own, which the next encoding does not overwrite', () => {
    fc.assert(
      fc.property(aggregates, aggregates, (one, other) => {
        const bytes = encodeMessage(one);
        encodeMessage(other);
        expect(decodeMessage(bytes)).toEqual(one);
      }),
    );
  });

  it('has equal bytes only for equal aggregates', () => {
    fc.assert(
      fc.property(aggregates, aggregates, (one, other) => {
        const same = encodeMessage(one).equals(encodeMessage(other));
        expect(same).toBe(JSON.stringify(one) === JSON.stringify(other));
      }),
      RUNS,
    );
  });

  it('without a complaint is the bytes of before there were complaints', () => {
    const before = {
      relay: { rank: 1, at: Date.UTC(2026, 10, 22, 3), domainGroup: 2 },
      named: 1,
      validityMs: 3_600_000,
      softBounce: { at: Date.UTC(2026, 10, 22, 4), bounceClass: 22, reason: 5 },
      outcome: { rank: 2, at: Date.UTC(2026, 10, 22, 5), kind: 5, bounceClass: -7, reason: 0 },
      complainedAt: null,
    } as const;
    const hex = encodeMessage(before).toString('hex');
    expect(hex).toBe('1dd501a201323f80020036ee8001a201692e00000000160501a201a01c80fffffff900');
    const complained = encodeMessage({ ...before, complainedAt: Date.UTC(2026, 10, 22, 6) });
    expect(complained[0]).toBe(128 | parseInt(hex.slice(0, 2), 16));
    expect(complained.subarray(1, -6).toString('hex')).toBe(hex.slice(2));
  });

  it('is refused where it has another version or is empty', () => {
    const bytes = encodeMessage(fc.sample(aggregates, 1)[0]!);
    bytes[0] = (2 << 4) | (bytes[0]! & 15);
    expect(() => decodeMessage(bytes)).toThrow('version 2');
    expect(() => decodeMessage(Buffer.alloc(0))).toThrow('empty');
  });

  it('is refused where it is shorter or longer than it says', () => {
    fc.assert(
      fc.property(aggregates, (message) => {
        const bytes = encodeMessage(message);
        for (let length = 2; length < bytes.length; length += 1)
          expect(() => decodeMessage(bytes.subarray(0, length))).toThrow(InvariantError);
        expect(() => decodeMessage(Buffer.concat([bytes, Buffer.alloc(1)]))).toThrow(InvariantError);
      }),
      { numRuns: 20 },
    );
  });
});

describe('a message id as a field', () => {
  it('decodes to the encoded id', () => {
    fc.assert(
      fc.property(messageIds, (id) => {
        expect(decodeMessageId(encodeMessageId(id))).toBe(id);
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
        expect(encodeMessageId(one).equals(encodeMessageId(other))).toBe(one === other);
      }),
      RUNS,
    );
  });
});
