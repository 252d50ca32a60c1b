const LF = 0x0a;
const FROM = new TextEncoder().encode('From ');
const QUOTE = 0x3e;

const beginsWithFrom = (bytes: Uint8Array, at: number): boolean =>
  FROM.every((byte, index) => bytes[at + index] === byte);

/** The end of the line that begins at `at`: behind its LF, or the end of the bytes. */
function lineEnd(bytes: Uint8Array, at: number): number {
  const end = bytes.indexOf(LF, at);
  return end < 0 ? bytes.length : end + 1;
}

/** Whether the line before `at` is empty, or there is none. */
function isAfterEmptyLine(bytes: Uint8Array, at: number): boolean {
  if (at === 0) return true;
  const before = at >= 2 && bytes[at - 2] === 0x0d ? at - 2 : at - 1;
  return before === 0 || bytes[before - 1] === LF;
}

/** Whether a line is quoted: one `>` and more before `From `. */
function isQuoted(bytes: Uint8Array, at: number): boolean {
  let next = at;
  while (bytes[next] === QUOTE) next += 1;
  return next > at && beginsWithFrom(bytes, next);
}

/** A message without the `>` that the mailbox has put before each of its lines that begin with `From ` (mboxrd). */
function unquoted(message: Uint8Array): Uint8Array {
  const kept = new Uint8Array(message.length);
  let length = 0;
  for (let at = 0; at < message.length;) {
    const end = lineEnd(message, at);
    const line = message.subarray(isQuoted(message, at) ? at + 1 : at, end);
    kept.set(line, length);
    length += line.length;
    at = end;
  }
  return kept.subarray(0, length);
}

/** Whether the bytes are a mailbox: they begin with a `From ` line. */
export const isMbox = (bytes: Uint8Array): boolean => beginsWithFrom(bytes, 0);

/**
 * The messages of an mbox (RFC 4155), without their `From ` lines. A `From ` line begins a message at the beginning or
 * after an empty line only. Bytes before the first one are a message too.
 */
export function* messagesOf(mbox: Uint8Array): Iterable<Uint8Array> {
  let start = 0;
  for (let at = 0; at < mbox.length;) {
    const end = lineEnd(mbox, at);
    if (beginsWithFrom(mbox, at) && isAfterEmptyLine(mbox, at)) {
      if (at > start) yield unquoted(mbox.subarray(start, at));
      start = end;
    }
    at = end;
  }
  if (start < mbox.length) yield unquoted(mbox.subarray(start));
}
