import type { Clock } from '../base/clock';
import { EfsError } from '../base/errors';
import type { Log } from '../base/log';
import { iso, MINUTE_MS } from '../base/time';

/*
 * A reader of committed records sees nothing behind the first record of an open transaction. For readers of that kind the log
 * ends there, so lag is 0 however much waits behind it.
 */

/** How long the end of committed records may stand still with records behind it, in milliseconds. */
const STANDSTILL_MAX_MS = MINUTE_MS;

/** What a task knows of one of its topics after a batch. */
export interface InputEnd {
  /** The next offset to read. */
  readonly position: number;
  readonly lag: number;
  /** Offsets that an open transaction held back at the last fetch. */
  readonly heldBack: number;
}

/** Since when a task has waited at an offset for the end of a transaction, in milliseconds of a clock. */
export interface Standstill {
  readonly position: number;
  readonly since: number;
}

/** Null where the task has records to read, or nothing is held back. A new one begins wherever the offset has moved. */
export function standstillAfter(before: Standstill | null, input: InputEnd, now: number): Standstill | null {
  if (input.heldBack === 0 || input.lag > 0) return null;
  return before?.position === input.position ? before : { position: input.position, since: now };
}

/** Watches the inputs of this worker’s tasks for open transactions. */
export interface HeldBack {
  note(topic: string, partition: number, input: InputEnd): void;
  /** The task has ended. */
  forget(topics: readonly string[], partition: number): void;
}

/** A transaction that has been open for a minute is logged once, and is a reason until it has ended. */
export function watchHeldBack(deps: {
  readonly clock: Clock;
  readonly log: Log;
  onReason(key: string, reason: string | null): void;
}): HeldBack {
  const { clock, log, onReason } = deps;
  const standing = new Map<string, Standstill>();
  const reported = new Set<string>();
  const clear = (place: string): void => {
    standing.delete(place);
    if (reported.delete(place)) onReason(`held-back/${place}`, null);
  };
  const report = (topic: string, partition: number, { heldBack }: InputEnd, waitedMs: number): void => {
    const place = `${topic}/${partition}`;
    const since = iso(clock.now() - waitedMs);
    const problem = new EfsError(
      'transaction-open',
      `${place}: ${heldBack} offsets wait behind an open transaction since ${since}`,
    );
    if (!reported.has(place))
      log.warn('records wait behind an open transaction: they are not counted until it ends', {
        topic,
        partition,
        error: problem,
        reason: problem.remedy,
      });
    reported.add(place);
    onReason(`held-back/${place}`, `${problem.message} (${problem.remedy})`);
  };
  return {
    note(topic, partition, input) {
      const place = `${topic}/${partition}`;
      const now = clock.monotonic();
      const standstill = standstillAfter(standing.get(place) ?? null, input, now);
      if (standstill === null || standstill.since === now) clear(place);
      if (standstill === null) return;
      standing.set(place, standstill);
      const waitedMs = now - standstill.since;
      if (waitedMs >= STANDSTILL_MAX_MS) report(topic, partition, input, waitedMs);
    },
    forget(topics, partition) {
      for (const topic of topics) clear(`${topic}/${partition}`);
    },
  };
}

/** For a candidate: the workers of the active generation read the same topics. */
export const NO_HELD_BACK: HeldBack = { note: () => undefined, forget: () => undefined };
