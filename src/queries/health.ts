import { systemClock } from '../base/clock';
import { iso } from '../base/time';

/** Why the service is not ready, by the component that reports it (a dependency, a partition, the start itself). */
export type Reasons = Readonly<Record<string, string>>;

/** A reason for not being ready that is in force, and since when: milliseconds since 1970. */
export interface OpenReason {
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
  /** Empty where ready; contains `failed` after `fail`. Sorted by key. */
  reasons(): Reasons;
  /** The same reasons with the time since which each key has had one. */
  openReasons(): readonly OpenReason[];
  /** Sets or, with null, clears a warning: something should be fixed, but the service stays ready. */
  warn(key: string, warning: string | null): void;
  /** Sorted by key. */
  warnings(): readonly Warning[];
  /** Why the process must be restarted, or null. */
  failure(): string | null;
}

/** The health of a process that is not ready at first, for the given reasons. */
export function createHealth(
  initial: Reasons = { starting: 'starting' },
  now: () => number = systemClock.now,
): Health {
  const reasons = new Map<string, OpenReason>();
  const warnings = new Map<string, Warning>();
  const set = (key: string, reason: string | null): void => {
    if (reason === null) reasons.delete(key);
    else reasons.set(key, { key, reason, since: reasons.get(key)?.since ?? now() });
  };
  for (const [key, reason] of Object.entries(initial)) set(key, reason);
  let failed: OpenReason | null = null;
  const all = (): OpenReason[] =>
    [...reasons.values(), ...(failed === null ? [] : [failed])].sort((a, b) => (a.key < b.key ? -1 : 1));
  return {
    set: (key, reason) => (key === FAILED ? undefined : set(key, reason)),
    fail: (reason) => void (failed ??= { key: FAILED, reason, since: now() }),
    reasons: () => Object.fromEntries(all().map(({ key, reason }) => [key, reason])),
    openReasons: all,
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

/** Null where there is no open reason; else the time of the earliest one, and all of them. */
export function stalenessOf(reasons: readonly OpenReason[]): Staleness | null {
  if (reasons.length === 0) return null;
  const since = Math.min(...reasons.map((each) => each.since));
  return { since: iso(since), reason: reasons.map(({ reason }) => reason).join('; ') };
}
