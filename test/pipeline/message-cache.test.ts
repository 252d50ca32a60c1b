import * as fc from 'fast-check';
import { DeliveryId, MessageId } from '../../src/base/ids';
import { type CachedMessages, messageCache } from '../../src/pipeline/message-cache';
import type { MessageAggregate } from '../../src/status/message';
import { encodeMessage, encodeMessageId } from '../../src/store/codec';
import { aggregates } from '../support/aggregates';

const ONE = DeliveryId('one');
const [SOME, OTHER] = fc.sample(aggregates, { numRuns: 2, seed: 1 }) as [MessageAggregate, MessageAggregate];
const uuid = (number: number): string => `00000000-0000-4000-8000-${String(number).padStart(12, '0')}`;

function put(cached: CachedMessages, id: string, message: MessageAggregate): void {
  const field = encodeMessageId(MessageId(id));
  const value = encodeMessage(message);
  const bytes = Buffer.concat([field, value]);
  cached.put(cached.hashOf(field, 0, field.length), bytes, 0, field.length, field.length, bytes.length);
}

function get(cached: CachedMessages, id: string): MessageAggregate | null | undefined {
  const field = encodeMessageId(MessageId(id));
  return cached.get(cached.hashOf(field, 0, field.length), field, 0, field.length);
}

describe('a cache of messages', () => {
  it('gives what was put last', () => {
    const cached = messageCache().of(ONE, false);
    put(cached, uuid(1), SOME);
    put(cached, uuid(2), SOME);
    put(cached, uuid(1), OTHER);
    expect(get(cached, uuid(1))).toEqual(OTHER);
    expect(get(cached, uuid(2))).toEqual(SOME);
  });

  it('does not know the other messages of a delivery that had feedback before', () => {
    const cached = messageCache().of(ONE, false);
    put(cached, uuid(1), SOME);
    expect(get(cached, uuid(2))).toBeUndefined();
  });

  it('knows that the other messages of a new delivery are not stored', () => {
    const messages = messageCache();
    put(messages.of(ONE, true), uuid(1), SOME);
    expect(get(messages.of(ONE, false), uuid(2))).toBeNull();
    expect(get(messages.of(ONE, false), uuid(1))).toEqual(SOME);
  });

  it('keeps the messages of deliveries apart, also those with the same id', () => {
    const messages = messageCache();
    put(messages.of(ONE, true), uuid(1), SOME);
    expect(get(messages.of(DeliveryId('two'), true), uuid(1))).toBeNull();
    expect(get(messages.of(DeliveryId('three'), false), uuid(1))).toBeUndefined();
  });

  it('knows nothing of a delivery that was dropped', () => {
    const messages = messageCache();
    put(messages.of(ONE, true), uuid(1), SOME);
    messages.drop(ONE);
    expect(get(messages.of(ONE, false), uuid(1))).toBeUndefined();
    expect(get(messages.of(ONE, false), uuid(2))).toBeUndefined();
  });

  it('knows twenty thousand messages of a new delivery, and of nearly all others that they are not stored', () => {
    const cached = messageCache().of(ONE, true);
    const count = 20_000;
    for (let number = 0; number < count; number += 1) put(cached, uuid(number), SOME);
    let [known, absent] = [0, 0];
    for (let number = 0; number < count; number += 1) {
      if (get(cached, uuid(number)) !== undefined) known += 1;
      if (get(cached, uuid(count + number)) === null) absent += 1;
    }
    expect(known).toBeGreaterThan(0.9 * count);
    expect(absent).toBeGreaterThan(0.999 * count);
  });

  it('never gives another value than the last, nor says that a stored message is not, whatever it forgets', () => {
    const id = fc.oneof(
      fc.integer({ min: 0, max: 40 }).map(uuid),
      fc.string({ minLength: 1, maxLength: 128 }),
    );
    const step = fc.record({ delivery: fc.constantFrom('one', 'two', 'three'), id, message: aggregates });
    const sizes = fc.record({
      messages: fc.constantFrom(512, 1024, 4096),
      slots: fc.constantFrom(2, 8, 64),
      hashes: fc.constantFrom(8, 64, 512),
    });
    fc.assert(
      fc.property(sizes, fc.array(step, { maxLength: 120 }), (size, steps) => {
        const messages = messageCache(size);
        const stored = new Map<string, Map<string, MessageAggregate>>();
        for (const { delivery, id, message } of steps) {
          const known = stored.get(delivery);
          const cached = messages.of(DeliveryId(delivery), known === undefined);
          const own = known ?? new Map<string, MessageAggregate>();
          for (const each of [id, ...own.keys()]) {
            const found = get(cached, each);
            if (found !== undefined) expect(found).toEqual(own.get(each) ?? null);
          }
          put(cached, id, message);
          stored.set(delivery, own.set(id, message));
        }
      }),
      { numRuns: 100 },
    );
  });
});
