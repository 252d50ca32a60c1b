import { type OfflineContext, withOfflineContext } from '../app/offline-context';
import { aborted } from '../base/clock';
import { EfsError } from '../base/errors';
import type { Log } from '../base/log';
import type { Config } from '../settings/table';

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

/** The result of `work`, or `interrupted` with this message as soon as the signal aborts. The work is not cancelled. */
export function unlessInterrupted<T>(signal: AbortSignal, message: string, work: Promise<T>): Promise<T> {
  const interrupted = aborted(signal).then((): never => {
    throw new EfsError('interrupted', message);
  });
  return Promise.race([work, interrupted]);
}

/** Acts on generations beside running workers, on the servers of the settings, until it is interrupted. */
export function besideWorkers<T>(
  { config, log }: { readonly config: Config; readonly log: Log },
  act: (context: OfflineContext, signal: AbortSignal) => Promise<T>,
): Promise<T> {
  return untilInterrupted((signal) =>
    withOfflineContext(config, log, signal, (context) => act(context, signal)),
  );
}
