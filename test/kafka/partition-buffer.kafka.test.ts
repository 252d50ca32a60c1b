import { createHash } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { contributionDecoder, feedbackDecoder } from '../../src/feedback/decode';
import { readDeadLetter } from '../../src/feedback/dead-letter';
import { FEEDBACK_TOPICS } from '../../src/feedback/topics';
import { memoryRegistry } from '../../src/avro/registry.memory';
import { systemClock } from '../../src/base/clock';
import { loadCodec } from '../../src/kafka/codecs.kafka';
import { readBatches } from '../../src/kafka/fetch.kafka';
import { partitionBuffer } from '../../src/kafka/partition-buffer.kafka';
import { deadLetter } from '../../src/pipeline/dead-letter';
import { batchOf, ORIGIN, sealed, storedAs } from './batches';

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

const open = (until?: () => number[], positions: readonly number[] = [0, 0]) =>
  partitionBuffer({
    topics: TOPICS,
    partition: 0,
    positions,
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
            buffer.targets[topic]?.deliver(readBatches(bytes, [], ORIGIN), end, 0);
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
          buffer.targets[topic]?.deliver(readBatches(bytes, [], ORIGIN), end, 0);
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

describe('a batch that cannot be read', () => {
  const MIB = 1 << 20;
  beforeAll(() => loadCodec('gzip'));

  /** Moves a batch to another offset. */
  const at = (offset: number, batch: Buffer): Buffer => {
    const moved = Buffer.from(batch);
    moved.writeBigInt64BE(BigInt(offset), 0);
    return moved;
  };
  const good = (offset: number): Buffer => batchOf(offset, 1, undefined, ['a', 'b']);
  const bomb = (): Buffer => storedAs('gzip', gzipSync(Buffer.alloc(16 * MIB)), 3);
  const corrupt = (): Buffer => {
    const batch = storedAs('gzip', gzipSync(Buffer.alloc(500)), 3);
    batch.writeUInt8(batch.readUInt8(70) ^ 1, 70);
    return batch;
  };
  const torn = (): Buffer => storedAs('gzip', gzipSync(Buffer.alloc(500)).subarray(0, 12), 3);
  const unknown = (): Buffer => {
    const batch = storedAs('off', Buffer.alloc(9), 3);
    batch.writeInt16BE(6, 21);
    return sealed(batch);
  };

  /** A buffer that holds these batches of the first topic. */
  const holding = (bytes: Buffer, end: number, positions = [0, 0]) => {
    const buffer = open(undefined, positions);
    buffer.targets[0]?.deliver(readBatches(bytes, [], { ...ORIGIN, end, maxBatchBytes: MIB }), end, 0);
    buffer.targets[1]?.deliver([], 0, 0);
    return buffer;
  };

  test.each([
    ['that is a decompression bomb', bomb, 'it holds more than 1048576 bytes'],
    ['that is corrupt', corrupt, 'its checksum does not match'],
    ['that is torn', torn, 'unexpected end of file'],
    ['of an unknown codec', unknown, 'its codec is unknown'],
  ])('%s is passed over: one unreadable record stands for all of its records', (_, make, why) => {
    const bytes = make();
    const buffer = holding(Buffer.concat([good(0), at(2, bytes), good(5)]), 7);
    const { records, next } = buffer.take(100);
    const rest = buffer.take(100);
    expect([...records, ...rest.records].map(({ offset }) => offset)).toEqual([0, 1, 2, 5, 6]);
    expect(next[0]).toBeGreaterThanOrEqual(5);
    expect(rest.next).toEqual([7, 0]);
    expect(buffer.caughtUp()).toBe(true);
    expect(records[2]?.unreadable).toContain('offsets 2 to 4, 3 records');
    expect(records[2]?.unreadable).toContain(why);
    expect(records[2]?.value?.equals(at(2, bytes))).toBe(true);
  });

  test('is opened once, and no second one in the same take: time and memory stay bounded', () => {
    const one = bomb();
    const batches = Array.from({ length: 4 }, (_, index) => at(3 * index, one));
    const buffer = holding(Buffer.concat(batches), 12);
    const before = process.memoryUsage().rss;
    for (const offset of [0, 3, 6, 9]) {
      const { records, next } = buffer.take(1_000);
      expect(records.map((record) => record.offset)).toEqual([offset]);
      expect(next).toEqual([offset + 3, 0]);
    }
    expect(buffer.take(1_000).records).toEqual([]);
    expect(process.memoryUsage().rss - before).toBeLessThan(16 * MIB);
  });

  test('from a broken record on stands for the records from there; those before are given', () => {
    const batch = batchOf(0, 1, undefined, ['first', 'second', 'third']);
    batch[batch.indexOf('second') - 1] = 0x7e; // the length of the second value
    for (const [position, given] of [
      [0, [0, 1]],
      [1, [1]],
    ] as const) {
      const { records, next } = holding(sealed(batch), 3, [position, 0]).take(9);
      expect(records.map(({ offset }) => offset)).toEqual(given);
      expect(records.at(-1)?.unreadable).toMatch(/^offsets 1 to 2, 2 records/);
      expect(next).toEqual([3, 0]);
    }
  });

  test('fails by name where its header claims offsets of the next batch, or behind the end of the log', () => {
    for (const bytes of [Buffer.concat([corrupt(), good(2)]), corrupt()])
      expect(() => holding(bytes, 2).take(9)).toThrow(expect.objectContaining({ code: 'batch-unreadable' }));
  });

  const options = {
    registry: memoryRegistry(),
    clock: systemClock,
    limits: { maxValueBytes: 1_000, maxHeaders: 10 },
  };

  test('becomes one dead letter that names offsets, codec and cause, and holds its bytes', async () => {
    const noise = Buffer.alloc(4 << 20);
    for (let index = 0; index < noise.length; index += 1) noise[index] = (index * index) % 251;
    const bytes = storedAs('gzip', noise, 3);
    const { records } = holding(bytes, 3).take(9);
    const decode = feedbackDecoder({
      ...options,
      topics: FEEDBACK_TOPICS,
      partitioner: 'murmur2',
      partitions: 1,
    });
    const { inputs, rejected } = await decode(records);
    expect([inputs.length, rejected.length]).toEqual([0, 1]);
    const letter = deadLetter(rejected[0]!, ['mta.relayed']);
    const headers = letter.headers ?? [];
    const read = readDeadLetter({
      ...letter,
      topic: 0,
      offset: 0,
      timestamp: 0,
      headerCount: headers.length,
      headers: () => headers,
    });
    expect(read).toMatchObject({
      reason: 'batch-unreadable',
      detail: expect.stringMatching(
        /^offsets 0 to 2, 3 records: .* compressed with gzip, cannot be read: /,
      ) as string,
      origin: { topic: 'mta.relayed', partition: 0, offset: 0 },
      isWhole: false,
      valueBytes: bytes.length,
    });
    expect(letter.value?.equals(bytes.subarray(0, 3 << 20))).toBe(true);
    expect(String(headers.at(-1)?.value)).toBe(createHash('sha256').update(bytes).digest('hex'));
    // A small one is whole, and yet no record to put back.
    const small = deadLetter({ ...rejected[0]!, record: { ...rejected[0]!.record, value: torn() } }, [
      'mta.relayed',
    ]);
    expect(
      readDeadLetter({
        ...small,
        topic: 0,
        offset: 0,
        timestamp: 0,
        headerCount: 7,
        headers: () => small.headers ?? [],
      }),
    ).toMatchObject({ isWhole: false });
  });

  test('of the service’s own contributions fails by name: none may be left out', async () => {
    const { records } = holding(torn(), 3).take(9);
    await expect(contributionDecoder(options)(records)).rejects.toMatchObject({ code: 'batch-unreadable' });
  });
});
