import { must } from '../base/assert';
import type { Clock } from '../base/clock';
import { EfsError, type ErrorCode } from '../base/errors';
import type { Log } from '../base/log';

/** What the service stands on. */
export type Dependency = 'kafka' | 'redis' | 'registry';

const DEPENDENCIES: Partial<Record<ErrorCode, Dependency>> = {
  'kafka-unavailable': 'kafka',
  'redis-unavailable': 'redis',
  'registry-unavailable': 'registry',
};

/** Turns many failures and answers into one line when an outage begins and one when it ends. */
export interface Outages {
  /** `party` waits because of this retriable error. The outage lasts until nobody waits any more. */
  failed(party: unknown, error: unknown): void;
  /** The party has had its answer, or waits no longer. */
  answered(party: unknown): void;
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

  const settle = (party: unknown, but: Dependency | null): void => {
    for (const [dependency, { began, waiting }] of outages) {
      if (dependency === but || !waiting.delete(party) || waiting.size > 0) continue;
      outages.delete(dependency);
      const durationMs = Math.round(ends.clock.monotonic() - began);
      ends.log.info(`${dependency} answers again: going on where it stopped`, { dependency, durationMs });
      ends.onChange(dependency, null);
    }
  };

  return {
    failed: (party, error) => {
      const dependency = must(
        error instanceof EfsError ? DEPENDENCIES[error.code] : null,
        'a retriable error names what does not answer',
      );
      settle(party, dependency);
      const known = outages.get(dependency);
      if (known !== undefined) {
        known.waiting.add(party);
        return;
      }
      outages.set(dependency, { began: ends.clock.monotonic(), waiting: new Set([party]) });
      ends.log.warn(`${dependency} does not answer: waiting until it does`, { dependency, error });
      ends.onChange(dependency, `${dependency} does not answer`);
    },
    answered: (party) => {
      if (outages.size > 0) settle(party, null);
    },
  };
}
