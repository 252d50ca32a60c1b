/** The output: a terminal, or a file or pipe. */
export interface Canvas {
  readonly isTTY?: boolean;
  readonly columns?: number;
  readonly rows?: number;
  write(text: string): unknown;
}

/** Shows a changing text. */
export interface Screen {
  /** Replaces the previous text; where the output is not a terminal, writes below it. */
  draw(text: string): void;
}

const UP_AND_CLEAR = (lines: number): string => `${lines > 0 ? `\u001b[${lines}A` : ''}\r\u001b[J`;

/**
 * A screen that begins at the cursor. It goes back by as many lines as it wrote, whatever has scrolled meanwhile; so no
 * line may wrap or leave the upper edge: text that does not fit is cut off.
 */
export function screen(out: Canvas): Screen {
  let drawn = 0;
  return {
    draw(text) {
      if (out.isTTY !== true) return void out.write(`${text}\n`);
      const { columns = 80, rows = 24 } = out;
      const lines = text
        .trimEnd()
        .split('\n')
        .slice(0, rows - 1)
        .map((line) => line.slice(0, columns - 1));
      out.write(`${UP_AND_CLEAR(drawn)}${lines.map((line) => `${line}\n`).join('')}`);
      drawn = lines.length;
    },
  };
}
