import { Command, InvalidArgumentError } from 'commander';
import { systemClock } from '../base/clock';
import type { Config } from '../settings/table';
import { type Log, openLog } from '../base/log';
import type { PipelineName } from '../service/run';
import { atClosedPipe } from '../app/closed-pipe';
import { EXIT, failureOf } from '../app/failure';
import { connect, type Frame, frameOf, startOn } from '../app/frame';
import { serve } from '../app/serve';
import { addExample, addSettings, ALL_SETTINGS, configOf } from './options';
import { aborted } from './interrupt';
import { flushSpans, spanIds } from '../tracing/span';
import { version } from '../app/version';

const STOP_GRACE_MS = 5_000;
const STOP_DEADLINE_MS = 9_500;

/** `efs run`: the service, until a signal stops it. */
export const runCommand = (): Command =>
  addExample(
    addSettings(
      new Command('run')
        .description('run the service: fold feedback and publish KPI changes')
        .option('--pipelines <list>', 'the pipelines that this worker runs', parsePipelines, [
          'status',
          'kpi',
        ])
        .action(async (options: { pipelines: PipelineName[] }, command: Command) =>
          run(configOf(command), options.pipelines),
        ),
      ALL_SETTINGS,
      ['policy', 'httpPort', 'httpHost', 'logLevel'],
    ),
    'efs run --pipelines status,kpi',
  );

function parsePipelines(text: string): PipelineName[] {
  const names = [...new Set(text.split(',').map((name) => name.trim()))];
  const known = names.filter((name): name is PipelineName => name === 'status' || name === 'kpi');
  if (known.length !== names.length) throw new InvalidArgumentError('It must be status, kpi, or status,kpi.');
  return known;
}

/** Runs until a signal or a permanent failure. Resolves when everything is released. */
async function run(config: Config, pipelines: readonly PipelineName[]): Promise<void> {
  const log = openLog({ level: config.logLevel, format: config.logFormat, spanIds });
  let failure: unknown = null;
  const onFatal = (error: unknown): void => {
    if (abort.signal.aborted) return;
    failure = error;
    health.fail(failureOf(error, false).text.trim());
    abort.abort();
  };
  const frame = frameOf(config, { log, clock: systemClock, onFatal });
  const { abort, health } = frame;
  const onSignal = (signal: NodeJS.Signals): void => {
    if (abort.signal.aborted) process.exit(EXIT.FAILED);
    log.info('stopping: finishing work in progress', { signal });
    abort.abort();
  };
  process.on('SIGTERM', onSignal).on('SIGINT', onSignal);
  atClosedPipe(() => abort.abort());

  const http = await serve(frame, { host: config.httpHost, port: config.httpPort });
  log.info('starting', { version, host: config.httpHost, port: http.port, groupId: config.groupId });
  const started = start(frame, pipelines);
  started.catch(onFatal);

  await aborted(abort.signal);
  health.set('stopping', 'stopping');
  deadline(log);
  const running = await started.catch(() => null);
  await running?.service.stop(STOP_GRACE_MS);
  await running?.close();
  await http.close();
  log.info('stopped');
  if (failure !== null) throw failure;
  await flushSpans();
  process.exit(EXIT.OK);
}

async function start(frame: Frame, pipelines: readonly PipelineName[]) {
  const { servers, close } = await connect(frame);
  return { service: await startOn(frame, servers, pipelines), close };
}

/** Ends a stop that hangs: uncommitted records are read again. */
function deadline(log: Log): void {
  const timer = setTimeout(() => {
    log.warn('stop deadline exceeded: exiting', { durationMs: STOP_DEADLINE_MS });
    process.exit(EXIT.FAILED);
  }, STOP_DEADLINE_MS);
  timer.unref();
}
