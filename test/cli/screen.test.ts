import { screen } from '../../src/cli/screen';

const ESC = '\u001b';

/** A terminal of few lines that scrolls; `read` returns its visible lines. */
function terminal(columns: number, rows: number) {
  let lines: string[] = Array<string>(rows).fill('');
  let at = 0;
  const newLine = (): void => {
    if (at < rows - 1) at += 1;
    else lines = [...lines.slice(1), ''];
  };
  const write = (text: string): void => {
    const parts = text.matchAll(new RegExp(`${ESC}\\[(\\d+)A|${ESC}\\[J|\\n|\\r|[^${ESC}\\n\\r]+`, 'g'));
    for (const [part, up] of parts) {
      if (up !== undefined) at = Math.max(0, at - Number(up));
      else if (part === `${ESC}[J`) lines = lines.map((line, index) => (index < at ? line : ''));
      else if (part === '\n') newLine();
      else if (part !== '\r') {
        for (let from = 0; from < part.length; from += columns) {
          if (from > 0) newLine();
          lines[at] = part.slice(from, from + columns);
        }
      }
    }
  };
  return { isTTY: true, columns, rows, write, read: () => lines.filter((line) => line !== '') };
}

describe('a screen', () => {
  it('replaces the previous text, also at the lower edge of the terminal', () => {
    const out = terminal(40, 6);
    out.write('first\nsecond\nthird\nfourth\nfifth\n');
    const shown = screen(out);
    for (const text of ['a 1\nb 1\n', 'a 2\nb 2\nc 2\n', 'a 3\n']) shown.draw(text);
    expect(out.read()).toEqual(['fourth', 'fifth', 'a 3']);
  });

  it('cuts off lines and columns that do not fit, so that the next text replaces all of it', () => {
    const out = terminal(10, 4);
    const shown = screen(out);
    shown.draw('too long for a line\n2\n3\n4\n5\n');
    shown.draw('too long for a line\n2\n3\n4\n5\n');
    expect(out.read()).toEqual(['too long ', '2', '3']);
  });

  it('writes each text below the previous one where the output is not a terminal', () => {
    const written: string[] = [];
    const shown = screen({ write: (text) => written.push(text) });
    shown.draw('a\n');
    shown.draw('b\n');
    expect(written).toEqual(['a\n\n', 'b\n\n']);
  });
});
