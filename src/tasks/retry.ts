import { backoffMs } from '../base/backoff';
import type { Clock, Random } from '../base/clock';
import { isRetriable } from '../base/errors';
import type { Outages } from './outages';

/** Thrown out of an aborted wait: the waiting component must stop. */
export class Stopped extends Error {
  override readonly name = 'Stopped';
}

/** Runs an attempt until it succeeds or fails for good. */
export type Retry = <T>(attempt: () => Promise<T>) => Promise<T>;

/** What a retry needs. */
export interface RetryDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly outages: Outages;
}

/**
 * Retries what is retriable by the table of errors, for as long as it takes, with `backoffMs` between attempts. Throws
 * `Stopped` as soon as `signal` aborts, also out of an attempt that hangs.
 */
export function retryUntil(signal: AbortSignal, { clock, random, outages }: RetryDeps): Retry {
  return async (attempt) => {
    const party = Symbol('waiting');
    try {
      for (let failures = 0; ; failures++) {
        try {
          return await unlessAborted(signal, attempt);
        } catch (error) {
          if (!isRetriable(error)) throw error;
          outages.failed(party, error);
          await clock.sleep(backoffMs(failures, random), signal);
        }
      }
    } finally {
      outages.answered(party);
    }
  };
}

/** The attempt's result, or `Stopped` as soon as `signal` aborts. The attempt is not cancelled. */
export async function unlessAborted<T>(signal: AbortSignal, attempt: () => Promise<T>): Promise<T> {
  if (signal.aborted) throw new Stopped('aborted');
  let abort = (): void => undefined;
  const aborted = new Promise<never>((_, reject) => {
    abort = () => reject(new Stopped('aborted'));
    signal.addEventListener('abort', abort, { once: true });
  });
  try {
    return await Promise.race([attempt(), aborted]);
  } finally {
    signal.removeEventListener('abort', abort);
  }
}
