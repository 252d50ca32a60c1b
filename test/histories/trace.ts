/** What happened in a history, line by line. Lines are formatted only where the trace is kept. */
export interface Trace {
  readonly lines: readonly string[];
  /** `line` is called only where the trace is kept. */
  add(source: string, line: () => string): void;
}

const TIME_WIDTH = 9;
const SOURCE_WIDTH = 9;

/** A trace with the time before each line. */
export function recordedTrace(now: () => number): Trace {
  const lines: string[] = [];
  return {
    lines,
    add: (source, line) => {
      const time = (now() / 1_000).toFixed(3).padStart(TIME_WIDTH);
      lines.push(`${time} s  ${source.padEnd(SOURCE_WIDTH)}  ${line()}`);
    },
  };
}

/** For the many histories in which nothing is wrong. */
export const noTrace: Trace = { lines: [], add: () => undefined };
