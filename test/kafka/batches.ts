import fc from 'fast-check';
import { crc32c } from '../../src/kafka/checksum';
import { CODECS, type Codec } from '../../src/kafka/codecs.kafka';
import type { BatchOrigin } from '../../src/kafka/fetch.kafka';
import { encodeBatch } from '../../src/kafka/encode.kafka';

export const ORIGIN: BatchOrigin = {
  topic: 'mta.delivered',
  partition: 7,
  end: Infinity,
  maxBatchBytes: 64 << 20,
};

const HEADER = 61;

/** Recomputes the checksum of a batch whose bytes were changed. */
export function sealed(batch: Buffer): Buffer {
  batch.writeUInt32BE(crc32c(batch.subarray(21)), 17);
  return batch;
}

/** A batch that declares `count` records, with `stored` as their compressed bytes. */
export function storedAs(codec: Codec, stored: Buffer, count = 1): Buffer {
  const plain = encodeBatch([{ topic: '', partition: 0, key: null, value: null }], 5);
  const batch = Buffer.concat([plain.subarray(0, HEADER), stored]);
  batch.writeInt32BE(batch.length - 12, 8);
  batch.writeInt16BE(CODECS.indexOf(codec), 21);
  batch.writeInt32BE(count - 1, 23);
  batch.writeInt32BE(count, 57);
  return sealed(batch);
}

/** A batch of a producer's transaction at an offset; with `ends`, the marker that ends the transaction. */
export function batchOf(
  offset: number,
  producerId: number,
  ends?: 'abort' | 'commit',
  values: readonly string[] = [''],
): Buffer {
  const key = ends === undefined ? null : Buffer.from([0, 0, 0, ends === 'commit' ? 1 : 0]);
  const records = values.map((value) => ({ topic: '', partition: 0, key, value: Buffer.from(value) }));
  const batch = encodeBatch(records, 5);
  batch.writeBigInt64BE(BigInt(offset), 0);
  batch.writeInt16BE(ends ? 0x30 : 0x10, 21);
  batch.writeBigInt64BE(BigInt(producerId), 43);
  return sealed(batch);
}

/** Java's framing of snappy blocks. */
export const xerial = (...blocks: readonly Buffer[]): Buffer =>
  Buffer.concat([
    Buffer.from('\x82SNAPPY\0\0\0\0\x01\0\0\0\x01', 'latin1'),
    ...blocks.flatMap((block) => {
      const length = Buffer.alloc(4);
      length.writeUInt32BE(block.length);
      return [length, block];
    }),
  ]);

/** Text that compresses about as well as records do, and random bytes. */
export const COMPRESSIBLE = fc.oneof(
  fc.uint8Array({ maxLength: 4_000 }).map((bytes) => Buffer.from(bytes)),
  fc
    .array(fc.constantFrom('delivery-1', 'mta.example', 'gmail.com', '\0\0\0\0\x07', 'x'), {
      maxLength: 2_000,
    })
    .map((words) => Buffer.from(words.join(''))),
);
