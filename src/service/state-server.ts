import type { Clock } from '../base/clock';
import { EfsError } from '../base/errors';
import type { Log } from '../base/log';
import { MINUTE_MS } from '../base/time';
import type { StateServer } from '../store/server';

/** How far a worker's time of day may be ahead of the state's server before it infers no expiry any more. */
const AHEAD_MAX_MS = MINUTE_MS;
const CHECK_EVERY_MS = MINUTE_MS;

export interface StateServerWatch {
  /** Checks now. Throws `redis-unavailable`. */
  check(): Promise<void>;
  /** Checks once a minute and at each reconnect, until `signal` aborts. */
  keepChecking(signal: AbortSignal): void;
  /** Whether the time of day was right at the last check. */
  isClockRight(): boolean;
}

/**
 * Watches the server of the state. Each finding is logged once, and is a reason until it has been corrected. Without a server,
 * as in memory, there is nothing to find.
 */
export function watchStateServer(deps: {
  readonly server: StateServer | undefined;
  readonly clock: Clock;
  readonly log: Log;
  onReason(key: string, reason: string | null): void;
}): StateServerWatch {
  const { server, clock, log, onReason } = deps;
  const found = new Map<string, string>();
  let aheadMs = 0;

  const report = (key: string, problem: EfsError | null): void => {
    if (problem === null && !found.has(key)) return;
    if (problem !== null && found.get(key) !== problem.code)
      log.warn('state is not safe, or not right, until this is corrected', {
        error: problem,
        reason: problem.remedy,
      });
    if (problem === null) found.delete(key);
    else found.set(key, problem.code);
    onReason(key, problem === null ? null : `${problem.message} (${problem.remedy})`);
  };
  const check = async (): Promise<void> => {
    if (server === undefined) return;
    const facts = await server.inspect();
    aheadMs = facts.aheadMs;
    report('redis server', facts.problem);
    report('clock', clockFailure(facts.aheadMs));
  };
  // An unavailable server is reported by the components that use it.
  const quietly = (): Promise<void> => check().catch(() => undefined);

  return {
    check,
    isClockRight: () => aheadMs <= AHEAD_MAX_MS,
    keepChecking(signal) {
      if (server === undefined) return;
      server.onReconnect(() => void (signal.aborted || quietly()));
      void (async () => {
        for (;;) {
          await clock.sleep(CHECK_EVERY_MS, signal);
          if (signal.aborted) return;
          await quietly();
        }
      })();
    },
  };
}

/** The failure where this process' time of day is too far ahead of that of the state's server, or null. */
export function clockFailure(aheadMs: number): EfsError | null {
  if (aheadMs <= AHEAD_MAX_MS) return null;
  const seconds = Math.round(aheadMs / 1_000);
  return new EfsError(
    'clock-ahead',
    `the clock of this worker is ${seconds} s ahead of that of Redis: no message expires`,
  );
}
