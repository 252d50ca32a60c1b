import { assert, must } from '../base/assert';
import {
  CONTRIBUTIONS_TOPIC,
  DELIVERY_KPI_TOPIC,
  MESSAGE_STATUS_TOPIC,
  RETRY_OUTCOME_TOPIC,
} from '../feedback/topics';
import type { OutgoingRecord } from '../log/sink';

/*
 * An outbox as stored: the records of one commit that Kafka has not acknowledged yet. Big-endian, each record:
 *   u8 topic, u16 partition, u16 key length, key, u32 value length, value
 */
const TOPICS: readonly string[] = [
  CONTRIBUTIONS_TOPIC,
  DELIVERY_KPI_TOPIC,
  MESSAGE_STATUS_TOPIC,
  RETRY_OUTCOME_TOPIC,
];
const RECORD_OVERHEAD = 9;

/** Packs records without headers, of the topics that go through an outbox. Null where there is nothing to emit. */
export function packOutbox(records: readonly OutgoingRecord[]): Buffer | null {
  if (records.length === 0) return null;
  let size = 0;
  for (const record of records)
    size += RECORD_OVERHEAD + bytesOf(record.key).length + bytesOf(record.value).length;
  const packed = Buffer.allocUnsafe(size);
  let at = 0;
  for (const record of records) at = packRecord(packed, at, record);
  return packed;
}

function packRecord(packed: Buffer, start: number, record: OutgoingRecord): number {
  const topic = TOPICS.indexOf(record.topic);
  assert(topic >= 0 && record.headers === undefined, `${record.topic} does not go through the outbox`);
  const key = bytesOf(record.key);
  const value = bytesOf(record.value);
  let at = packed.writeUInt8(topic, start);
  at = packed.writeUInt16BE(record.partition, at);
  at = packed.writeUInt16BE(key.length, at);
  at += key.copy(packed, at);
  at = packed.writeUInt32BE(value.length, at);
  return at + value.copy(packed, at);
}

function bytesOf(bytes: Buffer | null): Buffer {
  return must(bytes, 'a record in the outbox has a key and a value');
}

const TRUNCATED = 'a truncated outbox is stored';

/** The records that `packOutbox` packed, in order. Other bytes are a broken invariant. */
export function unpackOutbox(packed: Buffer | null): OutgoingRecord[] {
  const records: OutgoingRecord[] = [];
  if (packed === null) return records;
  for (let at = 0; at < packed.length;) {
    assert(at + RECORD_OVERHEAD <= packed.length, TRUNCATED);
    const topic = must(TOPICS[packed.readUInt8(at)], 'the outbox names a topic that is not in its table');
    const partition = packed.readUInt16BE(at + 1);
    const keyEnd = at + 5 + packed.readUInt16BE(at + 3);
    assert(keyEnd + 4 <= packed.length, TRUNCATED);
    const valueEnd = keyEnd + 4 + packed.readUInt32BE(keyEnd);
    assert(valueEnd <= packed.length, TRUNCATED);
    const key = packed.subarray(at + 5, keyEnd);
    const value = packed.subarray(keyEnd + 4, valueEnd);
    records.push({ topic, partition, key, value });
    at = valueEnd;
  }
  return records;
}
