import * as zlib from 'node:zlib';
import { must } from '../base/assert';

/*
 * Compression codecs of record batches. All input is untrusted: output is bounded while it is produced, time is linear
 * in the bytes stored, and a frame that is truncated, corrupt or followed by anything is an error.
 * Checksums inside frames are skipped: the checksum of the record batch covers the same bytes.
 *
 *   gzip    RFC 1952.
 *   snappy  One raw block; or Java's framing: "\x82SNAPPY\0" version:int32 compatible:int32 (length:int32 block)*.
 *   lz4     A frame of independent blocks, as Kafka asks for; little-endian:
 *             magic:uint32 flags:uint8 blockSize:uint8 [contentSize:uint64] headerChecksum:uint8 Block* 0:uint32
 *             Block => length:uint32 (bit 31: stored as it is) data [checksum:uint32], then [contentChecksum:uint32]
 *   zstd    A frame, RFC 8878: magic:uint32 descriptor:uint8 [window:uint8] [dictionary] [contentSize] Block* [checksum:uint32]
 *             Block => uint24 (bit 0: the last one, bits 1-2: type, bits 3-23: length) data
 */

/** By their number in the attributes of a record batch. */
export const CODECS = ['off', 'gzip', 'snappy', 'lz4', 'zstd'] as const;
export type Codec = (typeof CODECS)[number];

interface Format {
  /** Throws where the bytes are not a frame of this codec, or hold more than `max` bytes. */
  inflate(bytes: Buffer, max: number): Buffer;
  deflate(bytes: Buffer): Buffer;
}

type CompressedCodec = Exclude<Codec, 'off'>;

const SNAPPY_FRAMING = Buffer.from('\x82SNAPPY\0', 'latin1');
const SNAPPY_HEADER = 16;
const LZ4_MAGIC = 0x184d2204;
const LZ4_BLOCK_MAX: Record<number, number> = { 4: 64 << 10, 5: 256 << 10, 6: 1 << 20, 7: 4 << 20 };
/** Most bytes that one byte of a block can decompress to. */
const LZ4_RATIO_MAX = 255;
const ZSTD_MAGIC = 0xfd2fb528;
const ZSTD_BLOCK_MAX = 128 << 10;

const LOADERS: Record<CompressedCodec, () => Promise<Format>> = {
  gzip: async () => ({
    inflate: (bytes, max) => bounded(max, () => inflateGzip(bytes, max)),
    deflate: (bytes) => zlib.gzipSync(bytes, { level: 1 }),
  }),
  snappy: async () => {
    const { compressSync, uncompressSync } = await import('snappy');
    return {
      inflate: (bytes, max) => inflateSnappy(bytes, max, (block) => uncompressSync(block) as Buffer),
      deflate: (bytes) => compressSync(bytes),
    };
  },
  lz4: async () => {
    const { compressFrameSync, uncompressSync } = await import('lz4-napi');
    return {
      inflate: (bytes, max) => inflateLz4(bytes, max, uncompressSync),
      deflate: (bytes) => compressFrameSync(bytes),
    };
  },
  zstd: async () => {
    const { inflate, deflate } = nativeZstd() ?? (await portableZstd());
    return { inflate: (bytes, max) => inflate(bytes, max, zstdSizeBound(bytes)), deflate };
  },
};

const loaded = new Map<CompressedCodec, Format>();
const loading = new Map<CompressedCodec, Promise<void>>();

/** Loads a codec's library; before the first `inflate` or `deflate`. Rejects where this platform does not have it. */
export function loadCodec(codec: Codec): Promise<void> {
  if (codec === 'off') return Promise.resolve();
  const pending = loading.get(codec) ?? LOADERS[codec]().then((format) => void loaded.set(codec, format));
  loading.set(codec, pending);
  return pending;
}

/** The content of `bytes`, at most `max` bytes. Throws an error with the reason where it cannot be decompressed. */
export function inflate(codec: Codec, bytes: Buffer, max: number): Buffer {
  return codec === 'off' ? bytes : formatOf(codec).inflate(bytes, max);
}

