import { EfsError } from '../base/errors';

/** Runs `work` with a signal that aborts at SIGINT or SIGTERM. A second Ctrl-C ends the process. */
export async function untilInterrupted<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const abort = new AbortController();
  const stop = (): void => abort.abort();
  process.once('SIGINT', stop).once('SIGTERM', stop);
  try {
    return await work(abort.signal);
  } finally {
    process.off('SIGINT', stop).off('SIGTERM', stop);
  }
}

/** Resolves when the signal aborts. */
export function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
}

/** Rejects with `interrupted` and this message when the signal aborts. */
export async function rejectedAtAbort(signal: AbortSignal, message: string): Promise<never> {
  await aborted(signal);
  throw new EfsError('interrupted', message);
}
