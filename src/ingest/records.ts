const LINE_FEED = 0x0a;
const QUOTE = 0x22;
const COMMA = 0x2c;
/** A longer line, or quoted row, is no event of any MTA. */
export const RECORD_BYTES_MAX = 1024 * 1024;

/** A line, or a row of CSV, without its line end, and without the byte order mark that a file may begin with. */
export interface TextRecord {
  readonly text: string;
  /** Whether the text is only the beginning of a record that is too long. */
  readonly isCut: boolean;
}

/** Cuts a stream of bytes into records. */
export interface Splitter {
  /** The records that are whole with these bytes. */
  push(chunk: Buffer): TextRecord[];
  /** The record that the stream ends with, where its line end is missing. */
  end(): TextRecord[];
  /** Bytes that belong to a record that is not whole yet. */
  held(): number;
}

/** Follows the quotes of a row through its bytes: a quote opens at the beginning of a cell only, elsewhere it is text. */
class Quotes {
  #isOpen = false;
  #hasClosed = false;
  #last = COMMA;

  get isOpen(): boolean {
    return this.#isOpen;
  }

  add(bytes: Buffer): void {
    for (let at = bytes.indexOf(QUOTE); at >= 0; at = bytes.indexOf(QUOTE, at + 1)) {
      const before = at === 0 ? this.#last : bytes[at - 1];
      // A quote right after one that closed makes of both a quote within the cell.
      const opens = !this.#isOpen && (before === COMMA || (before === QUOTE && this.#hasClosed));
      this.#hasClosed = this.#isOpen;
      this.#isOpen = opens;
    }
    this.#last = bytes.at(-1) ?? this.#last;
  }
}

/**
 * Splits at line ends. With `isQuoted`, a line end within quotes is part of its record (RFC 4180). Only the beginning of a
 * record that is too long is kept.
 */
export function splitter({ isQuoted }: { readonly isQuoted: boolean }): Splitter {
  let parts: Buffer[] = [];
  let length = 0;
  let quotes = new Quotes();

  const add = (bytes: Buffer): void => {
    if (length < RECORD_BYTES_MAX) parts.push(bytes.subarray(0, RECORD_BYTES_MAX - length));
    length += bytes.length;
    if (isQuoted) quotes.add(bytes);
  };
  const take = (): TextRecord => {
    const text = (parts.length === 1 && parts[0] ? parts[0] : Buffer.concat(parts)).toString('utf8');
    const record = {
      text: text.replace(/^\uFEFF/u, '').replace(/\r?\n?$/u, ''),
      isCut: length > RECORD_BYTES_MAX,
    };
    parts = [];
    length = 0;
    quotes = new Quotes();
    return record;
  };
  // An open quote that is never closed must not swallow the rest of the log.
  const isWhole = (): boolean => !quotes.isOpen || length > RECORD_BYTES_MAX;

  return {
    push(chunk) {
      const records: TextRecord[] = [];
      let from = 0;
      for (let at = chunk.indexOf(LINE_FEED); at >= 0; at = chunk.indexOf(LINE_FEED, from)) {
        add(chunk.subarray(from, at + 1));
        from = at + 1;
        if (isWhole()) records.push(take());
      }
      if (from < chunk.length) add(chunk.subarray(from));
      return records;
    },
    end: () => (length === 0 ? [] : [take()]),
    held: () => length,
  };
}
