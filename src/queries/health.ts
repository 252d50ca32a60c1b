import { systemClock } from '../base/clock';

/** Why the service is not ready, by what says so (a dependency, a partition, the start itself). */
export type Reasons = Readonly<Record<string, string>>;

/** A reason for not being ready, and since when it stands: milliseconds since 1970. */
export interface Standing {
  readonly key: string;
  readonly reason: string;
  readonly since: number;
}

/** Something to be mended while the service works. */
export interface Warning {
  readonly key: string;
  readonly warning: string;
}

/** What the process knows about its own state. */
export interface Health {
  /** States or, with null, takes back a reason for not being ready. */
  set(key: string, reason: string | null): void;
  /** The process can no longer do its work and will not recover: it wants to be restarted. The first reason stays. */
  fail(reason: string): void;
  /** Empty where ready; contains `failed` after `fail`. Sorted by key. */
  reasons(): Reasons;
  /** The same reasons with the time since when each key has had one. */
  standing(): readonly Standing[];
  /** Says or, with null, takes back what should be mended and does not keep it from being ready. */
  warn(key: string, warning: string | null): void;
  /** Sorted by key. */
  warnings(): readonly Warning[];
  /** Why it wants to be restarted, or null. */
  failure(): string | null;
}

/** Not ready at first, for the given reasons. */
export function createHealth(
  initial: Reasons = { starting: 'starting' },
  now: () => number = systemClock.now,
): Health {
  const standing = new Map<string, Standing>();
  const warnings = new Map<string, Warning>();
  const set = (key: string, reason: string | null): void => {
    if (reason === null) standing.delete(key);
    else standing.set(key, { key, reason, since: standing.get(key)?.since ?? now() });
  };
  for (const [key, reason] of Object.entries(initial)) set(key, reason);
  let failed: Standing | null = null;
  const all = (): Standing[] =>
    [...standing.values(), ...(failed === null ? [] : [failed])].sort((a, b) => (a.key < b.key ? -1 : 1));
  return {
    set: (key, reason) => (key === FAILED ? undefined : set(key, reason)),
    fail: (reason) => void (failed ??= { key: FAILED, reason, since: now() }),
    reasons: () => Object.fromEntries(all().map(({ key, reason }) => [key, reason])),
    standing: all,
    warn: (key, warning) =>
      void (warning === null ? warnings.delete(key) : warnings.set(key, { key, warning })),
    warnings: () => [...warnings.values()].sort((a, b) => (a.key < b.key ? -1 : 1)),
    failure: () => failed?.reason ?? null,
  };
}

const FAILED = 'failed';

/** Since when the figures may lag behind the log, and why: ISO 8601. */
export interface Staleness {
  readonly since: string;
  readonly reason: string;
}

/** Null where nothing stands in the way of the figures. Else the time of the first thing that did, and all of them. */
export function stalenessOf(standing: readonly Standing[]): Staleness | null {
  if (standing.length === 0) return null;
  const since = Math.min(...standing.map((each) => each.since));
  return { since: new Date(since).toISOString(), reason: standing.map(({ reason }) => reason).join('; ') };
}
