import { Command } from 'commander';
import { EXIT } from '../app/failure';
import { fatalReason, watchTopics } from '../app/ingest-frame';
import { serveDoor } from '../app/ingest-serve';
import { sourcesOf } from '../app/ingest-sources';
import { version } from '../app/version';
import { type Log, openLog } from '../base/log';
import type { Config } from '../settings/table';
import { aborted } from './interrupt';
import {
  addExample,
  addSettings,
  configOf,
  INGESTION_SETTINGS,
  KAFKA_SETTINGS,
  REGISTRY_SETTINGS,
} from './options';

const STOP_DEADLINE_MS = 9_500;

/** Ends the process where a stop hangs: what is not acknowledged is sent again. */
export function deadline(log: Log): void {
  setTimeout(() => {
    log.warn('stop deadline exceeded: exiting', { durationMs: STOP_DEADLINE_MS });
    process.exit(EXIT.FAILED);
  }, STOP_DEADLINE_MS).unref();
}

/** Serves until a signal or a permanent failure. */
async function serve(config: Config): Promise<void> {
  const log = openLog({ level: config.logLevel, format: config.logFormat });
  const sources = sourcesOf(config, process.env);
  const served = await serveDoor(config, sources, log);
  const { frame } = served;
  let failure: unknown = null;
  const onFatal = (error: unknown): void => {
    if (frame.abort.signal.aborted) return;
    failure = error;
    frame.health.fail(fatalReason(error));
    frame.abort.abort();
  };
  stopOnSignals(frame.abort, log);
  log.info('starting', { version, host: config.ingestHost, port: served.port });
  const connected = frame.connect();
  connected.then(({ partitions }) => watchTopics(frame, partitions, onFatal), onFatal);

  await aborted(frame.abort.signal);
  deadline(log);
  frame.health.set('stopping', 'stopping');
  await served.close();
  await (await connected.catch(() => null))?.close();
  log.info('stopped');
  if (failure !== null) throw failure;
  process.exit(EXIT.OK);
}

/** Aborts at SIGTERM and SIGINT; a second one ends the process. */
export function stopOnSignals(abort: AbortController, log: Log): void {
  const onSignal = (signal: NodeJS.Signals): void => {
    if (abort.signal.aborted) process.exit(EXIT.FAILED);
    log.info('stopping: finishing work in progress', { signal });
    abort.abort();
  };
  process.on('SIGTERM', onSignal).on('SIGINT', onSignal);
}

/** `efs ingest serve`. */
export const serveCommand = (): Command =>
  addExample(
    addSettings(
      new Command('serve')
        .description('take the webhooks of providers: POST /in/SOURCE')
        .action(async (_: unknown, command: Command) => serve(configOf(command))),
      [...INGESTION_SETTINGS, ...KAFKA_SETTINGS, ...REGISTRY_SETTINGS, 'logLevel', 'logFormat'],
    ),
    'efs ingest serve --ingest-config ingest.yaml',
  );
