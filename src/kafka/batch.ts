/*
 * The header of a record batch (magic 2), in front of its records; every number is big-endian.
 *
 *   RecordBatch  => base_offset:int64 length:int32 partition_leader_epoch:int32 magic:int8 crc:uint32
 *                   attributes:int16 last_offset_delta:int32 base_timestamp:int64 max_timestamp:int64
 *                   producer_id:int64 producer_epoch:int16 base_sequence:int32 records_count:int32 Records
 */

export const MAGIC = 2;

/** Where each field begins. */
export const AT = {
  baseOffset: 0,
  /** Of everything behind this field. */
  length: 8,
  leaderEpoch: 12,
  magic: 16,
  /** CRC-32C of everything behind this field. */
  checksum: 17,
  attributes: 21,
  lastOffsetDelta: 23,
  baseTimestamp: 27,
  maxTimestamp: 35,
  producerId: 43,
  producerEpoch: 51,
  baseSequence: 53,
  count: 57,
  records: 61,
};

/** Bits of the attributes. */
export const CODEC = 0x07;
export const STAMPED_BY_BROKER = 0x08;
export const TRANSACTIONAL = 0x10;
export const CONTROL = 0x20;
