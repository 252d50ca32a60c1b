import { readDeadLetter } from '../feedback/dead-letter';
import type { LogRecord } from '../log/source';

/** A record that was set aside. Times are milliseconds since 1970. */
export interface DeadLetter {
  /** Its place in the dead-letter topic. */
  readonly partition: number;
  readonly offset: number;
  readonly reason: string;
  readonly detail: string;
  /** Where it lay: `topic/partition/offset`. */
  readonly origin: string;
  /** The log's stamp of the record. */
  readonly timestamp: number;
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  /** Length of the value; it is kept only up to a limit. */
  readonly bytes: number;
}

/** What a record of the dead-letter topic says of itself; null for a note of what was put back. */
function deadLetterOf(record: LogRecord): DeadLetter | null {
  const { partition, offset, timestamp, key, value } = record;
  const read = readDeadLetter(record);
  if (read.kind === 'note') return null;
  const { reason, detail, origin } = read.kind === 'letter' ? read : FOREIGN;
  const at = { partition, offset, timestamp, key, value, bytes: value?.length ?? 0 };
  return { ...at, reason, detail, origin: origin && `${origin.topic}/${origin.partition}/${origin.offset}` };
}

/** What somebody else wrote to the topic says nothing of itself. */
const FOREIGN = { reason: 'unknown', detail: '', origin: '' } as const;

/** The newest dead letters, and how many there are by reason. */
export interface DeadLetterView {
  /** Takes the next record of a partition of the dead-letter topic. */
  take(record: LogRecord): void;
  /** From the newest on; `before` is the cursor of the page before. A cursor of letters no longer kept gives none. */
  page(options: { readonly limit: number; readonly before: number | null }): {
    letters: readonly DeadLetter[];
    cursor: number | null;
  };
  /** Of all that were taken. */
  byReason(): Readonly<Record<string, number>>;
  total(): number;
}

const LETTERS_KEPT = 1_000;
/** Of a value; enough for any feedback. */
const BYTES_KEPT = 8_192;

/** Keeps the last thousand in full, and counts the rest. Records come in the order of arrival, roughly. */
export function deadLetterView(kept: number = LETTERS_KEPT): DeadLetterView {
  const letters: DeadLetter[] = [];
  const counts = new Map<string, number>();
  let total = 0;
  return {
    take(record) {
      const letter = deadLetterOf(record);
      if (letter === null) return;
      // Copies: what comes from the log is cut from buffers many times as large.
      const copy = (bytes: Buffer | null): Buffer | null =>
        bytes === null ? null : Buffer.from(bytes.subarray(0, BYTES_KEPT));
      letters.push({ ...letter, key: copy(letter.key), value: copy(letter.value) });
      if (letters.length > 2 * kept) letters.splice(0, letters.length - kept);
      counts.set(letter.reason, (counts.get(letter.reason) ?? 0) + 1);
      total += 1;
    },
    page({ limit, before }) {
      // A letter's number is its place in the order of arrival, from 0.
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
