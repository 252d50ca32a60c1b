import { parse } from 'csv-parse/sync';
import fc from 'fast-check';
import { rowOf } from '../../src/ingest/row';
import { expectEqual } from '../support/equal';

const parsed = (text: string): readonly string[] | null => {
  try {
    return parse(text, { relaxColumnCount: true, relaxQuotes: true })[0] ?? [];
  } catch {
    return null;
  }
};

const read = (text: string): readonly string[] | null => {
  try {
    return rowOf(text);
  } catch {
    return null;
  }
};

describe('a row of CSV', () => {
  test('has the cells that a parser of CSV finds, whatever is quoted or misplaced', () => {
    const texts = fc.string({
      unit: fc.constantFrom('"', ',', 'a', ' ', ';', '\n', '\r'),
      minLength: 1,
      maxLength: 24,
    });
    fc.assert(
      fc.property(texts, (text) => {
        fc.pre(text.trim() !== '');
        expectEqual(read(text), parsed(text));
      }),
      { numRuns: 3_000 },
    );
  });

  test('keeps line ends and doubled quotes of quoted cells', () => {
    expect(rowOf('d,"smtp;250 ""ok"",\r\nqueued",')).toEqual(['d', 'smtp;250 "ok",\r\nqueued', '']);
  });

  test('of 1 MiB is read in one go', () => {
    const long = 'x""'.repeat(300_000);
    expect(rowOf(`b,"${long}"`)).toEqual(['b', long.replaceAll('""', '"')]);
  });
});
