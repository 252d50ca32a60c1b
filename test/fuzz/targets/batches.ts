import { EfsError } from '../../../src/base/errors';
import { deflate, loadCodec } from '../../../src/kafka/codecs.kafka';
import { encodeBatch } from '../../../src/kafka/encode.kafka';
import { readBatches } from '../../../src/kafka/fetch.kafka';
import { readOrSetAside, type RecordBatch } from '../../../src/kafka/records.kafka';
import { batchOf, ORIGIN, sealed, storedAs } from '../../kafka/batches';
import { allowing, holds, inFewWords, type Target } from '../target';

const MIB = 1 << 20;
const HEADER = 61;
const CODECS = ['gzip', 'snappy', 'lz4', 'zstd'] as const;
const isUnreadable = (error: unknown): boolean =>
  error instanceof EfsError && error.code === 'batch-unreadable';

const records = ['first', 'second'].map((text) => ({
  topic: '',
  partition: 0,
  key: Buffer.from('key'),
  value: Buffer.from(text.repeat(20)),
  headers: [{ name: Buffer.from('trace'), value: Buffer.from('x') }],
}));

function seeds(): Buffer[] {
  const plain = encodeBatch(records, 5);
  return [
    plain,
    ...CODECS.map((codec) => storedAs(codec, deflate(codec, plain.subarray(HEADER)), records.length)),
    ...CODECS.map((codec) => storedAs(codec, deflate(codec, Buffer.alloc(2 * MIB)), 3)),
    Buffer.concat([batchOf(0, 1), batchOf(1, 1, 'abort'), batchOf(2, 2, undefined, ['a', 'b', 'c'])]),
  ];
}

/** Lengths and checksums as the batches' bytes demand: the broker checks both. */
function repaired(input: Buffer): Buffer {
  if (input.length < HEADER) return input;
  const batch = Buffer.from(input);
  batch.writeInt32BE(batch.length - 12, 8);
  batch.writeInt8(2, 16);
  return sealed(batch);
}

function readAll(batch: RecordBatch): string {
  const reader = readOrSetAside(batch, 0, ORIGIN.partition, batch.baseOffset);
  let last = '';
  let count = 0;
  for (let record = reader.next(); record !== null; record = reader.next()) {
    count += 1;
    holds(count <= batch.count, 'a batch has no more records than it declares');
    last = record.unreadable ?? `${record.headers().length} headers`;
  }
  holds(reader.left === 0 || count === 0, 'a batch is read to its end');
  return `${Math.min(count, 4)} ${last}`;
}

/** Record batches as a producer may have written them: whatever they hold, they are read or passed over. */
export const batches: Target = {
  name: 'batches',
  maxMs: 500,
  maxBytes: 128 << 10,
  async open() {
    await Promise.all(CODECS.map(loadCodec));
    return {
      seeds: seeds(),
      repair: repaired,
      run(input) {
        const aborted = [{ producerId: 1n, firstOffset: 0 }];
        const found = readBatches(input, aborted, { ...ORIGIN, end: 1_000, maxBatchBytes: MIB });
        const read = found.slice(0, 100).map((batch) => {
          const outcome = allowing(isUnreadable, () => readAll(batch));
          return 'value' in outcome ? outcome.value : outcome.refused;
        });
        return inFewWords([...new Set(read)].join(';'));
      },
    };
  },
};
