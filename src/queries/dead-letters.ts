import { readDeadLetter } from '../feedback/dead-letter';
import type { DeadLetterReason } from '../feedback/decode';
import type { LogRecord } from '../log/source';

/** A dead letter, or a foreign record, as the view keeps it. Times are milliseconds since 1970. */
export interface KeptLetter {
  /** Its partition and offset in the dead-letter topic. */
  readonly partition: number;
  readonly offset: number;
  readonly reason: DeadLetterReason | 'unknown';
  readonly detail: string;
  /** Where the record was read: `topic/partition/offset`. */
  readonly origin: string;
  /** The record's timestamp in the log. */
  readonly timestamp: number;
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  /** Length of the record's value; it is kept only up to a limit, here and in the dead letter. */
  readonly bytes: number;
}

/** What is kept of a record of the dead-letter topic; null for the progress record of a redrive. */
function keptOf(record: LogRecord): KeptLetter | null {
  const { partition, offset, timestamp, key, value } = record;
  const read = readDeadLetter(record);
  if (read.kind === 'progress') return null;
  const { reason, detail, origin, valueBytes } = read.kind === 'letter' ? read : FOREIGN;
  const at = { partition, offset, timestamp, key, value, bytes: valueBytes ?? value?.length ?? 0 };
  return { ...at, reason, detail, origin: origin && `${origin.topic}/${origin.partition}/${origin.offset}` };
}

/** A record that another producer wrote to the topic carries no reason and no origin. */
const FOREIGN = { reason: 'unknown', detail: '', origin: '', valueBytes: null } as const;

/** The newest dead letters, and how many there are by reason. */
export interface DeadLetterView {
  /** Takes the next record of a partition of the dead-letter topic. */
  take(record: LogRecord): void;
  /**
   * Newest first; `before` is the cursor of the previous page. A cursor to letters that are no longer kept gives no
   * letters.
   */
  page(options: { readonly limit: number; readonly before: number | null }): {
    letters: readonly KeptLetter[];
    cursor: number | null;
  };
  /** Counts of all letters taken. */
  byReason(): Readonly<Record<string, number>>;
  total(): number;
}

const LETTERS_KEPT = 1_000;
/** Bytes kept of a value; enough for any feedback. */
const BYTES_KEPT = 8_192;

/** Keeps the last `kept` letters in full and counts the rest. Records come roughly in the order of their writing. */
export function deadLetterView(kept: number = LETTERS_KEPT): DeadLetterView {
  const letters: KeptLetter[] = [];
  const counts = new Map<string, number>();
  let total = 0;
  return {
    take(record) {
      const letter = keptOf(record);
      if (letter === null) return;
      // Copies: slices of the log's buffers would keep buffers many times as large alive.
      const copy = (bytes: Buffer | null): Buffer | null =>
        bytes === null ? null : Buffer.from(bytes.subarray(0, BYTES_KEPT));
      letters.push({ ...letter, key: copy(letter.key), value: copy(letter.value) });
      if (letters.length > 2 * kept) letters.splice(0, letters.length - kept);
      counts.set(letter.reason, (counts.get(letter.reason) ?? 0) + 1);
      total += 1;
    },
    page({ limit, before }) {
      // A cursor is a letter's index in the order of arrival, from 0.
      const first = total - Math.min(letters.length, kept);
      const end = Math.max(first, Math.min(before ?? total, total));
      const begin = Math.max(first, end - limit);
      const offset = total - letters.length;
      const page = letters.slice(begin - offset, end - offset).reverse();
      return { letters: page, cursor: begin > first ? begin : null };
    },
    byReason: () => Object.fromEntries([...counts].sort(([a], [b]) => (a < b ? -1 : 1))),
    total: () => total,
  };
}
