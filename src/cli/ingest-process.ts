import { atClosedPipe } from '../app/closed-pipe';
import { EXIT } from '../app/failure';
import { fatalReason, type IngestFrame, watchTopics } from '../app/ingest-frame';
import { version } from '../app/version';
import type { Log } from '../base/log';
import { flushSpans } from '../tracing/span';
import { aborted } from './interrupt';

const STOP_DEADLINE_MS = 9_500;

/** A door that is open: its port answers, whether Kafka does or not. */
export interface OpenDoor {
  readonly frame: IngestFrame;
  readonly port: number;
  /** Takes events from now on: Kafka is connected. `onFatal` receives what ends the process. */
  start?(onFatal: (error: unknown) => void): Promise<void>;
  /** Finishes what was accepted. */
  close(): Promise<void>;
}

/** Ends the process where a stop hangs: what is not acknowledged is sent, or read, again. */
function deadline(log: Log): void {
  setTimeout(() => {
    log.warn('stop deadline exceeded: exiting', { durationMs: STOP_DEADLINE_MS });
    process.exit(EXIT.FAILED);
  }, STOP_DEADLINE_MS).unref();
}

/** Aborts at SIGTERM and SIGINT; a second one ends the process. */
function stopOnSignals(abort: AbortController, log: Log): void {
  const onSignal = (signal: NodeJS.Signals): void => {
    if (abort.signal.aborted) process.exit(EXIT.FAILED);
    log.info('stopping: finishing work in progress', { signal });
    abort.abort();
  };
  process.on('SIGTERM', onSignal).on('SIGINT', onSignal);
  atClosedPipe(() => abort.abort());
}

/** Ingests through a door until a signal or a permanent failure, which it throws; else the process ends. */
export async function ingestUntilStopped(door: OpenDoor, log: Log): Promise<void> {
  const { frame } = door;
  let failure: unknown = null;
  const onFatal = (error: unknown): void => {
    if (frame.abort.signal.aborted) return;
    failure = error;
    frame.health.fail(fatalReason(error));
    frame.abort.abort();
  };
  stopOnSignals(frame.abort, log);
  log.info('starting', { version, host: frame.config.ingestHost, port: door.port });
  const connected = frame.connect(onFatal);
  connected
    .then(({ partitions }) => {
      void watchTopics(frame, partitions, onFatal);
      return door.start?.(onFatal);
    })
    .catch(onFatal);

  await aborted(frame.abort.signal);
  deadline(log);
  frame.health.set('stopping', 'stopping');
  await door.close();
  await (await connected.catch(() => null))?.close();
  log.info('stopped');
  if (failure !== null) throw failure;
  await flushSpans();
  process.exit(EXIT.OK);
}