/** `bytes` compressed, in the form that Kafka's other clients read. */
export function deflate(codec: Codec, bytes: Buffer): Buffer {
  return codec === 'off' ? bytes : formatOf(codec).deflate(bytes);
}

function formatOf(codec: CompressedCodec): Format {
  return must(loaded.get(codec), `the codec ${codec} is not loaded`);
}

const corrupt = (what: string): Error => new Error(`its ${what} is truncated or corrupt`);
const tooLarge = (max: number): Error => new Error(`it holds more than ${max} bytes`);

const joined = (blocks: readonly Buffer[]): Buffer =>
  blocks.length === 1 ? must(blocks[0], 'a block') : Buffer.concat(blocks);

/** Runs a function of zlib that is given `maxOutputLength`. */
function bounded(max: number, run: () => Buffer): Buffer {
  try {
    return run();
  } catch (error) {
    throw (error as { code?: string }).code === 'ERR_BUFFER_TOO_LARGE' ? tooLarge(max) : error;
  }
}

/** zlib ignores whatever follows a zero byte behind the last member. */
function inflateGzip(bytes: Buffer, max: number): Buffer {
  const options = { maxOutputLength: max, info: true };
  const { buffer, engine } = zlib.gunzipSync(bytes, options) as unknown as Inflated;
  if (engine.bytesWritten !== bytes.length) throw corrupt('end');
  return buffer;
}

/** What zlib's functions return where `info` is set; `bytesWritten` counts the bytes taken. */
interface Inflated {
  readonly buffer: Buffer;
  readonly engine: { readonly bytesWritten: number };
}

/** The library allocates the size that a block declares, and rejects a block of another size. */
function inflateSnappy(bytes: Buffer, max: number, uncompress: (block: Buffer) => Buffer): Buffer {
  let room = max;
  const blocks = snappyBlocks(bytes).map((block) => {
    room -= snappySize(block);
    if (room < 0) throw tooLarge(max);
    return uncompress(block);
  });
  return joined(blocks);
}

function snappyBlocks(bytes: Buffer): Buffer[] {
  if (!bytes.subarray(0, SNAPPY_FRAMING.length).equals(SNAPPY_FRAMING)) return [bytes];
  const blocks: Buffer[] = [];
  for (let at = SNAPPY_HEADER; at !== bytes.length;) {
    if (at + 4 > bytes.length) throw corrupt('framing');
    const from = at + 4;
    at = from + bytes.readUInt32BE(at);
    if (at > bytes.length) throw corrupt('framing');
    blocks.push(bytes.subarray(from, at));
  }
  return blocks;
}

/** The size that a block declares: a varint of at most 32 bits. */
function snappySize(block: Buffer): number {
  let size = 0;
  for (let index = 0; index < 5; index++) {
    const byte = block[index] ?? 0x80;
    size += (byte & 0x7f) * 2 ** (7 * index);
    if (byte < 0x80) return size;
  }
  throw corrupt('length');
}

/** `uncompress` takes a block that follows its maximum size, little-endian. */
function inflateLz4(bytes: Buffer, max: number, uncompress: (sized: Buffer) => Buffer): Buffer {
  const flags = bytes[4] ?? 0;
  const blockMax = LZ4_BLOCK_MAX[(bytes[5] ?? 0) >> 4];
  const isSound = bytes.length >= 7 && bytes.readUInt32LE(0) === LZ4_MAGIC && (flags & 0xc3) === 0x40;
  if (!isSound || blockMax === undefined) throw corrupt('header');
  if ((flags & 0x20) === 0) throw new Error('its blocks depend on each other, which Kafka does not allow');
  const blocks: Buffer[] = [];
  let room = max;
  let at = 7 + ((flags & 0x08) === 0 ? 0 : 8);
  for (;;) {
    if (at + 4 > bytes.length) throw corrupt('framing');
    const word = bytes.readUInt32LE(at);
    at += 4;
    if (word === 0) break;
    const data = bytes.subarray(at, at + (word & 0x7fffffff));
    at += (word & 0x7fffffff) + ((flags & 0x10) === 0 ? 0 : 4);
    if (at > bytes.length) throw corrupt('framing');
    const block = word >>> 31 === 1 ? data : inflateLz4Block(data, blockMax, uncompress);
    if (block.length === 0) throw corrupt('block');
    room -= block.length;
    if (room < 0) throw tooLarge(max);
    blocks.push(block);
  }
  if (at + ((flags & 0x04) === 0 ? 0 : 4) !== bytes.length) throw corrupt('end');
  return joined(blocks);
}

