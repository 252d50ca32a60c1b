/** Why the service is not ready, by what says so (a dependency, a partition, the start itself). */
export type Reasons = Readonly<Record<string, string>>;

/** What the process knows about its own state. */
export interface Health {
  /** States or, with null, takes back a reason for not being ready. */
  set(key: string, reason: string | null): void;
  /** The process can no longer do its work and will not recover: it wants to be restarted. The first reason stays. */
  fail(reason: string): void;
  /** Empty where ready; contains `failed` after `fail`. Sorted by key. */
  reasons(): Reasons;
  /** Why it wants to be restarted, or null. */
  failure(): string | null;
}

/** Not ready at first, for the given reasons. */
export function createHealth(initial: Reasons = { starting: 'starting' }): Health {
  const reasons = new Map<string, string>(Object.entries(initial));
  let failed: string | null = null;
  return {
    set: (key, reason) => void (reason === null ? reasons.delete(key) : reasons.set(key, reason)),
    fail: (reason) => void (failed ??= reason),
    reasons: () => {
      const all = [...reasons, ...(failed === null ? [] : [['failed', failed] as const])];
      return Object.fromEntries(all.sort(([a], [b]) => (a < b ? -1 : 1)));
    },
    failure: () => failed,
  };
}
