/** What is drawn upon: a terminal, or paper. */
export interface Canvas {
  readonly isTTY?: boolean;
  readonly columns?: number;
  readonly rows?: number;
  write(text: string): unknown;
}

/** Shows a text that changes. */
export interface Screen {
  /** Puts the text in the place of the one before; on paper, below it. */
  draw(text: string): void;
}

const UP_AND_CLEAR = (lines: number): string => `${lines > 0 ? `\u001b[${lines}A` : ''}\r\u001b[J`;

/**
 * A screen from where the cursor stands on. Goes back by as many lines as it wrote, whatever has scrolled meanwhile; so no
 * line may wrap, and none may leave by the upper edge: what has no room is cut off.
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
