/**
 * A single-owner cache of a task's state, which saves reading and decoding it for every batch. It equals the state for the
 * duration of the claim: only the owner writes the state, and a failed commit ends the claim and discards the cache. The
 * batch that is about to be committed may therefore change cached values in place.
 */
export interface LruCache<Value> {
  get(key: string): Value | null;
  put(key: string, value: Value): void;
  drop(key: string): void;
}

/** Caches at most `max` values and evicts the one that was put longest ago first. 0 caches nothing. */
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
