/**
 * A bounded cache. That of a task's state saves reading and decoding it for every batch, and has a single owner: it equals
 * the state for the duration of the claim, because only the owner writes the state, and a failed commit ends the claim and
 * discards the cache. The batch that is about to be committed may therefore change its values in place.
 */
export interface BoundedCache<Value, Key = string> {
  get(key: Key): Value | null;
  put(key: Key, value: Value): void;
  drop(key: Key): void;
}

/** Caches at most `max` values and evicts the one that was put longest ago first. 0 caches nothing. */
export function boundedCache<Value, Key = string>(max: number): BoundedCache<Value, Key> {
  const values = new Map<Key, Value>();
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
