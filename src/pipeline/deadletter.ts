import type { Rejected } from '../feedback/decode';
import type { RecordHeader } from '../feedback/source';
import { DEAD_LETTER_TOPIC } from '../feedback/topics';
import type { OutgoingRecord } from '../kpi/sink';

const DETAIL_LENGTH_MAX = 1_000;

/**
 * The dead letter of a record that is set aside: its key, value, headers and stamp as they are, in the partition of its
 * own number, and behind its headers why it lies there and where it came from. The names under `__connect.errors` are
 * Kafka Connect's, so that tools for its dead letters show ours. `topics` are the names by topic index.
 */
export function deadLetter({ record, reason, detail }: Rejected, topics: readonly string[]): OutgoingRecord {
  const { partition, offset, key, value, timestamp } = record;
  const topic = topics[record.topic] ?? '';
  const text = detail.slice(0, DETAIL_LENGTH_MAX);
  const added: [string, string][] = [
    ['efs.reason', reason],
    ['efs.detail', text],
    ['efs.origin', `${topic}/${partition}/${offset}`],
    ['__connect.errors.topic', topic],
    ['__connect.errors.partition', String(partition)],
    ['__connect.errors.offset', String(offset)],
    ['__connect.errors.exception.message', `${reason}: ${text}`],
  ];
  const headers: RecordHeader[] = [
    ...record.headers(),
    ...added.map(([name, content]) => header(name, content)),
  ];
  return { topic: DEAD_LETTER_TOPIC, partition, key, value, headers, timestamp };
}

function header(name: string, content: string): RecordHeader {
  return { name: Buffer.from(name, 'latin1'), value: Buffer.from(content, 'utf8') };
}
