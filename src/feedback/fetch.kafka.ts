import { CompressionCodecs } from 'kafkajs';
import type { RecordBatch } from './records.kafka';

/*
 * Fetch response, version 11, behind the correlation id.
 *
 *   Response     => throttle_time_ms:int32 error_code:int16 session_id:int32 [Topic]
 *   Topic        => name:string [Partition]
 *   Partition    => partition:int32 error_code:int16 high_watermark:int64 last_stable_offset:int64
 *                   log_start_offset:int64 [Aborted] preferred_read_replica:int32 size:int32 RecordBatch*
 *   Aborted      => producer_id:int64 first_offset:int64
 *   RecordBatch  => base_offset:int64 length:int32 partition_leader_epoch:int32 magic:int8 crc:uint32
 *                   attributes:int16 last_offset_delta:int32 base_timestamp:int64 max_timestamp:int64
 *                   producer_id:int64 producer_epoch:int16 base_sequence:int32 records_count:int32 Records
 *   attributes   => bits 0-2 codec, bit 3 stamped by the broker, bit 4 transactional, bit 5 control
 *
 * Strings carry an int16 length, lists an int32 count (-1 for null). The last batch may be cut short.
 */

const BATCH_HEADER = 61;
const LENGTH_FROM = 12;
const ABORT_MARKER = 0;

/** One partition's part of a fetch response. */
export interface FetchedPartition {
  readonly topic: string;
  readonly partition: number;
  /** Kafka's error code; 0 for none, 1 for an offset out of range. */
  readonly errorCode: number;
  /** The end as readers of committed records see it. */
  readonly end: number;
  /** The first offset the log holds. */
  readonly low: number;
  /** In offset order. A batch cut short at the end is left out. */
  readonly batches: readonly RecordBatch[];
  /** Why the bytes of this partition cannot be read, or null. */
  readonly unreadable: unknown;
}

export interface FetchResponse {
  readonly errorCode: number;
  readonly clientSideThrottleTime: number;
  readonly partitions: readonly FetchedPartition[];
}

interface Aborted {
  readonly producerId: bigint;
  readonly firstOffset: number;
}

interface BatchHeader {
  readonly start: number;
  readonly end: number;
  readonly baseOffset: number;
  readonly lastOffset: number;
  readonly attributes: number;
  readonly producerId: bigint;
}

/**
 * Reads a response without decoding a single record. A partition is `unreadable` where a batch is compressed with a
 * codec that nobody registered with kafkajs.
 */
export async function readFetchResponse(bytes: Buffer): Promise<FetchResponse> {
  const reader = byteReader(bytes);
  const clientSideThrottleTime = reader.int32();
  const errorCode = reader.int16();
  reader.int32(); // session_id
  const partitions: FetchedPartition[] = [];
  for (let topics = reader.int32(); topics > 0; topics--) {
    const topic = reader.string();
    for (let count = reader.int32(); count > 0; count--) partitions.push(await readPartition(reader, topic));
  }
  return { errorCode, clientSideThrottleTime, partitions };
}

type ByteReader = ReturnType<typeof byteReader>;

function byteReader(bytes: Buffer) {
  let at = 0;
  return {
    int16: () => bytes.readInt16BE((at += 2) - 2),
    int32: () => bytes.readInt32BE((at += 4) - 4),
    /** Exact up to 2^53, which no offset will reach. */
    int64: () => Number(bytes.readBigInt64BE((at += 8) - 8)),
    bigint64: () => bytes.readBigInt64BE((at += 8) - 8),
    slice: (length: number) => bytes.subarray(at, (at += Math.max(0, length))),
    string(): string {
      const length = bytes.readInt16BE((at += 2) - 2);
      return bytes.toString('utf8', at, (at += Math.max(0, length)));
    },
  };
}

