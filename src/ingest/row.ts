import { parse } from 'csv-parse/sync';

/** A cell as RFC 4180 has it, and the comma or the end behind it. */
const CELL = /(?:"([^"]*(?:""[^"]*)*)"|([^",\r\n]*))(,|$)/y;

/** The cells of a row without faults; null for another, whose cells are not these. */
function exactCells(text: string): readonly string[] | null {
  const cells: string[] = [];
  CELL.lastIndex = 0;
  for (;;) {
    const cell = CELL.exec(text);
    if (cell === null) return null;
    const [, quoted, plain = '', end] = cell;
    cells.push(quoted?.replaceAll('""', '"') ?? plain);
    if (end === '') return cells;
  }
}

/** The cells of one row of CSV, without its line end; quotes may be out of place. Throws where the row is no CSV. */
export const rowOf = (text: string): readonly string[] =>
  // A parser for each row costs more than everything else that is done with it.
  exactCells(text) ?? parse(text, { relaxColumnCount: true, relaxQuotes: true })[0] ?? [];

/**
 * The rows in a text that its quotes hold together: itself; or, where it is no exact CSV, its lines, since a row that was
 * cut within quotes takes the next ones with it.
 */
export const rowsIn = (text: string): readonly string[] =>
  text.includes('\n') && exactCells(text) === null ? text.split(/\r?\n/u) : [text];
