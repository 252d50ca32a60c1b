import { Command, InvalidArgumentError } from 'commander';
import { systemClock, systemRandom } from '../base/clock';
import type { Config } from '../settings/table';
import { openLog } from '../base/log';
import { createHealth, type Health } from '../queries/health';
import { createMetrics } from '../http/metrics';
import { startHttp } from '../http/server.http';
import type { Queries } from '../queries/queries';
import { retryUntil } from '../tasks/retry';
import type { PipelineName, Service } from '../service/run';
import { outagesOf, type Watchers } from '../app/compose';
import { EXIT, failureOf } from '../app/failure';
import { addExample, addSettings, ALL_SETTINGS, configOf } from './options';
import { watchInputs } from '../app/input-retention';
import { aborted } from './interrupt';
import { connectServers } from '../app/servers';
import { startOn } from '../app/start-service';
import { version } from '../app/version';
import { followLog, routesOf, createQueries } from '../app/queries';

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
  const log = openLog({ level: config.logLevel, format: config.logFormat });
  const health = createHealth();
  const metrics = createMetrics({ version, node: process.version, installation: config });
  const stop = new AbortController();
  const fatal = failures(health, stop);
  const onSignal = (signal: NodeJS.Signals): void => {
    if (stop.signal.aborted) process.exit(EXIT.FAILED);
    log.info('stopping: finishing work in progress', { signal });
    stop.abort();
  };
  process.on('SIGTERM', onSignal).on('SIGINT', onSignal);

  const queries = createQueries(config, { health, metrics });
  const http = await startHttp({ ...routesOf(config, { health, metrics, queries }), port: config.httpPort });
  log.info('starting', { version, host: config.httpHost, port: http.port, groupId: config.groupId });
  const watching = { log, meter: metrics, onReason: health.set, onFatal: fatal.failed };
  const outages = outagesOf(watching, systemClock);
  const started = start(config, pipelines, { ...watching, outages }, queries, stop.signal);
  started.catch(fatal.failed);
  void watchInputs(config, { log, health, metrics }, stop.signal);

  await aborted(stop.signal);
  health.set('stopping', 'stopping');
  deadline(log);
  const running = await started.catch(() => null);
  await running?.service.stop(STOP_GRACE_MS);
  await running?.close();
  await http.close();
  log.info('stopped');
  if (fatal.error() !== null) throw fatal.error();
  process.exit(EXIT.OK);
}

/** Keeps the first permanent failure, and stops the process because of it. */
function failures(health: Health, stop: AbortController): { failed(error: unknown): void; error(): unknown } {
  let first: unknown = null;
  return {
    failed: (error) => {
      if (stop.signal.aborted) return;
      first = error;
      health.fail(failureOf(error, false).text.trim());
      stop.abort();
    },
    error: () => first,
  };
}

/** Connects to the servers and starts the service on them; `signal` aborts all waiting. */
async function start(
  config: Config,
  pipelines: readonly PipelineName[],
  watchers: Watchers,
  queries: Queries,
  signal: AbortSignal,
): Promise<{ service: Service; close(): Promise<void> }> {
  const { outages, log } = watchers;
  const retry = retryUntil(signal, { clock: systemClock, random: systemRandom, outages });
  const { topicPrefix } = config;
  const { servers, close } = await connectServers(config, {
    clock: systemClock,
    log,
    outages,
    retry,
    inGroups: true,
    onReason: watchers.onReason,
    onLog: (servers) => followLog(queries, { ...servers, topicPrefix }, outages, signal),
  });
  const service = await startOn(config, servers, { watchers, pipelines, queries, signal });
  return { service, close };
}

/** Ends a stop that hangs: uncommitted records are read again. */
function deadline(log: ReturnType<typeof openLog>): void {
  const timer = setTimeout(() => {
    log.warn('stop deadline exceeded: exiting', { durationMs: STOP_DEADLINE_MS });
    process.exit(EXIT.FAILED);
  }, STOP_DEADLINE_MS);
  timer.unref();
}
