import fc from 'fast-check';
import Decoder from 'kafkajs/src/protocol/decoder';
import Record from 'kafkajs/src/protocol/recordBatch/record/v0';
import { RecordBatch as encodeWithKafkajs } from 'kafkajs/src/protocol/recordBatch/v0';
import decodeWithKafkajs from 'kafkajs/src/protocol/recordBatch/v0/decoder';
import { CODECS, loadCodec } from '../../src/kafka/codecs.kafka';
import { readBatches } from '../../src/kafka/fetch.kafka';
import { readRecords } from '../../src/kafka/records.kafka';
import type { LogRecord, RecordHeader } from '../../src/log/source';
import { encodeBatch } from '../../src/kafka/encode.kafka';
import type { OutgoingRecord } from '../../src/log/sink';
import { batchOf, ORIGIN, sealed } from './batches';
import { expectEqual } from '../support/equal';

const bytes = fc.uint8Array({ maxLength: 300 }).map((array) => Buffer.from(array));
const stamp = fc.integer({ min: 0, max: 4_102_444_800_000 });
/** Objects like those that are read: `expectEqual` is quick where prototypes agree, too. */
const USUAL = { noNullPrototype: true };
const recordArbitrary = fc.record(
  {
    key: fc.option(bytes),
    value: fc.option(bytes),
    timestamp: stamp,
    headers: fc.array(fc.record({ name: bytes, value: fc.option(bytes) }, USUAL), { maxLength: 4 }),
  },
  USUAL,
);
/** Any code point but half a surrogate pair. fast-check's own `binary` first makes a table of all of them. */
const codePoint = fc
  .nat(0x10_ffff - 0x800)
  .map((nth) => String.fromCodePoint(nth < 0xd800 ? nth : nth + 0x800));
const recordsArbitrary = fc.array(recordArbitrary, { minLength: 1, maxLength: 20 });

const outgoing = (record: Omit<OutgoingRecord, 'topic' | 'partition'>): OutgoingRecord => ({
  topic: 't',
  partition: 0,
  ...record,
});

beforeAll(() => Promise.all(CODECS.map(loadCodec)));

function readAll(batchBytes: Buffer, from = 0): LogRecord[] {
  const records: LogRecord[] = [];
  for (const batch of readBatches(batchBytes, [], ORIGIN)) {
    const reader = readRecords(batch, 3, 7, from);
    for (let record = reader.next(); record !== null; record = reader.next()) records.push(record);
  }
  return records;
}

const content = ({ offset, timestamp, key, value, headerCount, headers }: LogRecord) => ({
  offset,
  timestamp,
  key,
  value,
  headerCount,
  headers: headers(),
});

