import fc from 'fast-check';
import { readBatches } from '../../src/kafka/fetch.kafka';
import { partitionBuffer } from '../../src/kafka/partition-buffer.kafka';
import { batchOf, ORIGIN } from './batches';

const TOPICS = ['first', 'second'];

/** The batches of one topic's log by their number of records; 0 is a marker. */
const logArbitrary = fc.array(fc.nat({ max: 3 }), { maxLength: 8 });

/** The batches' bytes, the offsets of their records, and the end offset. */
function logOf(counts: readonly number[]) {
  const batches: Buffer[] = [];
  const offsets: number[] = [];
  let end = 0;
  for (const count of counts) {
    const values = Array.from({ length: count }, (_, index) => String(end + index));
    batches.push(count === 0 ? batchOf(end, 1, 'commit') : batchOf(end, 1, undefined, values));
    offsets.push(...values.map(Number));
    end += Math.max(1, count);
  }
  return { bytes: Buffer.concat(batches), offsets, end };
}

const open = (until?: () => number[]) =>
  partitionBuffer({
    topics: TOPICS,
    partition: 0,
    positions: [0, 0],
    limits: { records: 1_000, bytes: 1 << 20, bytesInAll: 1 << 20 },
    held: { bytes: 0 },
    until,
    onArrival: () => undefined,
    onRoom: () => undefined,
  });

describe('a partition buffer', () => {
  test('its position never passes a record that it has not given, also with markers behind it', () => {
    fc.assert(
      fc.property(
        fc.tuple(logArbitrary, logArbitrary),
        fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 1, maxLength: 8 }),
        fc.option(fc.tuple(fc.nat({ max: 20 }), fc.nat({ max: 20 })), { nil: undefined }),
        (counts, takes, limits) => {
          const logs = counts.map(logOf);
          const buffer = open(limits && (() => limits));
          for (const [topic, { bytes, end }] of logs.entries()) {
            buffer.targets[topic]?.deliver(readBatches(bytes, [], ORIGIN), end);
          }
          const given = [new Set<number>(), new Set<number>()];
          for (const max of takes) {
            const { records, next } = buffer.take(max);
            for (const { topic, offset } of records) given[topic]?.add(offset);
            for (const [topic, { offsets, end }] of logs.entries()) {
              const waiting = offsets.find((offset) => given[topic]?.has(offset) !== true) ?? end;
              expect(next[topic]).toBeLessThanOrEqual(Math.min(waiting, Math.max(limits?.[topic] ?? end, 0)));
              for (const offset of given[topic] ?? []) expect(next[topic]).toBeGreaterThan(offset);
            }
          }
        },
      ),
    );
  });

  test('it gives every record once, in the order of each topic’s log, and is then caught up', () => {
    fc.assert(
      fc.property(fc.tuple(logArbitrary, logArbitrary), fc.integer({ min: 1, max: 5 }), (counts, max) => {
        const logs = counts.map(logOf);
        const buffer = open();
        for (const [topic, { bytes, end }] of logs.entries()) {
          buffer.targets[topic]?.deliver(readBatches(bytes, [], ORIGIN), end);
        }
        const given: number[][] = [[], []];
        while (buffer.pending()) {
          for (const { topic, offset } of buffer.take(max).records) given[topic]?.push(offset);
        }
        expect(given).toEqual(logs.map(({ offsets }) => offsets));
        expect(buffer.caughtUp()).toBe(true);
      }),
    );
  });
});
