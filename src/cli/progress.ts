import type { Clock } from '../base/clock';
import { grouped } from './print';

/** Shows the progress of a long operation. */
export interface Progress {
  /** Shows `done` of the total; the total may grow. */
  at(done: number, total?: number): void;
  /** Clears the bar, if one is shown. */
  end(): void;
}

const WIDTH = 30;
const REDRAW_MS = 100;
const LINE_EVERY_MS = 5_000;

/** `40 s`, `3 min`, `2 h`. */
function duration(seconds: number): string {
  if (seconds < 90) return `${Math.ceil(seconds)} s`;
  return seconds < 5_400 ? `${Math.round(seconds / 60)} min` : `${Math.round(seconds / 3_600)} h`;
}

/**
 * On a terminal a bar that redraws itself, elsewhere a plain line every five seconds. The total is an estimate: the
 * bar never goes beyond its end.
 */
export function progress(
  stream: { readonly isTTY?: boolean; write(text: string): unknown },
  options: {
    readonly total: number;
    readonly what: string;
    readonly clock: Clock;
    /** How much was done before this run. */
    readonly from?: number;
  },
): Progress {
  const { what, clock, from = 0 } = options;
  const began = clock.monotonic();
  const terminal = stream.isTTY === true;
  let shown = began;
  return {
    at: (done, total = options.total) => {
      const now = clock.monotonic();
      if (now - shown < (terminal ? REDRAW_MS : LINE_EVERY_MS)) return;
      shown = now;
      const part = Math.min(1, total === 0 ? 1 : done / total);
      const rate = ((done - from) * 1000) / (now - began);
      const left = rate > 0 && done < total ? `  ${duration((total - done) / rate)} left` : '';
      const text = `${Math.floor(part * 100)} %  ${grouped(done)} ${what}  ${grouped(rate)}/s${left}`;
      const filled = Math.round(part * WIDTH);
      stream.write(
        terminal ? `\r[${'#'.repeat(filled)}${' '.repeat(WIDTH - filled)}] ${text}\u001b[K` : `${text}\n`,
      );
    },
    end: () => void (terminal && stream.write('\r\u001b[K')),
  };
}
