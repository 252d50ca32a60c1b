import { Command } from 'commander';
import { serveDoor } from '../app/ingest-serve';
import { sourcesOf } from '../app/ingest-sources';
import { openLog } from '../base/log';
import type { Config } from '../settings/table';
import { ingestUntilStopped } from './ingest-process';
import { spanIds } from '../tracing/span';
import {
  addExample,
  addSettings,
  configOf,
  INGESTION_SETTINGS,
  KAFKA_SETTINGS,
  REGISTRY_SETTINGS,
} from './options';

async function serve(config: Config): Promise<void> {
  const log = openLog({ level: config.logLevel, format: config.logFormat, spanIds });
  await ingestUntilStopped(await serveDoor(config, sourcesOf(config, process.env), log), log);
}

/** `efs ingest serve`. */
export const serveCommand = (): Command =>
  addExample(
    addSettings(
      new Command('serve')
        .description('take the webhooks of providers: POST /in/SOURCE')
        .action(async (_: unknown, command: Command) => serve(configOf(command))),
      [...INGESTION_SETTINGS, ...KAFKA_SETTINGS, ...REGISTRY_SETTINGS, 'logLevel', 'logFormat'],
      ['ingestPort', 'ingestHost', 'ingestConfig'],
    ),
    'efs ingest serve --ingest-config ingest.yaml',
  );
