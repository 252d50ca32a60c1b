import { printable } from '../base/log';

/** `12,345` whatever the locale. */
export const grouped = (count: number): string =>
  String(Math.round(count)).replace(/\B(?=(\d{3})+(?!\d))/g, ',');

/** A share as a percentage with one decimal; a dash where it is null. */
export const percent = (share: number | null): string =>
  share === null ? '–' : `${(share * 100).toFixed(1)} %`;

/**
 * Rows of cells as aligned lines. `sides` has a letter for each column, `l` for left and `r` for right; the last one holds
 * for all further columns.
 */
export function table(rows: readonly (readonly string[])[], sides = 'lr'): string[] {
  const widths: number[] = [];
  for (const row of rows) row.forEach((cell, i) => (widths[i] = Math.max(widths[i] ?? 0, cell.length)));
  const aligned = (cell: string, i: number): string => {
    const width = widths[i] ?? 0;
    return (sides[i] ?? sides.at(-1)) === 'l' ? cell.padEnd(width) : cell.padStart(width);
  };
  return rows.map((row) => row.map(aligned).join('  ').trimEnd());
}

/** JSON on one line, without characters that could control a terminal. */
export function jsonLine(value: unknown): string {
  const text = JSON.stringify(value);
  return text.replace(
    /[\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

/** Prints lines on standard output, without characters that could control a terminal. */
export function printLines(lines: readonly string[]): void {
  process.stdout.write(lines.map((line) => `${printable(line)}\n`).join(''));
}

/** Prints the result of a command: as a line of JSON where that is asked for, else as lines of text. */
export function print<T>(
  result: T,
  { json }: { readonly json?: true },
  linesOf: (result: T) => readonly string[],
): void {
  printLines(json ? [jsonLine(result)] : linesOf(result));
}
