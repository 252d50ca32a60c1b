import { createHash } from 'node:crypto';
import fc from 'fast-check';
import type { DeadLetterReason } from '../../src/feedback/decode';
import type { Feedback } from '../../src/feedback/feedback';
import { SCHEMAS } from '../../src/feedback/schemas';
import { FEEDBACK_TOPICS } from '../../src/feedback/topics';
import { wireEncoder } from '../../src/feedback/encode';
import { messages } from '../../src/simulation/campaign';
import { dice } from '../../src/simulation/dice';
import { messageHistory, ORDINARY } from '../../src/simulation/message-history';
import { feedback, ORDINARY_TRAFFIC, traffic, type TrafficOptions } from '../../src/simulation/traffic';
import type { TrafficRecord } from '../../src/simulation/record';

const IDS = {
  Relayed: 11,
  Delivered: 12,
  HardBounced: 13,
  SoftBounced: 14,
  RetryOutcome: 15,
  Complained: 16,
};
const encode = wireEncoder(IDS);

const generate = (options: Partial<TrafficOptions> = {}): TrafficRecord[] => [
  ...traffic({ ...ORDINARY_TRAFFIC, messages: 3000, ...options }, encode),
];

const identity = ({ topic, key, value, misplaced }: TrafficRecord): string =>
  [topic, key?.toString('latin1'), value?.toString('latin1'), misplaced].join('|');

function digest(records: readonly TrafficRecord[]): string {
  const hash = createHash('sha256');
  for (const each of records) hash.update(identity(each)).update('\n');
  return hash.digest('hex');
}

const faults = { disorder: 0.3, duplicates: 0.1, poison: 0.05 };

describe('a seed', () => {
  test('gives the same records each time, with all faults on', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER }), (seed) => {
        const options = { ...faults, seed, messages: 200 };
        expect(digest(generate(options))).toBe(digest(generate(options)));
      }),
      { numRuns: 10 },
    );
  });

  test('beyond 32 bits gives different records for different high bits', () => {
    expect(digest(generate({ seed: 5 }))).not.toBe(digest(generate({ seed: 5 + 2 ** 40 })));
  });
});

describe('a record', () => {
  test('has its message as key, the topic of its kind and the wire format', () => {
    for (const { topic, key, value, feedback: expected } of generate({ messages: 500 })) {
      const { kind } = FEEDBACK_TOPICS[topic] as (typeof FEEDBACK_TOPICS)[number];
      expect(expected?.kind).toBe(kind);
      expect(key?.toString()).toBe(expected?.messageId);
      expect([value?.[0], value?.readInt32BE(1)]).toEqual([0, IDS[kind]]);
      const { kind: _, ...fields } = expected as Feedback;
      expect(fields).toMatchObject({ ...SCHEMAS[kind].type.fromBuffer((value as Buffer).subarray(5)) });
    }
  });

  test('has a random UUID, unique per message, as messageId', () => {
    const ids = new Set(generate().map((each) => String(each.feedback?.messageId)));
    expect(ids.size).toBe(3000);
    for (const id of ids)
      expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  });
});

