import Encoder from 'kafkajs/src/protocol/encoder';
import { AT, MAGIC, TRANSACTIONAL } from './batch';
import { crc32c } from './checksum';
import { type Codec, CODECS, deflate } from './codecs.kafka';
import type { OutgoingRecord } from '../log/sink';

/*
 * Writes the format that src/kafka/fetch.kafka.ts and records.kafka.ts read: kafkajs can express neither the order
 * of headers nor their repetition, null values or names that are not UTF-8, and it sorts a batch's timestamps as text.
 *
 *   Produce request, version 7 => transactional_id:nullable_string acks:int16 timeout_ms:int32 [Topic]
 *   Topic     => name:string [Partition]
 *   Partition => partition:int32 size:int32 RecordBatch
 */

const ALL_REPLICAS = -1;
/** How long the leader waits for its replicas, in milliseconds. */
const TIMEOUT_MS = 10_000;

/** The records of one partition, in the order in which they are to be appended. */
export interface PartitionRecords {
  readonly topic: string;
  readonly partition: number;
  readonly records: readonly OutgoingRecord[];
  /** Sequence number of the first record, counted per partition and producer; 0 outside a transaction. */
  readonly sequence: number;
}

/** A transactional producer and the epoch that Kafka gave it. */
export interface ProducerEpoch {
  readonly transactionalId: string;
  readonly producerId: string;
  readonly producerEpoch: number;
}

export interface ProduceOptions {
  /** Timestamp of records without one; milliseconds since 1970. */
  readonly now: number;
  /** The producer whose open transaction the records are part of; null outside a transaction. */
  readonly producer: ProducerEpoch | null;
  /** Compresses the records; must have been loaded. */
  readonly codec: Codec;
}

/** The body of a produce request of one record batch per partition, to be acknowledged by all in-sync replicas. */
export function encodeProduceRequest(
  partitions: readonly PartitionRecords[],
  { now, producer, codec }: ProduceOptions,
): Encoder {
  const body = new Encoder()
    .writeString(producer?.transactionalId ?? null)
    .writeInt16(ALL_REPLICAS)
    .writeInt32(TIMEOUT_MS)
    .writeInt32(partitions.length); // a topic entry for each: brokers accept repetition
  for (const { topic, partition, records, sequence } of partitions) {
    const batch = encodeBatch(records, now, codec, producer, sequence);
    body.writeString(topic).writeInt32(1).writeInt32(partition).writeBytes(batch);
  }
  return body;
}

/**
 * One record batch (magic 2) of at least one record; `now` is the timestamp of records without one. The codec must have
 * been loaded. `producer` and `sequence` are null and 0 outside a transaction.
 */
export function encodeBatch(
  records: readonly OutgoingRecord[],
  now: number,
  codec: Codec = 'off',
  producer: ProducerEpoch | null = null,
  sequence = 0,
): Buffer {
  const stamps = records.map((record) => record.timestamp ?? now);
  const first = stamps[0] ?? now;
  const latest = stamps.reduce((a, b) => Math.max(a, b), first);
  const size = records.reduce((sum, record) => sum + sizeBound(record), AT.records);
  const bytes = Buffer.allocUnsafe(size);
  let at = AT.records;
  records.forEach((record, index) => {
    at = writeRecord(bytes, at, record, (stamps[index] ?? first) - first, index);
  });
  const batch = compressRecords(bytes.subarray(0, at), codec);
  batch.writeBigInt64BE(0n, AT.baseOffset); // the broker sets it
  batch.writeInt32BE(batch.length - AT.leaderEpoch, AT.length);
  batch.writeInt32BE(-1, AT.leaderEpoch);
  batch.writeInt8(MAGIC, AT.magic);
  batch.writeInt16BE(CODECS.indexOf(codec) | (producer === null ? 0 : TRANSACTIONAL), AT.attributes);
  batch.writeInt32BE(records.length - 1, AT.lastOffsetDelta);
  batch.writeBigInt64BE(BigInt(first), AT.baseTimestamp);
  batch.writeBigInt64BE(BigInt(latest), AT.maxTimestamp);
  batch.writeBigInt64BE(BigInt(producer?.producerId ?? -1), AT.producerId);
  batch.writeInt16BE(producer?.producerEpoch ?? -1, AT.producerEpoch);
  batch.writeInt32BE(producer === null ? -1 : sequence, AT.baseSequence);
  batch.writeInt32BE(records.length, AT.count);
  batch.writeUInt32BE(crc32c(batch.subarray(AT.attributes)), AT.checksum);
  return batch;
}

/** Compresses everything behind the header. */
function compressRecords(batch: Buffer, codec: Codec): Buffer {
  if (codec === 'off') return batch;
  return Buffer.concat([batch.subarray(0, AT.records), deflate(codec, batch.subarray(AT.records))]);
}

/** Upper bound on the bytes that the record takes: every varint counts in its longest form. */
export function sizeBound({ key, value, headers = [] }: OutgoingRecord): number {
  const inHeaders = headers.reduce(
    (sum, header) => sum + 10 + header.name.length + (header.value?.length ?? 0),
    0,
  );
  return 36 + (key?.length ?? 0) + (value?.length ?? 0) + inHeaders;
}

function writeRecord(
  bytes: Buffer,
  start: number,
  { key, value, headers = [] }: OutgoingRecord,
  timestampDelta: number,
  offsetDelta: number,
): number {
  // The body is written behind room for the longest length, then moved up to the actual length.
  const body = start + 5;
  let at = body;
  bytes[at++] = 0; // attributes
  at = writeVarint(bytes, at, timestampDelta);
  at = writeVarint(bytes, at, offsetDelta);
  at = writeBytes(bytes, at, key);
  at = writeBytes(bytes, at, value);
  at = writeVarint(bytes, at, headers.length);
  for (const header of headers) {
    at = writeBytes(bytes, at, header.name);
    at = writeBytes(bytes, at, header.value);
  }
  const moved = writeVarint(bytes, start, at - body);
  bytes.copyWithin(moved, body, at);
  return moved + at - body;
}

function writeBytes(bytes: Buffer, at: number, field: Buffer | null): number {
  if (field === null) return writeVarint(bytes, at, -1);
  const from = writeVarint(bytes, at, field.length);
  field.copy(bytes, from);
  return from + field.length;
}

/** Zigzag; exact up to 2^53. */
function writeVarint(bytes: Buffer, at: number, value: number): number {
  let rest = value < 0 ? -2 * value - 1 : 2 * value;
  while (rest >= 0x80) {
    bytes[at++] = (rest % 0x80) | 0x80;
    rest = Math.floor(rest / 0x80);
  }
  bytes[at++] = rest;
  return at;
}
