import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { CODECS, type Codec, deflate, inflate, loadCodec } from '../../src/kafka/codecs.kafka';
import { readBatches } from '../../src/kafka/fetch.kafka';
import { readRecords } from '../../src/kafka/records.kafka';
import { ORIGIN, storedAs } from './batches';

const MIB = 1 << 20;
const COMPRESSED = CODECS.filter((codec) => codec !== 'off');

beforeAll(() => Promise.all(CODECS.map(loadCodec)));

/** Text that compresses about as well as records do, and random bytes. */
const content = fc.oneof(
  fc.uint8Array({ maxLength: 4_000 }).map((bytes) => Buffer.from(bytes)),
  fc
    .array(fc.constantFrom('delivery-1', 'mta.example', 'gmail.com', '\0\0\0\0\x07', 'x'), {
      maxLength: 2_000,
    })
    .map((words) => Buffer.from(words.join(''))),
);

/** Java's framing of snappy blocks. */
const xerial = (...blocks: readonly Buffer[]): Buffer =>
  Buffer.concat([
    Buffer.from('\x82SNAPPY\0\0\0\0\x01\0\0\0\x01', 'latin1'),
    ...blocks.flatMap((block) => {
      const length = Buffer.alloc(4);
      length.writeUInt32BE(block.length);
      return [length, block];
    }),
  ]);

/** An lz4 frame of these blocks, all declared as compressed. */
const lz4Frame = (flags: number, ...blocks: readonly Buffer[]): Buffer => {
  const parts = blocks.flatMap((block) => {
    const length = Buffer.alloc(4);
    length.writeUInt32LE(block.length);
    return [length, block];
  });
  return Buffer.concat([Buffer.from([0x04, 0x22, 0x4d, 0x18, flags, 0x70, 0]), ...parts, Buffer.alloc(4)]);
};

/** A zstd frame without content size, window 8 MiB, of blocks that repeat one byte. */
const zstdRepeats = (blocks: number, each: number): Buffer => {
  const frame = Buffer.alloc(6 + 4 * blocks);
  frame.writeUInt32LE(0xfd2fb528, 0);
  frame[5] = (23 - 10) << 3;
  for (let index = 0; index < blocks; index++) {
    frame.writeUIntLE((each << 3) | 2 | (index === blocks - 1 ? 1 : 0), 6 + 4 * index, 3);
  }
  return frame;
};

/** Frames of a few kilobytes to a megabyte that decompress to far more than 64 MiB. */
const BOMBS: Record<Exclude<Codec, 'off'>, () => Buffer> = {
  gzip: () => gzipSync(Buffer.alloc(256 * MIB)),
  // 64 bytes of output for 3 of a copy, which is the maximum.
  snappy: () => {
    const block = Buffer.concat([Buffer.from([0x80, 0x80, 0x80, 0x02, 0, 65]), Buffer.alloc(12_288 * 3)]);
    return xerial(...Array.from({ length: 3 }, () => deflate('snappy', Buffer.alloc(32 * MIB))), block);
  },
  lz4: () => {
    const block = deflate('lz4', Buffer.alloc(4 * MIB)).subarray(7);
    const data = block.subarray(4, 4 + block.readUInt32LE(0));
    return lz4Frame(0x60, ...Array.from({ length: 64 }, () => data));
  },
  zstd: () => zstdRepeats(2_048, 128 << 10),
};

