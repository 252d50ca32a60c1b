/** Thrown by a target whose input breaks an invariant. */
export class Finding extends Error {
  override readonly name = 'Finding';
}

/** One reader of bytes from outside, opened once for many inputs. */
export interface Opened {
  /** Inputs that are valid, or nearly so, from which others are made. */
  readonly seeds: readonly Buffer[];
  /**
   * Reads an input, and returns what it came to, in few words: inputs that come to something new are kept and changed further.
   * Throws where an invariant does not hold.
   */
  run(input: Buffer): string | Promise<string>;
  /** Puts right what random changes break and no reader would pass, such as a checksum. */
  repair?(input: Buffer): Buffer;
  close?(): Promise<void>;
}

export interface Target {
  readonly name: string;
  /** No input may take more of the processor, in milliseconds. */
  readonly maxMs: number;
  /** No input is longer, in bytes. */
  readonly maxBytes: number;
  open(): Promise<Opened>;
}

/** A text in few words: what differs from input to input is left out. */
export const inFewWords = (text: string): string =>
  text
    .replace(/[^\x20-\x7e]+/g, '?')
    .replace(/\d+/g, '#')
    .slice(0, 80);

/** Runs a reader that may fail with certain errors only; returns its result, or the error in few words. */
export function allowing<T>(
  isAllowed: (error: unknown) => boolean,
  read: () => T,
): { readonly value: T } | { readonly refused: string } {
  try {
    return { value: read() };
  } catch (error) {
    if (isAllowed(error)) return { refused: inFewWords(String(error)) };
    throw error;
  }
}

/** Throws a `Finding` unless the condition holds. */
export function holds(condition: boolean, invariant: string): void {
  if (!condition) throw new Finding(`does not hold: ${invariant}`);
}
