import type { Clock, Random } from '../base/clock';
import { isRetriable } from '../base/errors';
import type { Outages } from './outages';

/** Thrown out of an aborted wait: the waiting component must stop. */
export class Stopped extends Error {
  override readonly name = 'Stopped';
}

const FIRST_DELAY_MS = 50;
const DELAY_MAX_MS = 500;

/** Runs an attempt until it succeeds or fails for good. */
export type Retry = <T>(attempt: () => Promise<T>) => Promise<T>;

/** What a retry needs. */
export interface RetryDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly outages: Outages;
}

/**
 * Retries what is retriable by the table of errors, for as long as it takes, after a delay that doubles from 50 ms to
 * 500 ms and is jittered down by up to a half. Throws `Stopped` as soon as `signal` aborts, also out of an attempt that
 * hangs.
 */
export function retryUntil(signal: AbortSignal, { clock, random, outages }: RetryDeps): Retry {
  return async (attempt) => {
    const party = Symbol('waiting');
    try {
      for (let delayMs = FIRST_DELAY_MS; ; delayMs = Math.min(delayMs * 2, DELAY_MAX_MS)) {
        try {
          return await unlessAborted(signal, attempt);
        } catch (error) {
          if (!isRetriable(error)) throw error;
          outages.failed(party, error);
          await clock.sleep(delayMs * (1 - random() / 2), signal);
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
