import fc from 'fast-check';
import { CODECS, deflate, inflate, loadCodec } from '../../src/kafka/codecs.kafka';
import { readBatches } from '../../src/kafka/fetch.kafka';
import { readRecords } from '../../src/kafka/records.kafka';
import { expectEqual } from '../support/equal';
import { COMPRESSIBLE, ORIGIN, storedAs, xerial } from './batches';

const MIB = 1 << 20;
const COMPRESSED = CODECS.filter((codec) => codec !== 'off');

beforeAll(() => Promise.all(CODECS.map(loadCodec)));

describe.each(COMPRESSED)('codec %s', (codec) => {
  test('inflate restores the bytes that deflate compressed, and throws where they exceed the bound by one byte', () => {
    fc.assert(
      fc.property(COMPRESSIBLE, (bytes) => {
        const frame = deflate(codec, bytes);
        expectEqual(inflate(codec, frame, Math.max(1, bytes.length)).equals(bytes), true);
        if (bytes.length > 1) expect(() => inflate(codec, frame, bytes.length - 1)).toThrow();
      }),
    );
  });

  test('a frame truncated at any byte is an error', () => {
    const frame = deflate(codec, Buffer.from('delivery-1 gmail.com '.repeat(300)));
    for (let length = 0; length < frame.length; length++) {
      expect(() => inflate(codec, frame.subarray(0, length), MIB)).toThrow();
    }
  });

  test('a frame followed by other bytes is an error', () => {
    const frame = deflate(codec, Buffer.from('delivery-1 gmail.com '.repeat(300)));
    for (const more of [[1, 2, 3], [0], [0, 0, 1]])
      expect(() => inflate(codec, Buffer.concat([frame, Buffer.from(more)]), MIB)).toThrow();
  });
});

test('snappy in Java’s framing gives its blocks in order', () => {
  const blocks = ['first ', 'second ', 'third'].map((text) => deflate('snappy', Buffer.from(text)));
  expect(inflate('snappy', xerial(...blocks), MIB).toString()).toBe('first second third');
});

describe('an unreadable batch', () => {
  const next = (batch: Buffer, maxBatchBytes = MIB) => {
    const [first] = readBatches(batch, [], { ...ORIGIN, maxBatchBytes });
    return first === undefined ? null : readRecords(first, 0, 7, 0).next();
  };

  test.each(COMPRESSED)(
    'a decompression bomb in %s fails with the batch and the setting that bounds it',
    (codec) => {
      const error = failureOf(() => next(storedAs(codec, deflate(codec, Buffer.alloc(2 * MIB)))));
      expect(error).toMatchObject({
        code: 'batch-unreadable',
        message: expect.stringContaining(
          `mta.delivered/7: the batch of offsets 0 to 0, compressed with ${codec}, cannot be read: it`,
        ) as string,
        remedy: expect.stringContaining('EFS_MAX_BATCH_BYTES') as string,
      });
    },
  );

  test.each(COMPRESSED)(
    'corrupt bytes in %s fail the checksum; truncated bytes with a valid checksum fail the codec',
    (codec) => {
      const frame = deflate(codec, Buffer.alloc(500, 'delivery'));
      const batch = storedAs(codec, frame);
      batch.fill(0, 70, 80);
      expect(failureOf(() => next(batch))).toMatchObject({
        message: expect.stringContaining('checksum') as string,
      });
      const truncated = storedAs(codec, frame.subarray(0, frame.length - 2));
      expect(failureOf(() => next(truncated))).toMatchObject({ code: 'batch-unreadable' });
    },
  );
});

function failureOf(run: () => unknown): unknown {
  try {
    return run();
  } catch (error) {
    return error;
  }
}
