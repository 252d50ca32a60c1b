import { atClosedPipe } from '../app/closed-pipe';
import { EXIT, fatalReason } from '../app/failure';
import { aborted } from '../base/clock';
import type { Log } from '../base/log';
import type { Health } from '../queries/health';
import { flushSpans } from '../tracing/span';

const STOP_DEADLINE_MS = 9_500;

/** Ends the process where a stop hangs: what is not committed or acknowledged is read, or sent, again. */
function deadline(log: Log): void {
  setTimeout(() => {
    log.warn('stop deadline exceeded: exiting', { durationMs: STOP_DEADLINE_MS });
    process.exit(EXIT.FAILED);
  }, STOP_DEADLINE_MS).unref();
}

/**
 * How a process ends that runs until it is stopped: SIGTERM, SIGINT and a permanent failure abort `frame`; a second signal ends
 * it at once. `frame` is asked when that happens, and not before.
 */
export function stopping(
  log: Log,
  frame: () => { readonly abort: AbortController; readonly health: Health },
) {
  let failure: unknown = null;
  const onSignal = (signal: NodeJS.Signals): void => {
    const { abort } = frame();
    if (abort.signal.aborted) process.exit(EXIT.FAILED);
    log.info('stopping: finishing work in progress', { signal });
    abort.abort();
  };
  process.on('SIGTERM', onSignal).on('SIGINT', onSignal);
  atClosedPipe(() => frame().abort.abort());
  return {
    /** Receives the failure that ends the process; the first one counts. */
    onFatal(error: unknown): void {
      const { abort, health } = frame();
      if (abort.signal.aborted) return;
      failure = error;
      health.fail(fatalReason(error));
      abort.abort();
    },
    /** Waits for the end, finishes work in progress by `finish`, and ends the process. Throws the failure, if there is one. */
    async untilStopped(finish: () => Promise<void>): Promise<void> {
      const { abort, health } = frame();
      await aborted(abort.signal);
      health.set('stopping', 'stopping');
      deadline(log);
      await finish();
      log.info('stopped');
      if (failure !== null) throw failure;
      await flushSpans();
      process.exit(EXIT.OK);
    },
  };
}
