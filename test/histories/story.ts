/** What happened in a history, for a person. Lines are made only where somebody will read them. */
export interface Story {
  readonly lines: readonly string[];
  /** `line` is called only where the story is kept. */
  tell(who: string, line: () => string): void;
}

const TIME_WIDTH = 9;
const WHO_WIDTH = 9;

/** A story with the time before each line. */
export function toldStory(now: () => number): Story {
  const lines: string[] = [];
  return {
    lines,
    tell: (who, line) => {
      const time = (now() / 1_000).toFixed(3).padStart(TIME_WIDTH);
      lines.push(`${time} s  ${who.padEnd(WHO_WIDTH)}  ${line()}`);
    },
  };
}

/** For the many histories in which nothing is wrong. */
export const untold: Story = { lines: [], tell: () => undefined };
