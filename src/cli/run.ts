import { Command, InvalidArgumentError, Option } from 'commander';
import { systemClock } from '../base/clock';
import type { Config } from '../settings/table';
import { openLog } from '../base/log';
import type { PipelineName } from '../service/run';
import { connect, type Frame, frameOf, startOn } from '../app/frame';
import { serve } from '../app/serve';
import { addExample, addSettings, ALL_SETTINGS, configOf } from './options';
import { stopping } from './stopping';
import { spanIds } from '../tracing/span';
import { version } from '../app/version';

const STOP_GRACE_MS = 5_000;

/** `efs run`: the service, until a signal stops it. */
export const runCommand = (): Command =>
  addExample(
    addSettings(
      new Command('run')
        .addOption(
          new Option('--pipelines <list>', 'the pipelines that this worker runs')
            .choices(['status', 'kpi'])
            .argParser(parsePipelines)
            .default(['status', 'kpi']),
        )
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

/** Runs until a signal or a permanent failure. */
async function run(config: Config, pipelines: readonly PipelineName[]): Promise<void> {
  const log = openLog({ level: config.logLevel, format: config.logFormat, spanIds });
  const { onFatal, untilStopped } = stopping(log, () => frame);
  const frame = frameOf(config, { log, clock: systemClock, onFatal });
  const http = await serve(frame, { host: config.httpHost, port: config.httpPort });
  log.info('starting', { version, host: config.httpHost, port: http.port, groupId: config.groupId });
  const started = start(frame, pipelines);
  started.catch(onFatal);
  await untilStopped(async () => {
    const running = await started.catch(() => null);
    await running?.service.stop(STOP_GRACE_MS);
    await running?.close();
    await http.close();
  });
}

async function start(frame: Frame, pipelines: readonly PipelineName[]) {
  const { servers, close } = await connect(frame);
  return { service: await startOn(frame, servers, pipelines), close };
}
