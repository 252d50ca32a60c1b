/**
 * The only access to time and timers. Every component that waits or reads the time takes a `Clock`; tests and the simulator
 * pass their own.
 */
export interface Clock {
  /** Milliseconds since 1970, UTC. For timestamps and logs. */
  now(): number;
  /** Milliseconds that never decrease. For durations. */
  monotonic(): number;
  /** Resolves after `ms`, or at once when `signal` aborts (it never rejects). */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

/** Resolves when the signal aborts. */
export function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  sleep: (ms, signal) =>
    new Promise((resolve) => {
      if (signal?.aborted) return resolve();
      const done = (): void => {
        clearTimeout(timer);
        signal?.removeEventListener('abort', done);
        resolve();
      };
      const timer = setTimeout(done, ms);
      signal?.addEventListener('abort', done, { once: true });
    }),
};

/**
 * A clock whose time of day runs `speed` times as fast, from `startAt` on. Waits and durations keep the time of the clock
 * underneath: only timestamps run faster.
 */
export function fastClock(underneath: Clock, options: { startAt: number; speed: number }): Clock {
  const began = underneath.monotonic();
  const now = (): number => Math.floor(options.startAt + (underneath.monotonic() - began) * options.speed);
  return { ...underneath, now };
}

/** Resolves once this process has read what its connections have received by now. */
export const receivedIsRead = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** Uniform in [0, 1). */
export type Random = () => number;

export const systemRandom: Random = () => Math.random();
