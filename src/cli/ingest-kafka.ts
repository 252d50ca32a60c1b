import { Command } from 'commander';
import { ingestTopics } from '../app/ingest-kafka';
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

async function ingestFromKafka(config: Config): Promise<void> {
  const log = openLog({ level: config.logLevel, format: config.logFormat, spanIds });
  await ingestUntilStopped(await ingestTopics(config, sourcesOf(config, process.env), log), log);
}

/** `efs ingest kafka`. */
export const ingestKafkaCommand = (): Command =>
  addExample(
    addSettings(
      new Command('kafka')
        .description('ingest JSON topics that an MTA fills, in a consumer group')
        .action(async (_: unknown, command: Command) => ingestFromKafka(configOf(command))),
      [
        ...INGESTION_SETTINGS,
        ...KAFKA_SETTINGS,
        ...REGISTRY_SETTINGS,
        'sessionTimeoutMs',
        'logLevel',
        'logFormat',
      ],
      ['ingestConfig'],
    ),
    'efs ingest kafka --ingest-config ingest.yaml',
  );
