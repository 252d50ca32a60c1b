import { must } from '../base/assert';
import type { Clock } from '../base/clock';
import { EfsError, type ErrorCode } from '../base/errors';
import type { Log } from '../base/log';

/** The servers that the service depends on. */
export type Dependency = 'kafka' | 'token endpoint' | 'redis' | 'registry';

const DEPENDENCIES: Partial<Record<ErrorCode, Dependency>> = {
  'kafka-unavailable': 'kafka',
  'token-unavailable': 'token endpoint',
  'redis-unavailable': 'redis',
  'registry-unavailable': 'registry',
};

/**
 * An outage is over once no party has waited for this long: a request that was sent during the outage can still fail just
 * after its end.
 */
const QUIET_MS = 1_000;

/**
 * Turns many failures and answers into one log line when an outage begins, one for each further server that does not
 * answer, and one when the outage ends.
 */
export interface Outages {
  /** `party` waits because of this retriable error. The outage lasts until no party has waited for a second. */
  failed(party: unknown, error: unknown): void;
  /** The party has its answer, or no longer waits. */
  answered(party: unknown): void;
}

interface Outage {
  readonly began: number;
  readonly waiting: Set<unknown>;
  /** The servers that have not answered, where there are several. */
  readonly servers: Set<string>;
  /** When the last party had its answer. */
  answered: number;
}

/**
 * Watches the dependencies. `onBegin` is called once for each outage. `onChange` gets the reason why the service is not
 * ready, which lists the servers that do not answer, or null when the outage is over.
 */
export function watchOutages(deps: {
  readonly clock: Clock;
  readonly log: Log;
  onBegin(dependency: Dependency): void;
  onChange(dependency: Dependency, reason: string | null): void;
}): Outages {
  const outages = new Map<Dependency, Outage>();

  const endOnceQuiet = async (dependency: Dependency, outage: Outage): Promise<void> => {
    const answered = deps.clock.monotonic();
    outage.answered = answered;
    await deps.clock.sleep(QUIET_MS);
    const isQuiet = outage.waiting.size === 0 && outage.answered === answered;
    if (!isQuiet || outages.get(dependency) !== outage) return;
    outages.delete(dependency);
    const durationMs = Math.round(answered - outage.began);
    deps.log.info(`${dependency} answers again: resuming`, { dependency, durationMs });
    deps.onChange(dependency, null);
  };
  const stopWaiting = (party: unknown, except: Dependency | null): void => {
    for (const [dependency, outage] of outages) {
      if (dependency === except || !outage.waiting.delete(party) || outage.waiting.size > 0) continue;
      void endOnceQuiet(dependency, outage);
    }
  };

  const begin = (): Outage => ({
    began: deps.clock.monotonic(),
    waiting: new Set(),
    servers: new Set(),
    answered: 0,
  });

  return {
    failed: (party, error) => {
      const dependency = must(
        error instanceof EfsError ? DEPENDENCIES[error.code] : null,
        'a retriable error names the dependency that does not answer',
      );
      const { server } = error as EfsError;
      stopWaiting(party, dependency);
      const known = outages.get(dependency);
      const outage = known ?? begin();
      outage.waiting.add(party);
      if (known !== undefined && (server === null || known.servers.has(server))) return;
      if (server !== null) outage.servers.add(server);
      outages.set(dependency, outage);
      deps.log.warn(`${dependency} does not answer: waiting until it does`, { dependency, error });
      if (known === undefined) deps.onBegin(dependency);
      deps.onChange(dependency, [`${dependency} does not answer`, ...listed(outage.servers)].join(': '));
    },
    answered: (party) => {
      if (outages.size > 0) stopWaiting(party, null);
    },
  };
}

const listed = (servers: ReadonlySet<string>): string[] =>
  servers.size === 0 ? [] : [[...servers].join(', ')];
