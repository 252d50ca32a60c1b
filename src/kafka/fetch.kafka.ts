import { EfsError } from '../base/errors';
import { crc32c } from './checksum';
import { CODECS, inflate, loadCodec } from './codecs.kafka';
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
 * Strings carry an int16 length, lists an int32 count (-1 for null). The last batch may be truncated.
 */

const BATCH_HEADER = 61;
const LENGTH_FROM = 12;
const CHECKSUM_FROM = 21;
const ABORT_MARKER = 0;

/** One partition's part of a fetch response. */
export interface FetchedPartition {
  readonly topic: string;
  readonly partition: number;
  /** Kafka's error code; 0 for none, 1 for an offset out of range. */
  readonly errorCode: number;
  /** The end offset for readers of committed records. */
  readonly end: number;
  /** The first offset the log holds. */
  readonly low: number;
  /** In offset order. A truncated batch at the end is left out. */
  readonly batches: readonly RecordBatch[];
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

/** The partition of batches, and the most bytes that the records of one may take once decompressed. */
export interface BatchOrigin {
  readonly topic: string;
  readonly partition: number;
  readonly maxBatchBytes: number;
}

interface BatchHeader {
  readonly start: number;
  readonly end: number;
  readonly baseOffset: number;
  readonly lastOffset: number;
  readonly attributes: number;
  readonly producerId: bigint;
  readonly count: number;
}

/** Parses a response without decoding records, and loads the codecs of its batches. */
export async function readFetchResponse(bytes: Buffer, maxBatchBytes: number): Promise<FetchResponse> {
  const reader = byteReader(bytes);
  const clientSideThrottleTime = reader.int32();
  const errorCode = reader.int16();
  reader.int32(); // session_id
  const partitions: FetchedPartition[] = [];
  for (let topics = reader.int32(); topics > 0; topics--) {
    const topic = reader.string();
    for (let count = reader.int32(); count > 0; count--)
      partitions.push(readPartition(reader, topic, maxBatchBytes));
  }
  const codecs = new Set(partitions.flatMap(({ batches }) => batches.map(({ codec }) => codec)));
  // A codec that cannot be loaded fails when a batch needs it.
  await Promise.allSettled([...codecs].map(loadCodec));
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

function readPartition(reader: ByteReader, topic: string, maxBatchBytes: number): FetchedPartition {
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
  const batches = readBatches(reader.slice(reader.int32()), aborted, { topic, partition, maxBatchBytes });
  return { topic, partition, errorCode, end, low, batches };
}

/**
 * The batches of a partition; those of aborted transactions have no records. Behind an invalid header no further batch
 * can be located: the last batch then covers the rest, and cannot be opened.
 */
export function readBatches(bytes: Buffer, aborted: readonly Aborted[], origin: BatchOrigin): RecordBatch[] {
  const batches: RecordBatch[] = [];
  const begun = [...aborted].sort((a, b) => a.firstOffset - b.firstOffset);
  const abortedProducers = new Set<bigint>();
  for (let at = 0; at + BATCH_HEADER <= bytes.length;) {
    const header = readBatchHeader(bytes, at);
    const fault = faultOf(bytes, header);
    if (fault !== null) return [...batches, unreadableBatch(bytes, header, origin, fault)];
    if (header.end > bytes.length) break;
    while (begun[0] !== undefined && begun[0].firstOffset <= header.lastOffset) {
      abortedProducers.add(begun[0].producerId);
      begun.shift();
    }
    const control = (header.attributes & 0x20) !== 0;
    const transactional = (header.attributes & 0x10) !== 0;
    if (control && endsAborted(bytes, header)) abortedProducers.delete(header.producerId);
    const hidden = control || (transactional && abortedProducers.has(header.producerId));
    batches.push(readBatch(bytes, header, hidden, origin));
    at = header.end;
  }
  return batches;
}

function readBatchHeader(bytes: Buffer, at: number): BatchHeader {
  const baseOffset = Number(bytes.readBigInt64BE(at));
  return {
    start: at,
    end: at + LENGTH_FROM + bytes.readInt32BE(at + 8),
    baseOffset,
    lastOffset: baseOffset + bytes.readInt32BE(at + 23),
    attributes: bytes.readInt16BE(at + 21),
    producerId: bytes.readBigInt64BE(at + 43),
    count: bytes.readInt32BE(at + 57),
  };
}

/** Why a header is invalid, or null. */
function faultOf(bytes: Buffer, { start, end, baseOffset, lastOffset, count }: BatchHeader): string | null {
  const magic = bytes.readInt8(start + 16);
  if (magic !== 2) return `it is of magic ${magic}, only 2 is supported`;
  const isSound = end >= start + BATCH_HEADER && lastOffset >= baseOffset && count >= 0;
  return isSound ? null : 'its header is corrupt';
}

/** A control record's key is version:int16 type:int16; type 0 aborts. Control batches hold one, uncompressed. */
function endsAborted(bytes: Buffer, { start }: BatchHeader): boolean {
  // Its length, attributes, deltas and key length are small, hence one byte each.
  return bytes.readInt16BE(start + BATCH_HEADER + 5 + 2) === ABORT_MARKER;
}

function readBatch(bytes: Buffer, header: BatchHeader, hidden: boolean, origin: BatchOrigin): RecordBatch {
  const { start, end, baseOffset, lastOffset, attributes, count } = header;
  const appended = (attributes & 0x08) !== 0;
  const codec = CODECS[attributes & 0x07];
  const unreadable = unreadableOf(header, origin);
  return {
    baseOffset,
    nextOffset: lastOffset + 1,
    count: hidden ? 0 : count,
    firstTimestamp: Number(bytes.readBigInt64BE(start + 27)),
    appendTimestamp: appended ? Number(bytes.readBigInt64BE(start + 35)) : null,
    codec: codec ?? 'off',
    storedBytes: hidden ? 0 : end - start - BATCH_HEADER,
    open() {
      if (codec === undefined) throw unreadable('its codec is unknown');
      const isWhole = crc32c(bytes.subarray(start + CHECKSUM_FROM, end)) === bytes.readUInt32BE(start + 17);
      if (!isWhole) throw unreadable('its checksum does not match');
      try {
        return inflate(codec, bytes.subarray(start + BATCH_HEADER, end), origin.maxBatchBytes);
      } catch (error) {
        throw unreadable(error instanceof Error ? error.message : String(error), error);
      }
    },
    unreadable,
  };
}

/** Covers the rest of the bytes; its one record is never read. */
function unreadableBatch(bytes: Buffer, header: BatchHeader, origin: BatchOrigin, why: string): RecordBatch {
  const unreadable = unreadableOf(header, origin);
  return {
    baseOffset: header.baseOffset,
    nextOffset: Math.max(header.baseOffset, header.lastOffset) + 1,
    count: 1,
    firstTimestamp: 0,
    appendTimestamp: null,
    codec: 'off',
    storedBytes: bytes.length - header.start,
    open() {
      throw unreadable(why);
    },
    unreadable,
  };
}

function unreadableOf(header: BatchHeader, { topic, partition }: BatchOrigin): RecordBatch['unreadable'] {
  const { baseOffset, lastOffset, attributes } = header;
  const codec = CODECS[attributes & 0x07] ?? `codec ${attributes & 0x07}`;
  const compressed = codec === 'off' ? 'uncompressed' : `compressed with ${codec}`;
  const batch = `the batch of offsets ${baseOffset} to ${lastOffset}, ${compressed},`;
  return (why, cause) =>
    new EfsError('batch-unreadable', `${topic}/${partition}: ${batch} cannot be read: ${why}`, { cause });
}
