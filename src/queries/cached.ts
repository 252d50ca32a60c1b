import type { Clock } from '../base/clock';

/** Asks at most once in `forMs` for all callers together; where asking fails, the last answer is returned. */
export function cachedFor<T>(forMs: number, clock: Clock, ask: () => Promise<T>): () => Promise<T> {
  let last: { readonly answer: T; readonly at: number } | null = null;
  let asking: Promise<T> | null = null;
  return async () => {
    if (last !== null && clock.monotonic() - last.at < forMs) return last.answer;
    asking ??= ask().finally(() => (asking = null));
    try {
      const answer = await asking;
      last = { answer, at: clock.monotonic() };
      return answer;
    } catch (error) {
      if (last === null) throw error;
      return last.answer;
    }
  };
}
