import { systemClock } from '../base/clock';
import { iso } from '../base/time';

/** Why the service is not ready, and since when: milliseconds since 1970. */
export interface Reason {
  /** The component that reports it: a dependency, a partition, the start itself. */
  readonly key: string;
  readonly reason: string;
  readonly since: number;
}

/** Something to be fixed while the service works. */
export interface Warning {
  readonly key: string;
  readonly warning: string;
}

/** The health of the process. */
export interface Health {
  /** Sets or, with null, clears a reason for not being ready. */
  set(key: string, reason: string | null): void;
  /** The process has failed for good and must be restarted. The first reason is kept. */
  fail(reason: string): void;
  /** Empty where ready; contains `failed` after `fail`. Sorted by key; the time is since when the key has had a reason. */
  reasons(): readonly Reason[];
  /** Sets or, with null, clears a warning: something should be fixed, but the service stays ready. */
  warn(key: string, warning: string | null): void;
  /** Sorted by key. */
  warnings(): readonly Warning[];
  /** Why the process must be restarted, or null. */
  failure(): string | null;
}

/** The health of a process that is not ready at first, for the given reasons by key. */
export function createHealth(
  initial: Readonly<Record<string, string>> = { starting: 'starting' },
  now: () => number = systemClock.now,
): Health {
  const reasons = new Map<string, Reason>();
  const warnings = new Map<string, Warning>();
  const set = (key: string, reason: string | null): void => {
    if (reason === null) reasons.delete(key);
    else reasons.set(key, { key, reason, since: reasons.get(key)?.since ?? now() });
  };
  for (const [key, reason] of Object.entries(initial)) set(key, reason);
  let failed: Reason | null = null;
  return {
    set: (key, reason) => (key === FAILED ? undefined : set(key, reason)),
    fail: (reason) => void (failed ??= { key: FAILED, reason, since: now() }),
    reasons: () =>
      [...reasons.values(), ...(failed === null ? [] : [failed])].sort((a, b) => (a.key < b.key ? -1 : 1)),
    warn: (key, warning) =>
      void (warning === null ? warnings.delete(key) : warnings.set(key, { key, warning })),
    warnings: () => [...warnings.values()].sort((a, b) => (a.key < b.key ? -1 : 1)),
    failure: () => failed?.reason ?? null,
  };
}

const FAILED = 'failed';

/** Since when the KPIs may lag behind the log, ISO 8601, and why. */
export interface Staleness {
  readonly since: string;
  readonly reason: string;
}

/** Null where there is no reason; else the time of the earliest one, and all of them. */
export function stalenessOf(reasons: readonly Reason[]): Staleness | null {
  if (reasons.length === 0) return null;
  const since = Math.min(...reasons.map((each) => each.since));
  return { since: iso(since), reason: reasons.map(({ reason }) => reason).join('; ') };
}
