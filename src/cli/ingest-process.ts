import { Command } from 'commander';
import { type IngestFrame, watchTopics } from '../app/ingest-frame';
import { ingestTopics } from '../app/ingest-kafka';
import { serveDoor } from '../app/ingest-serve';
import { sourcesOf } from '../app/ingest-sources';
import { version } from '../app/version';
import { type Log, openLog } from '../base/log';
import type { ConfiguredSource } from '../ingest/sources-file';
import type { Config, SettingName } from '../settings/table';
import { spanIds } from '../tracing/span';
import {
  addExample,
  addSettings,
  configOf,
  INGESTION_SETTINGS,
  KAFKA_SETTINGS,
  REGISTRY_SETTINGS,
} from './options';
import { stopping } from './stopping';

/** A door that is open: its port answers, whether Kafka does or not. */
interface OpenDoor {
  readonly frame: IngestFrame;
  readonly port: number;
  /** Takes events from now on: Kafka is connected. `onFatal` receives what ends the process. */
  start?(onFatal: (error: unknown) => void): Promise<void>;
  /** Finishes what was accepted. */
  close(): Promise<void>;
}

type OpenSources = (config: Config, sources: readonly ConfiguredSource[], log: Log) => Promise<OpenDoor>;

/** Ingests through a door until a signal or a permanent failure, which it throws; else the process ends. */
async function ingestUntilStopped({ frame, ...door }: OpenDoor, log: Log): Promise<void> {
  const { onFatal, untilStopped } = stopping(log, () => frame);
  log.info('starting', { version, host: frame.config.ingestHost, port: door.port });
  const connected = frame.connect(onFatal);
  connected
    .then(({ partitions }) => {
      void watchTopics(frame, partitions, onFatal);
      return door.start?.(onFatal);
    })
    .catch(onFatal);
  await untilStopped(async () => {
    await door.close();
    await (await connected.catch(() => null))?.close();
  });
}

/** Gives a command the settings of ingestion, `more` and those of the log; it ingests the sources that they name. */
const ingesting = (
  command: Command,
  open: OpenSources,
  more: readonly SettingName[],
  common: readonly SettingName[],
): Command =>
  addSettings(
    command.action(async (_: unknown, own: Command) => {
      const config = configOf(own);
      const log = openLog({ level: config.logLevel, format: config.logFormat, spanIds });
      await ingestUntilStopped(await open(config, sourcesOf(config, process.env), log), log);
    }),
    [...INGESTION_SETTINGS, ...KAFKA_SETTINGS, ...REGISTRY_SETTINGS, ...more, 'logLevel', 'logFormat'],
    common,
  );

/** `efs ingest serve`. */
export const serveCommand = (): Command =>
  addExample(
    ingesting(
      new Command('serve').description('take the webhooks of providers: POST /in/SOURCE'),
      serveDoor,
      [],
      ['ingestPort', 'ingestHost', 'ingestConfig'],
    ),
    'efs ingest serve --ingest-config ingest.yaml',
  );

/** `efs ingest kafka`. */
export const ingestKafkaCommand = (): Command =>
  addExample(
    ingesting(
      new Command('kafka').description('ingest JSON topics that an MTA fills, in a consumer group'),
      ingestTopics,
      ['sessionTimeoutMs'],
      ['ingestConfig'],
    ),
    'efs ingest kafka --ingest-config ingest.yaml',
  );
