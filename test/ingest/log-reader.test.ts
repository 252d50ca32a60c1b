import { customary, READER_SETTINGS } from '../../src/mta/settings';
import { AT_BEGINNING, logReader, type LogPosition } from '../../src/ingest/log-reader';
import { RECORD_BYTES_MAX, splitter } from '../../src/ingest/records';
import type { LineReader, RowFormat } from '../../src/mta/format';
import type { Json } from '../../src/mta/json';

const textsOf = (isQuoted: boolean, chunks: readonly (string | Buffer)[]): string[] => {
  const pieces = splitter({ isQuoted });
  const records = [...chunks.flatMap((chunk) => pieces.push(Buffer.from(chunk))), ...pieces.end()];
  return records.map(({ text, isCut }) => (isCut ? `cut ${text.length}` : text));
};

describe('records of a stream', () => {
  it('are its lines, however it is cut, the last without a line end', () => {
    const bytes = Buffer.from('one\r\nzwei ü\n\nfour');
    for (let at = 0; at <= bytes.length; at += 1)
      expect(textsOf(false, [bytes.subarray(0, at), bytes.subarray(at)])).toEqual([
        'one',
        'zwei ü',
        '',
        'four',
      ]);
  });

  it('do not begin with the byte order mark of their file', () => {
    expect(textsOf(false, ['\uFEFF{"a":"\uFEFF"}\n{}'])).toEqual(['{"a":"\uFEFF"}', '{}']);
    expect(textsOf(true, ['\uFEFFtype,rcpt\nd,x'])).toEqual(['type,rcpt', 'd,x']);
  });

  it('are rows with line ends within quotes', () => {
    expect(textsOf(true, ['a,"b\nc', ' ""d""\n"\ne,f\n'])).toEqual(['a,"b\nc ""d""\n"', 'e,f']);
  });

  it('are rows whose quotes within a cell are text, and hold no line end', () => {
    const chunks = ['a,b"c\nd,"",""\n"x"', '"\n",e\n'];
    expect(textsOf(true, chunks)).toEqual(['a,b"c', 'd,"",""', '"x""\n",e']);
  });

  it('are the same rows however they are cut', () => {
    const bytes = Buffer.from('a,"b""\n""",\n"",c"\n');
    for (let at = 0; at <= bytes.length; at += 1)
      expect(textsOf(true, [bytes.subarray(0, at), bytes.subarray(at)])).toEqual(['a,"b""\n""",', '"",c"']);
  });

  it('are cut where they are too long, and the next is whole', () => {
    const long = 'x'.repeat(RECORD_BYTES_MAX + 5);
    expect(textsOf(false, [long, 'yy\nnext\n'])).toEqual([`cut ${RECORD_BYTES_MAX}`, 'next']);
    expect(textsOf(true, [`"${long}\nnext\n`])).toEqual([`cut ${RECORD_BYTES_MAX}`, 'next']);
  });
});

/** A format whose rows count themselves, over checkpoints. */
const counting: RowFormat = {
  name: 'counting',
  framing: 'rows',
  identity: { deliveryId: [], messageId: [] },
  open(_, saved: Json): LineReader<readonly string[]> {
    let count = typeof saved === 'number' ? saved : 0;
    return {
      read: (row) => [{ ignored: `${(count += 1)}:${row.join('|')}` }],
      saved: () => count,
    };
  },
};

const source = { name: 'log', format: counting, settings: customary(counting), reader: READER_SETTINGS };
const events = (taken: readonly { mapped: object }[]): unknown[] =>
  taken.map(({ mapped }) => ('event' in mapped ? mapped.event : mapped));

describe('a log', () => {
  it('loses only the row that was cut within quotes', () => {
    const bytes = Buffer.from('a,"cut\r\nb,"1",x\r\nc,"2"\nd,3\n');
    expect(events(logReader(source, counting, AT_BEGINNING).push(bytes))).toMatchObject([
      { reason: 'not-parsable' },
      ...['1:b|1|x', '2:c|2', '3:d|3'],
    ]);
  });

  it('is read on from any position as if it had been read at once', () => {
    const bytes = Buffer.from('a,"x\ny"\nb,2\n\nc,"3"\n');
    const all = events(logReader(source, counting, AT_BEGINNING).push(bytes));
    expect(all).toEqual(['1:a|x\ny', '2:b|2', '3:c|3']);
    for (let at = 0; at <= bytes.length; at += 1) {
      const first = logReader(source, counting, AT_BEGINNING);
      const before = events(first.push(bytes.subarray(0, at)));
      const position = JSON.parse(JSON.stringify(first.position())) as LogPosition;
      const after = logReader(source, counting, position).push(bytes.subarray(position.offset));
      expect([...before, ...events(after)]).toEqual(all);
    }
  });
});
