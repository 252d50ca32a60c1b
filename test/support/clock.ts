import type { Clock } from '../../src/base/clock';

/** A clock whose time passes only by `advance`. */
export interface VirtualClock extends Clock {
  /** Moves the time forward, and ends the sleeps that are due by then, in the order of their due times. */
  advance(ms: number): void;
  /** Sleeps that have not ended. */
  sleeping(): number;
}

export function virtualClock(start = Date.UTC(2026, 10, 22)): VirtualClock {
  let now = 0;
  let sleeps: { readonly due: number; readonly wake: () => void }[] = [];
  return {
    now: () => start + now,
    monotonic: () => now,
    sleep: (ms, signal) =>
      new Promise((resolve) => {
        if (signal?.aborted === true || ms <= 0) return resolve();
        const wake = (): void => {
          sleeps = sleeps.filter((other) => other !== sleep);
          signal?.removeEventListener('abort', wake);
          resolve();
        };
        const sleep = { due: now + ms, wake };
        sleeps.push(sleep);
        signal?.addEventListener('abort', wake);
      }),
    advance(ms) {
      now += ms;
      const due = sleeps.filter((sleep) => sleep.due <= now).sort((a, b) => a.due - b.due);
      for (const { wake } of due) wake();
    },
    sleeping: () => sleeps.length,
  };
}

/** A clock that advances only by its own sleeps. */
export function fakeClock(): Clock {
  let now = 0;
  const sleep = async (ms: number): Promise<void> => void (now += ms);
  return { now: () => now, monotonic: () => now, sleep };
}

/** Runs everything that needs no time to pass. */
export async function turn(): Promise<void> {
  for (let i = 0; i < 4; i += 1) await new Promise((resolve) => setImmediate(resolve));
}