describe.each(COMPRESSED)('codec %s', (codec) => {
  test('inflate restores the bytes that deflate compressed, and throws where they exceed the bound by one byte', () => {
    fc.assert(
      fc.property(content, (bytes) => {
        const frame = deflate(codec, bytes);
        expect(inflate(codec, frame, Math.max(1, bytes.length)).equals(bytes)).toBe(true);
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

  test('a frame with changed bytes gives an error or at most the bound, in bounded time', () => {
    const change = fc.record({ at: fc.nat(), byte: fc.integer({ min: 0, max: 255 }) });
    const began = performance.now();
    fc.assert(
      fc.property(content, fc.array(change, { minLength: 1, maxLength: 8 }), (bytes, changes) => {
        const frame = Buffer.from(deflate(codec, bytes));
        for (const { at, byte } of changes) frame[at % frame.length] = byte;
        const held = inflated(codec, frame);
        expect(held === null || held.length <= MIB).toBe(true);
      }),
      { numRuns: 1_000 },
    );
    expect(performance.now() - began).toBeLessThan(20_000);
  });

  test('random bytes give an error or at most the bound', () => {
    const noise = fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes));
    const begin = deflate(codec, Buffer.from('x')).subarray(0, 6);
    fc.assert(
      fc.property(noise, fc.boolean(), (bytes, begins) => {
        const held = inflated(codec, begins ? Buffer.concat([begin, bytes]) : bytes);
        expect(held === null || held.length <= MIB).toBe(true);
      }),
      { numRuns: 1_000 },
    );
  });

  test('a decompression bomb is rejected within a second, in little more memory than the bound', () => {
    const bomb = BOMBS[codec]();
    const before = process.memoryUsage().rss;
    const began = performance.now();
    expect(() => inflate(codec, bomb, 64 * MIB)).toThrow(/more than 67108864 bytes/);
    expect(performance.now() - began).toBeLessThan(1_000);
    expect(process.memoryUsage().rss - before).toBeLessThan(192 * MIB);
  });
});

/** At most a mebibyte, or null where the frame is refused. */
function inflated(codec: Codec, frame: Buffer): Buffer | null {
  try {
    return inflate(codec, frame, MIB);
  } catch {
    return null;
  }
}

describe('malformed frames', () => {
  test.each<[string, Exclude<Codec, 'off'>, Buffer]>([
    ['a block of 60 MiB that holds nothing', 'snappy', Buffer.from([0x80, 0x80, 0x80, 0x1e])],
    ['a literal of a negative length', 'snappy', Buffer.from([5, 0xfc, 0xfa, 0xff, 0xff, 0xff, 0, 0, 0, 0])],
    ['a copy from before the begin', 'snappy', Buffer.from([8, 0, 65, 0x0d, 9])],
    ['a length that has no end', 'snappy', Buffer.alloc(16, 0xff)],
    ['a framed block longer than the frame', 'snappy', xerial(Buffer.alloc(3)).fill(0x7f, 16, 20)],
    ['a block of two gigabytes', 'lz4', lz4Frame(0x60, Buffer.alloc(9)).fill(0x7f, 7, 11)],
    ['a match from before the begin', 'lz4', lz4Frame(0x60, Buffer.from([0x10, 65, 9, 0]))],
    ['blocks that hold nothing', 'lz4', lz4Frame(0x60, Buffer.from([0]))],
    ['blocks that depend on each other', 'lz4', lz4Frame(0x40, Buffer.from([0x10, 65]))],
    ['a dictionary', 'lz4', lz4Frame(0x61, Buffer.from([0x10, 65]))],
    ['a window of four exabytes', 'zstd', Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0, 0xff, 9, 0, 0, 65])],
    [
      'a content of four gigabytes',
      'zstd',
      Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0xa0, 255, 255, 255, 255, 9, 0, 0, 65]),
    ],
  ])('a frame with %s, %s, is rejected within half a second, in bounded memory', (_, codec, frame) => {
    const before = process.memoryUsage().rss;
    const began = performance.now();
    expect(() => inflate(codec, frame, 64 * MIB)).toThrow();
    expect(performance.now() - began).toBeLessThan(500);
    expect(process.memoryUsage().rss - before).toBeLessThan(32 * MIB);
  });

  test('a hundred thousand tiny blocks are decompressed within five seconds', () => {
    const began = performance.now();
    expect(inflate('zstd', zstdRepeats(100_000, 1), MIB)).toHaveLength(100_000);
    expect(
      inflate('lz4', lz4Frame(0x60, ...Array<Buffer>(100_000).fill(Buffer.from([0x10, 65]))), MIB),
    ).toHaveLength(100_000);
    expect(
      inflate('snappy', xerial(...Array<Buffer>(100_000).fill(Buffer.from([1, 0, 65]))), MIB),
    ).toHaveLength(100_000);
    expect(performance.now() - began).toBeLessThan(5_000);
  });

  test('snappy in Java’s framing gives its blocks in order', () => {
    const blocks = ['first ', 'second ', 'third'].map((text) => deflate('snappy', Buffer.from(text)));
    expect(inflate('snappy', xerial(...blocks), MIB).toString()).toBe('first second third');
  });
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
