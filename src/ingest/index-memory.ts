import { INDEX_SPAN_MS, type IndexEntry, indexEntryOf } from '../feedback/ingest-index';

/** What an entry takes beside its value: the key, and the places of both in a map. */
const ENTRY_BYTES = 160;
/** Of one with ids as short as they are. */
export const ENTRY_BYTES_MIN = ENTRY_BYTES + 48;

/** The newest entries of the index, in a bounded memory. */
export interface IndexMemory {
  /** The entry of the first key that has one, if an event at that time may be of its message; null without one. */
  find(keys: readonly string[], at: number): IndexEntry | null;
  /** Takes a record's value, in place of a former one of the key; null removes that. */
  put(key: string, value: Buffer | null): void;
  entries(): number;
}

/** Texts of one byte a character, whatever the value is: half of what they would take otherwise. */
const kept = (value: Buffer): string => value.toString('latin1');
const entryOf = (text: string): IndexEntry | null =>
  indexEntryOf(Buffer.from(text, 'latin1').toString('utf8'));

/** A memory of about so many bytes: beyond them those entries give way that were put longest ago. */
export function indexMemory(bytesMax: number): IndexMemory {
  const values = new Map<string, string>();
  let bytes = 0;
  // One that goes on: a new one would pass over the places of all that was removed.
  let oldest = values.keys();
  const drop = (key: string): void => {
    const value = values.get(key);
    if (value === undefined) return;
    values.delete(key);
    bytes -= ENTRY_BYTES + value.length;
  };
  return {
    find(keys, at) {
      for (const key of keys) {
        const value = values.get(key);
        const entry = value === undefined ? null : entryOf(value);
        if (entry !== null && Math.abs(at - entry.at) <= INDEX_SPAN_MS) return entry;
      }
      return null;
    },
    put(key, value) {
      drop(key);
      if (value === null) return;
      values.set(key, kept(value));
      bytes += ENTRY_BYTES + value.length;
      while (bytes > bytesMax) {
        const next = oldest.next();
        if (next.done === true) oldest = values.keys();
        else drop(next.value);
      }
    },
    entries: () => values.size,
  };
}