async function readPartition(reader: ByteReader, topic: string): Promise<FetchedPartition> {
  const partition = reader.int32();
  const errorCode = reader.int16();
  const highWatermark = reader.int64();
  const lastStableOffset = reader.int64();
  const low = reader.int64();
  const aborted: Aborted[] = [];
  for (let count = reader.int32(); count > 0; count--) {
    aborted.push({ producerId: reader.bigint64(), firstOffset: reader.int64() });
  }
  reader.int32(); // preferred_read_replica
  const end = lastStableOffset >= 0 ? lastStableOffset : highWatermark;
  const fetched = { topic, partition, errorCode, end, low };
  const bytes = reader.slice(reader.int32());
  try {
    return { ...fetched, batches: await readBatches(bytes, aborted), unreadable: null };
  } catch (error) {
    return { ...fetched, batches: [], unreadable: error };
  }
}

/** The batches of a partition, those of aborted transactions emptied. Exported for its tests. */
export async function readBatches(bytes: Buffer, aborted: readonly Aborted[]): Promise<RecordBatch[]> {
  const batches: RecordBatch[] = [];
  const begun = [...aborted].sort((a, b) => a.firstOffset - b.firstOffset);
  const abortedProducers = new Set<bigint>();
  for (let at = 0; at + BATCH_HEADER <= bytes.length;) {
    const header = readBatchHeader(bytes, at);
    if (header.end > bytes.length) break;
    while (begun[0] !== undefined && begun[0].firstOffset <= header.lastOffset) {
      abortedProducers.add(begun[0].producerId);
      begun.shift();
    }
    const control = (header.attributes & 0x20) !== 0;
    const transactional = (header.attributes & 0x10) !== 0;
    if (control && endsAborted(bytes, header)) abortedProducers.delete(header.producerId);
    const hidden = control || (transactional && abortedProducers.has(header.producerId));
    batches.push(await readBatch(bytes, header, hidden));
    at = header.end;
  }
  return batches;
}

function readBatchHeader(bytes: Buffer, at: number): BatchHeader {
  const magic = bytes.readInt8(at + 16);
  if (magic !== 2) throw new Error(`a record batch of magic ${magic}: only 2 is supported`);
  const baseOffset = Number(bytes.readBigInt64BE(at));
  return {
    start: at,
    end: at + LENGTH_FROM + bytes.readInt32BE(at + 8),
    baseOffset,
    lastOffset: baseOffset + bytes.readInt32BE(at + 23),
    attributes: bytes.readInt16BE(at + 21),
    producerId: bytes.readBigInt64BE(at + 43),
  };
}

/** A control record's key is version:int16 type:int16; type 0 aborts. Control batches hold one, uncompressed. */
function endsAborted(bytes: Buffer, { start }: BatchHeader): boolean {
  // Its length, attributes, deltas and key length are small, hence one byte each.
  return bytes.readInt16BE(start + BATCH_HEADER + 5 + 2) === ABORT_MARKER;
}

async function readBatch(bytes: Buffer, header: BatchHeader, hidden: boolean): Promise<RecordBatch> {
  const { start, end, baseOffset, lastOffset, attributes } = header;
  const stored = bytes.subarray(start + BATCH_HEADER, end);
  const appended = (attributes & 0x08) !== 0;
  return {
    baseOffset,
    nextOffset: lastOffset + 1,
    count: hidden ? 0 : bytes.readInt32BE(start + 57),
    firstTimestamp: Number(bytes.readBigInt64BE(start + 27)),
    appendTimestamp: appended ? Number(bytes.readBigInt64BE(start + 35)) : null,
    bytes: hidden ? stored.subarray(0, 0) : await decompress(attributes & 0x07, stored),
  };
}

async function decompress(codec: number, bytes: Buffer): Promise<Buffer> {
  if (codec === 0) return bytes;
  const names = ['none', 'gzip', 'snappy', 'lz4', 'zstd'];
  let registered: { decompress(bytes: Buffer): Promise<Buffer> } | null;
  try {
    registered = (CompressionCodecs as Record<number, () => typeof registered>)[codec]?.() ?? null;
  } catch (error) {
    throw new Error(
      `a record batch is compressed with ${names[codec]}: register a codec in kafkajs' CompressionCodecs`,
      { cause: error },
    );
  }
  if (registered === null) throw new Error(`a record batch has the unknown codec ${codec}`);
  return registered.decompress(bytes);
}
