/**
 * What the owner of a task remembers of the task's state, so as not to read and decode it again for every batch. It is
 * the state as long as the hold lasts: nobody else writes it, and a commit that does not succeed ends the hold, and its
 * memory with it. What is remembered may therefore be changed in place by the batch that is about to be committed.
 */
export interface LruCache<Value> {
  get(key: string): Value | null;
  put(key: string, value: Value): void;
  drop(key: string): void;
}

/** Remembers at most `max` values, and forgets first what was used longest ago. 0 remembers nothing. */
export function lruCache<Value>(max: number): LruCache<Value> {
  const values = new Map<string, Value>();
  return {
    get: (key) => values.get(key) ?? null,
    drop: (key) => void values.delete(key),
    put: (key, value) => {
      values.delete(key);
      if (max > 0) values.set(key, value);
      if (values.size <= max) return;
      const [oldest] = values.keys();
      if (oldest !== undefined) values.delete(oldest);
    },
  };
}