function inflateLz4Block(data: Buffer, blockMax: number, uncompress: (sized: Buffer) => Buffer): Buffer {
  const sized = Buffer.allocUnsafe(4 + data.length);
  sized.writeUInt32LE(Math.min(blockMax, data.length * LZ4_RATIO_MAX), 0);
  data.copy(sized, 4);
  return uncompress(sized);
}

interface Zstd {
  /** `bound`: the most that the frame can hold. */
  inflate(bytes: Buffer, max: number, bound: number): Buffer;
  deflate(bytes: Buffer): Buffer;
}

/** Node's own, from 22.15 on; null where it has none. It accepts a truncated frame as complete. */
function nativeZstd(): Zstd | null {
  const { zstdCompressSync, zstdDecompressSync } = zlib as unknown as Partial<{
    zstdCompressSync(bytes: Buffer): Buffer;
    zstdDecompressSync(bytes: Buffer, options: { maxOutputLength: number }): Buffer;
  }>;
  if (zstdCompressSync === undefined || zstdDecompressSync === undefined) return null;
  return {
    inflate: (bytes, max) => bounded(max, () => zstdDecompressSync(bytes, { maxOutputLength: max })),
    deflate: (bytes) => zstdCompressSync(bytes),
  };
}

async function portableZstd(): Promise<Zstd> {
  const { compress, decompress, isLoaded } = await import('@foxglove/wasm-zstd');
  await isLoaded;
  return {
    inflate(bytes, max, bound) {
      try {
        return decompress(bytes, Math.min(max, bound));
      } catch (cause) {
        // The library has one error for every cause.
        const why =
          bound > max ? `its frame is corrupt, or holds more than ${max} bytes` : 'its frame is corrupt';
        throw new Error(why, { cause });
      }
    },
    deflate: (bytes) => compress(bytes),
  };
}

/** The most that a zstd frame can hold, by its blocks. Throws where `bytes` are not exactly one frame. */
function zstdSizeBound(bytes: Buffer): number {
  const descriptor = bytes[4];
  if (descriptor === undefined || bytes.readUInt32LE(0) !== ZSTD_MAGIC) throw corrupt('header');
  const isSingleSegment = (descriptor & 0x20) !== 0;
  const contentSize = must([isSingleSegment ? 1 : 0, 2, 4, 8][descriptor >> 6], 'two bits');
  const dictionary = must([0, 1, 2, 4][descriptor & 0x03], 'two bits');
  let at = 5 + (isSingleSegment ? 0 : 1) + dictionary + contentSize;
  let bound = 0;
  for (let isLast = false; !isLast;) {
    if (at + 3 > bytes.length) throw corrupt('frame');
    const header = bytes.readUIntLE(at, 3);
    isLast = (header & 1) === 1;
    const isRepeatedByte = ((header >> 1) & 3) === 1;
    const isRaw = ((header >> 1) & 3) === 0;
    at += 3 + (isRepeatedByte ? 1 : header >> 3);
    bound += isRepeatedByte || isRaw ? header >> 3 : ZSTD_BLOCK_MAX;
  }
  if (at + ((descriptor & 0x04) === 0 ? 0 : 4) !== bytes.length) throw corrupt('end');
  return bound;
}
