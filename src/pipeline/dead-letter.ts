import { deadLetterHeaders } from '../feedback/dead-letter';
import type { Rejected } from '../feedback/decode';
import { DEAD_LETTER_TOPIC } from '../feedback/topics';
import type { OutgoingRecord } from '../log/sink';

const DETAIL_LENGTH_MAX = 1_000;

/**
 * The dead letter of a record that is set aside: its key, value, headers and stamp as they are, in the partition of its
 * own number, and behind its headers why it lies there and where it came from. `topics` are the names by topic index.
 */
export function deadLetter({ record, reason, detail }: Rejected, topics: readonly string[]): OutgoingRecord {
  const { partition, offset, key, value, timestamp } = record;
  const origin = { topic: topics[record.topic] ?? '', partition, offset };
  const why = { reason, detail: detail.slice(0, DETAIL_LENGTH_MAX), origin };
  const headers = deadLetterHeaders(record.headers(), why);
  return { topic: DEAD_LETTER_TOPIC, partition, key, value, headers, timestamp };
}
