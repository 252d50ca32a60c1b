import type { Clock } from '../base/clock';
import type { Log } from '../base/log';

/** What the service stands on. */
export type Dependency = 'kafka' | 'redis' | 'registry';

/** Turns many failures and answers into one line when an outage begins and one when it ends. */
export interface Outages {
  /** `party` names who waits: the outage lasts until everybody who met a failure has had an answer. */
  failed(dependency: Dependency, party: unknown, error: unknown): void;
  /** The party has had an answer, or waits no longer. */
  answered(dependency: Dependency, party: unknown): void;
}

interface Outage {
  readonly began: number;
  readonly waiting: Set<unknown>;
}

/** Watches the dependencies. `onChange` gets the reason why the service is not ready, or null when that is over. */
export function watchOutages(ends: {
  readonly clock: Clock;
  readonly log: Log;
  onChange(dependency: Dependency, reason: string | null): void;
}): Outages {
  const outages = new Map<Dependency, Outage>();
  return {
    failed: (dependency, party, error) => {
      const known = outages.get(dependency);
      if (known !== undefined) {
        known.waiting.add(party);
        return;
      }
      outages.set(dependency, { began: ends.clock.monotonic(), waiting: new Set([party]) });
      ends.log.warn(`${dependency} does not answer: waiting until it does`, { dependency, error });
      ends.onChange(dependency, `${dependency} does not answer`);
    },
    answered: (dependency, party) => {
      const outage = outages.get(dependency);
      if (outage === undefined || !outage.waiting.delete(party) || outage.waiting.size > 0) return;
      outages.delete(dependency);
      const durationMs = Math.round(ends.clock.monotonic() - outage.began);
      ends.log.info(`${dependency} answers again: going on where it stopped`, { dependency, durationMs });
      ends.onChange(dependency, null);
    },
  };
}