describe('the feedback', () => {
  const all = [...feedback({ ...ORDINARY_TRAFFIC, messages: 40_000 })];
  const share = (choose: (each: Feedback) => boolean): number => all.filter(choose).length / 40_000;

  test('is in the order of event time, and nearly every message begins with its relay', () => {
    const seen = new Set<string>();
    let lost = 0;
    let early = 0;
    for (const [i, each] of all.entries()) {
      if (each.occurredAt < (all[i - 1]?.occurredAt ?? 0)) early += 1;
      if (!seen.has(each.messageId) && each.kind !== 'Relayed') lost += 1;
      seen.add(each.messageId);
    }
    expect(early).toBe(0);
    expect(lost / 40_000).toBeLessThan(0.003);
  });

  test('has realistic shares of deliveries, bounces, retries, replies and unknown classes', () => {
    expect(share((each) => each.kind === 'Delivered')).toBeCloseTo(0.9, 1);
    expect(share((each) => each.kind === 'HardBounced' && each.source === 'SYNC')).toBeCloseTo(0.035, 2);
    expect(share((each) => each.kind === 'SoftBounced' && each.source === 'SYNC')).toBeCloseTo(0.12, 1);
    const some = (kinds: readonly Feedback['kind'][], classes: readonly number[]): boolean =>
      all.some(
        (each) =>
          kinds.includes(each.kind) && 'bounceClass' in each && classes.includes(Number(each.bounceClass)),
      );
    expect(some(['SoftBounced'], [60])).toBe(true);
    expect(some(['HardBounced'], [90])).toBe(true);
    expect(some(['HardBounced'], [77])).toBe(true);
    for (const result of ['SUCCEEDED', 'FAILED', 'EXPIRED']) {
      expect(share((each) => each.kind === 'RetryOutcome' && each.outcome === result)).toBeGreaterThan(0.003);
    }
    expect(share((each) => each.kind === 'HardBounced' && each.source === 'ASYNC')).toBeGreaterThan(0.005);
  });

  test('has complaints about few of the delivered messages, hours to days later', () => {
    const complained = all.filter((each) => each.kind === 'Complained');
    expect(complained.length / 36_000).toBeCloseTo(0.002, 3);
    const delivered = new Map(
      all.filter(({ kind }) => kind === 'Delivered').map((each) => [each.messageId, each]),
    );
    for (const { messageId, occurredAt } of complained) {
      const after = occurredAt - (delivered.get(messageId)?.occurredAt ?? Infinity);
      expect(after).toBeGreaterThanOrEqual(3_600_000);
      expect(after).toBeLessThanOrEqual(72 * 3_600_000);
    }
    expect(complained.map(({ feedbackType }) => feedbackType)).toContain('abuse');
  });

  test('is the same but for the complaints, however these are drawn', () => {
    const source = (complaints: number) => ({ outcomes: dice(7, 2), complaints: dice(7, complaints) });
    const others = (complaints: number): Feedback[] =>
      [...messages(dice(7, 1), { ...ORDINARY_TRAFFIC, messages: 500 })].flatMap((message) =>
        messageHistory(source(complaints), message, { ...ORDINARY, complaints: 0.5 }).filter(
          ({ kind }) => kind !== 'Complained',
        ),
      );
    expect(others(6)).toEqual(others(8));
  });

  test('has deliveries of skewed size, each within 2 % of its announced size', () => {
    const sizes = new Map<string, number>();
    const announced = new Map<string, number | null>();
    for (const each of all) {
      if (each.kind !== 'Relayed') continue;
      sizes.set(each.deliveryId, (sizes.get(each.deliveryId) ?? 0) + 1);
      announced.set(each.deliveryId, each.deliverySize);
    }
    const counts = [...sizes.values()].sort((a, b) => b - a);
    expect(counts).toHaveLength(20);
    expect((counts[0] ?? 0) / (counts[9] ?? 1)).toBeGreaterThan(5);
    for (const [id, size] of sizes) expect(Math.abs(size / (announced.get(id) ?? 0) - 1)).toBeLessThan(0.02);
  });

  test('has policies by the mix, and one policy per delivery', () => {
    const policies = (policyMix: { efs: number; relay: number }): Set<unknown> =>
      new Set(
        [...feedback({ ...ORDINARY_TRAFFIC, policyMix })].map(
          (each) => each.kind === 'Relayed' && each.policy,
        ),
      );
    expect(policies({ efs: 1, relay: 0 })).toEqual(new Set([false, 'EFS']));
    expect(policies({ efs: 0, relay: 1 })).toEqual(new Set([false, 'RELAY']));
    expect(policies({ efs: 0, relay: 0 })).toEqual(new Set([false, null]));
    const byDelivery = new Map<string, Set<unknown>>();
    for (const each of all) {
      if (each.kind !== 'Relayed') continue;
      byDelivery.set(each.deliveryId, (byDelivery.get(each.deliveryId) ?? new Set()).add(each.policy));
    }
    expect([...byDelivery.values()].every((set) => set.size === 1)).toBe(true);
  });

  test('has all but at most three messages, for any number of deliveries and messages', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 60 }),
        fc.integer({ min: 1, max: 200 }),
        (deliveries, messages) => {
          const events = [...feedback({ ...ORDINARY_TRAFFIC, deliveries, messages })];
          const ids = new Set(events.map((each) => each.messageId));
          expect(ids.size).toBeGreaterThanOrEqual(messages - 3);
          expect(ids.size).toBeLessThanOrEqual(messages);
          if (messages >= deliveries * 20)
            expect(new Set(events.map((each) => each.deliveryId)).size).toBe(deliveries);
        },
      ),
    );
  });
});

describe('faults', () => {
  const clean = generate();

  test('disorder reorders the same records, further with a higher share', () => {
    const place = new Map(clean.map((each, i) => [identity(each), i]));
    const moved = (disorder: number): number => {
      const records = generate({ disorder });
      expect(records.map(identity).sort()).toEqual(clean.map(identity).sort());
      const distances = records.map((each, i) => Math.abs(i - (place.get(identity(each)) ?? NaN)));
      return distances.reduce((sum, distance) => sum + distance, 0) / distances.length;
    };
    expect(moved(0)).toBe(0);
    const [little, much] = [moved(0.01), moved(0.2)];
    expect(little).toBeGreaterThan(20);
    expect(much).toBeGreaterThan(5 * little);
  });

  test('duplicates repeat records byte for byte, in the requested share, half of them at once', () => {
    const records = generate({ duplicates: 0.2 });
    expect(new Set(records.map(identity))).toEqual(new Set(clean.map(identity)));
    const again = records.length - clean.length;
    expect(again / clean.length).toBeCloseTo(0.2, 1);
    const atOnce = records.filter(
      (each, i) => i > 0 && identity(each) === identity(records[i - 1] as TrafficRecord),
    );
    expect(atOnce.length / again).toBeGreaterThan(0.4);
    expect(atOnce.length / again).toBeLessThan(0.6);
  });

  test('poison adds records for every reason, in the requested share, and keeps the valid ones', () => {
    const records = generate({ poison: 0.1 });
    expect(records.filter((each) => each.poison === null).map(identity)).toEqual(clean.map(identity));
    expect((records.length - clean.length) / clean.length).toBeCloseTo(0.1, 1);
    const reasons: Record<Exclude<DeadLetterReason, 'retired-delivery' | 'batch-unreadable'>, true> = {
      'no-value': true,
      'too-large': true,
      'not-avro': true,
      'unknown-schema': true,
      'wrong-record': true,
      'invalid-field': true,
      'key-mismatch': true,
      'wrong-partition': true,
    };
    const few = generate({ messages: 200, poison: 0.1 }).flatMap((each) => each.poison ?? []);
    expect(new Set(few)).toEqual(new Set(Object.keys(reasons)));
  });
});