describe('a record batch', () => {
  test.each(CODECS)('encoded with codec %s is decoded to the same records, byte for byte', (codec) => {
    fc.assert(
      fc.property(recordsArbitrary, (records) => {
        const read = readAll(encodeBatch(records.map(outgoing), 5, codec));
        expectEqual(
          read.map(content),
          records.map((record, offset) => ({ ...record, offset, headerCount: record.headers.length })),
        );
      }),
    );
  });

  test('encoded by this service is decoded to the same records by kafkajs', async () => {
    await fc.assert(
      fc.asyncProperty(recordsArbitrary, async (records) => {
        const { records: read } = await decodeWithKafkajs(new Decoder(encodeBatch(records.map(outgoing), 5)));
        expectEqual(
          read.map(({ key, value, timestamp }) => ({ key, value, timestamp: Number(timestamp) })),
          records.map(({ key, value, timestamp }) => ({ key, value, timestamp })),
        );
      }),
    );
  });

  test.each([0, 1])(
    'encoded by kafkajs, codec %i, is decoded to the same records as by kafkajs',
    async (compression) => {
      // kafkajs confuses headers named like Object.prototype's properties with those: the names avoid them.
      const name = fc.string({ minLength: 1, unit: codePoint }).map((end) => `h${end}`);
      const named = fc.uniqueArray(fc.record({ name, value: bytes }), {
        selector: ({ name }) => name,
        maxLength: 4,
      });
      const kafkajsRecord = fc.record({
        key: fc.option(bytes),
        value: fc.option(bytes),
        timestampDelta: fc.integer({ min: -(2 ** 40), max: 2 ** 40 }),
        headers: named,
      });
      await fc.assert(
        fc.asyncProperty(fc.array(kafkajsRecord, { minLength: 1, maxLength: 9 }), async (records) => {
          const encoded = records.map(({ headers, ...record }, offsetDelta) =>
            Record({
              ...record,
              offsetDelta,
              headers: Object.fromEntries(headers.map(({ name, value }) => [name, value])),
            }),
          );
          const batch = await encodeWithKafkajs({
            compression,
            records: encoded,
            firstOffset: '9007199254740000',
            firstTimestamp: 2 ** 41,
            lastOffsetDelta: records.length - 1,
          });
          const theirs = await decodeWithKafkajs(new Decoder(batch.buffer));
          const ours = readAll(batch.buffer);
          expectEqual(
            ours.map(({ key, value, offset, timestamp, headers }) => ({
              key,
              value,
              offset: String(offset),
              timestamp: String(timestamp),
              headers: Object.fromEntries(headers().map((header) => [header.name.toString(), header.value])),
            })),
            theirs.records.map(({ key, value, offset, timestamp, headers }) => ({
              key,
              value,
              offset,
              timestamp,
              headers,
            })),
          );
        }),
      );
    },
  );

  test('is read from the requested offset on', () => {
    const records = ['a', 'b', 'c'].map((value) => outgoing({ key: null, value: Buffer.from(value) }));
    const read = readAll(encodeBatch(records, 5), 2);
    expect(read.map(({ offset, topic, partition }) => [offset, topic, partition])).toEqual([[2, 3, 7]]);
  });

  test('truncated at any byte is left out', () => {
    const batch = encodeBatch([outgoing({ key: Buffer.from('k'), value: Buffer.from('v') })], 5);
    for (let length = 0; length < batch.length; length++) {
      expect(readBatches(Buffer.concat([batch, batch.subarray(0, length)]), [], ORIGIN)).toHaveLength(1);
    }
  });

  test('with a record longer than the batch is unreadable', () => {
    const batch = encodeBatch([outgoing({ key: Buffer.from('k'), value: Buffer.from('v') })], 5);
    for (let at = 61; at < batch.length; at++) {
      const broken = Buffer.from(batch);
      broken[at] = 0x7e; // 63: beyond the end wherever it is a length
      expect(() => readAll(broken)).toThrow('checksum');
      try {
        expect(readAll(sealed(broken))).toHaveLength(1);
      } catch (error) {
        expect((error as Error).message).toContain('cannot be read');
      }
    }
    const longer = Buffer.from(batch);
    longer[61] = 0x7e;
    expect(() => readAll(sealed(longer))).toThrow('longer than its batch');
  });

  test('with millions of empty headers gives the first ones, in little memory', () => {
    const headers = Array<RecordHeader>(2_000_000).fill({ name: Buffer.alloc(0), value: Buffer.alloc(0) });
    const [record] = readAll(encodeBatch([outgoing({ key: null, value: null, headers })], 5));
    const before = process.memoryUsage().heapUsed;
    expect(record?.headerCount).toBe(2_000_000);
    const read = record?.headers();
    expect(read).toHaveLength(20_000);
    expect(process.memoryUsage().heapUsed - before).toBeLessThan(32 << 20);
  });

  test('with corrupt headers gives those before', () => {
    const trace = { name: Buffer.from('trace'), value: Buffer.from('x') };
    const batch = encodeBatch([outgoing({ key: null, value: null, headers: [trace, trace] })], 5);
    batch[batch.length - 2] = 0x7e; // the length of the last value
    const [record] = readAll(sealed(batch));
    expect([record?.headerCount, record?.headers()]).toEqual([2, [trace]]);
  });

  test('with a broker’s append time gives that timestamp to every record', () => {
    const batch = encodeBatch([outgoing({ key: null, value: null, timestamp: 5 })], 5);
    batch.writeInt16BE(0x08, 21);
    batch.writeBigInt64BE(1234n, 35);
    expect(readAll(sealed(batch)).map(({ timestamp }) => timestamp)).toEqual([1234]);
  });

  test('of an unknown codec fails with topic, partition, offsets and codec', () => {
    const batch = encodeBatch([outgoing({ key: null, value: null })], 5);
    batch.writeInt16BE(5, 21);
    expect(() => readAll(sealed(batch))).toThrow(
      'mta.delivered/7: the batch of offsets 0 to 0, compressed with codec 5, cannot be read: its codec is unknown',
    );
  });

  test.each([
    ['of another magic', 16, [1]],
    ['of a length that ends in its header', 8, [0, 0, 0, 20]],
    ['of a negative length', 8, [0xff, 0xff, 0xff, 0xf4]],
    ['of a negative count', 57, [0xff, 0xff, 0xff, 0xff]],
    ['with a last offset before its first', 23, [0xff, 0xff, 0xff, 0xff]],
  ])('%s is unreadable and ends its response; the batches before it are read', (_, at, values) => {
    const good = encodeBatch([outgoing({ key: null, value: Buffer.from('v') })], 5);
    const bad = Buffer.from(good);
    bad.writeBigInt64BE(1n, 0);
    Buffer.from(values).copy(bad, at);
    const batches = readBatches(Buffer.concat([good, bad, good]), [], ORIGIN);
    expect(batches).toHaveLength(2);
    const [first, last] = batches.map((batch) => readRecords(batch, 3, 7, 0));
    expect(first?.next()?.offset).toBe(0);
    expect(() => last?.next()).toThrow(expect.objectContaining({ code: 'batch-unreadable' }));
  });
});

describe('transactions', () => {
  test('aborted transactions and markers leave offsets without records', () => {
    const log = [
      batchOf(0, 1),
      batchOf(1, 2),
      batchOf(2, 1, 'abort'),
      batchOf(3, 1),
      batchOf(4, 2, 'commit'),
      batchOf(5, 1, 'commit'),
    ];
    const aborted = [{ producerId: 1n, firstOffset: 0 }];
    const batches = readBatches(Buffer.concat(log), aborted, ORIGIN);
    expect(batches.map(({ nextOffset }) => nextOffset)).toEqual([1, 2, 3, 4, 5, 6]);
    expect(batches.map(({ count }) => count)).toEqual([0, 1, 0, 1, 0, 0]);
  });

  test('aborted transactions of several producers are all left out', () => {
    const log = [batchOf(4, 2), batchOf(5, 1), batchOf(6, 2, 'abort'), batchOf(7, 1, 'abort')];
    const aborted = [
      { producerId: 1n, firstOffset: 1 },
      { producerId: 2n, firstOffset: 4 },
    ];
    const batches = readBatches(Buffer.concat(log), aborted, ORIGIN);
    expect(batches.map(({ count }) => count)).toEqual([0, 0, 0, 0]);
  });
});
