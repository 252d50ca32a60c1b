import Decoder from 'kafkajs/src/protocol/decoder';
import { EfsError } from '../base/errors';
import { AT, CODEC, CONTROL, MAGIC, STAMPED_BY_BROKER, TRANSACTIONAL } from './batch';
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
 *
 * Strings carry an int16 length, lists an int32 count (-1 for null). The last batch may be truncated.
 */

const ABORT_MARKER = 0;

/** One partition's part of a fetch response. */
export interface FetchedPartition {
  readonly topic: string;
  readonly partition: number;
  /** Kafka's error code; 0 for none, 1 for an offset out of range. */
  readonly errorCode: number;
  /** The end offset for readers of committed records. */
  readonly end: number;
  /** Offsets from there to the high watermark: an open transaction holds them back. */
  readonly heldBack: number;
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

/** The partition of batches, its end offset, and the most bytes that the records of one may take once decompressed. */
export interface BatchOrigin {
  readonly topic: string;
  readonly partition: number;
  readonly end: number;
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
  const decoder = new Decoder(bytes);
  const clientSideThrottleTime = decoder.readInt32();
  const errorCode = decoder.readInt16();
  decoder.readInt32(); // session_id
  const topics = decoder.readArray(() => {
    const topic = decoder.readString() ?? '';
    return decoder.readArray(() => readPartition(decoder, topic, maxBatchBytes));
  });
  const partitions = topics.flat();
  const codecs = new Set(partitions.flatMap(({ batches }) => batches.map(({ codec }) => codec)));
  // A codec that cannot be loaded fails when a batch needs it.
  await Promise.allSettled([...codecs].map(loadCodec));
  return { errorCode, clientSideThrottleTime, partitions };
}

function readPartition(decoder: Decoder, topic: string, maxBatchBytes: number): FetchedPartition {
  const partition = decoder.readInt32();
  const errorCode = decoder.readInt16();
  const highWatermark = readOffset(decoder);
  const lastStableOffset = readOffset(decoder);
  readOffset(decoder); // log_start_offset
  const aborted = decoder.readArray(() => ({
    producerId: decoder.readInt64(),
    firstOffset: readOffset(decoder),
  }));
  decoder.readInt32(); // preferred_read_replica
  const end = lastStableOffset >= 0 ? lastStableOffset : highWatermark;
  const stored = decoder.readBytes() ?? Buffer.alloc(0);
  const batches = readBatches(stored, aborted, { topic, partition, end, maxBatchBytes });
  return { topic, partition, errorCode, end, heldBack: Math.max(0, highWatermark - end), batches };
}

/** Exact up to 2^53, which no offset will reach. */
const readOffset = (decoder: Decoder): number => Number(decoder.readInt64());

/**
 * The batches of a partition; those of aborted transactions have no records. Behind an invalid header no further batch
 * can be located: the last batch then covers the rest, and cannot be opened.
 */
export function readBatches(bytes: Buffer, aborted: readonly Aborted[], origin: BatchOrigin): RecordBatch[] {
  const batches: RecordBatch[] = [];
  const begun = [...aborted].sort((a, b) => a.firstOffset - b.firstOffset);
  const abortedProducers = new Set<bigint>();
  for (let at = 0; at + AT.records <= bytes.length;) {
    const header = readBatchHeader(bytes, at);
    const fault = faultOf(bytes, header);
    if (fault !== null) return [...batches, unreadableBatch(bytes, header, origin, fault)];
    if (header.end > bytes.length) break;
    while (begun[0] !== undefined && begun[0].firstOffset <= header.lastOffset) {
      abortedProducers.add(begun[0].producerId);
      begun.shift();
    }
    const control = (header.attributes & CONTROL) !== 0;
    const transactional = (header.attributes & TRANSACTIONAL) !== 0;
    if (control && endsAborted(bytes, header)) abortedProducers.delete(header.producerId);
    const hidden = control || (transactional && abortedProducers.has(header.producerId));
    batches.push(readBatch(bytes, header, hidden, origin));
    at = header.end;
  }
  return batches;
}

function readBatchHeader(bytes: Buffer, at: number): BatchHeader {
  const baseOffset = Number(bytes.readBigInt64BE(at + AT.baseOffset));
  return {
    start: at,
    end: at + AT.leaderEpoch + bytes.readInt32BE(at + AT.length),
    baseOffset,
    lastOffset: baseOffset + bytes.readInt32BE(at + AT.lastOffsetDelta),
    attributes: bytes.readInt16BE(at + AT.attributes),
    producerId: bytes.readBigInt64BE(at + AT.producerId),
    count: bytes.readInt32BE(at + AT.count),
  };
}

/** Why a header is invalid, or null. */
function faultOf(bytes: Buffer, { start, end, baseOffset, lastOffset, count }: BatchHeader): string | null {
  const magic = bytes.readInt8(start + AT.magic);
  if (magic !== MAGIC) return `it is of magic ${magic}, only ${MAGIC} is supported`;
  const isSound = end >= start + AT.records && lastOffset >= baseOffset && count >= 0;
  return isSound ? null : 'its header is corrupt';
}

/**
 * A control record's key is version:int16 type:int16; type 0 aborts. Control batches hold one, uncompressed; one without a
 * record ends nothing.
 */
function endsAborted(bytes: Buffer, { start, end }: BatchHeader): boolean {
  // Its length, attributes, deltas and key length are small, hence one byte each.
  const type = start + AT.records + 5 + 2;
  return type + 2 <= end && bytes.readInt16BE(type) === ABORT_MARKER;
}

function readBatch(bytes: Buffer, header: BatchHeader, hidden: boolean, origin: BatchOrigin): RecordBatch {
  const { start, end, baseOffset, lastOffset, attributes, count } = header;
  const appended = (attributes & STAMPED_BY_BROKER) !== 0;
  const codec = CODECS[attributes & CODEC];
  const unreadable = unreadableOf(header, origin);
  return {
    baseOffset,
    nextOffset: lastOffset + 1,
    count: hidden ? 0 : count,
    firstTimestamp: Number(bytes.readBigInt64BE(start + AT.baseTimestamp)),
    appendTimestamp: appended ? Number(bytes.readBigInt64BE(start + AT.maxTimestamp)) : null,
    codec: codec ?? 'off',
    storedBytes: hidden ? 0 : end - start - AT.records,
    stored: lastOffset < nextBaseOffset(bytes, end, origin) ? bytes.subarray(start, end) : null,
    open() {
      if (codec === undefined) throw unreadable('its codec is unknown');
      const checksum = bytes.readUInt32BE(start + AT.checksum);
      if (crc32c(bytes.subarray(start + AT.attributes, end)) !== checksum)
        throw unreadable('its checksum does not match');
      try {
        return inflate(codec, bytes.subarray(start + AT.records, end), origin.maxBatchBytes);
      } catch (error) {
        throw unreadable(error instanceof Error ? error.message : String(error), error);
      }
    },
    unreadable,
  };
}

/** Where the batch at `at` begins, or the log ends. Bounds what a corrupt header may claim to cover. */
function nextBaseOffset(bytes: Buffer, at: number, { end }: BatchOrigin): number {
  return at + AT.length > bytes.length ? end : Number(bytes.readBigInt64BE(at + AT.baseOffset));
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
    stored: null,
    open() {
      throw unreadable(why);
    },
    unreadable,
  };
}

function unreadableOf(header: BatchHeader, { topic, partition }: BatchOrigin): RecordBatch['unreadable'] {
  const { baseOffset, lastOffset, attributes } = header;
  const codec = CODECS[attributes & CODEC] ?? `codec ${attributes & CODEC}`;
  const compressed = codec === 'off' ? 'uncompressed' : `compressed with ${codec}`;
  const batch = `the batch of offsets ${baseOffset} to ${lastOffset}, ${compressed},`;
  return (why, cause) =>
    new EfsError('batch-unreadable', `${topic}/${partition}: ${batch} cannot be read: ${why}`, { cause });
}
