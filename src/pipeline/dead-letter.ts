import { deadLetterHeaders } from '../feedback/dead-letter';
import type { Rejected } from '../feedback/decode';
import { keptOf } from '../feedback/kept';
import { DEAD_LETTER_TOPIC } from '../feedback/topics';
import type { OutgoingRecord } from '../log/sink';

const DETAIL_LENGTH_MAX = 1_000;

/**
 * The dead letter of a rejected record: its key, value, headers and timestamp unchanged, in the partition of the same
 * number, and after its own headers the reason and the origin. What would not fit the topic is cut, and the letter says
 * so. `topics` are the names by topic index.
 */
export function deadLetter({ record, reason, detail }: Rejected, topics: readonly string[]): OutgoingRecord {
  const { partition, offset, timestamp } = record;
  const origin = { topic: topics[record.topic] ?? '', partition, offset };
  const why = { reason, detail: detail.slice(0, DETAIL_LENGTH_MAX), origin };
  const { key, value, headers: own, cuts } = keptOf(record);
  const headers = deadLetterHeaders(own, why, cuts);
  return { topic: DEAD_LETTER_TOPIC, partition, key, value, headers, timestamp };
}
