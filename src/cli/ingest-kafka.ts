import { Command } from 'commander';
import { EXIT } from '../app/failure';
import { fatalReason, watchTopics } from '../app/ingest-frame';
import { ingestTopics } from '../app/ingest-kafka';
import { sourcesOf } from '../app/ingest-sources';
import { version } from '../app/version';
import { openLog } from '../base/log';
import type { Config } from '../settings/table';
import { deadline, stopOnSignals } from './ingest-serve';
import { aborted } from './interrupt';
import {
  addExample,
  addSettings,
  configOf,
  INGESTION_SETTINGS,
  KAFKA_SETTINGS,
  REGISTRY_SETTINGS,
} from './options';

/** Ingests until a signal or a permanent failure. */
async function ingestFromKafka(config: Config): Promise<void> {
  const log = openLog({ level: config.logLevel, format: config.logFormat });
  const topics = await ingestTopics(config, sourcesOf(config, process.env), log);
  const { frame } = topics;
  let failure: unknown = null;
  const onFatal = (error: unknown): void => {
    if (frame.abort.signal.aborted) return;
    failure = error;
    frame.health.fail(fatalReason(error));
    frame.abort.abort();
  };
  stopOnSignals(frame.abort, log);
  log.info('starting', { version, host: config.ingestHost, port: topics.port });
  const connected = frame.connect();
  connected
    .then(({ partitions }) => {
      void watchTopics(frame, partitions, onFatal);
      return topics.start(onFatal);
    })
    .catch(onFatal);

  await aborted(frame.abort.signal);
  deadline(log);
  await topics.close();
  await (await connected.catch(() => null))?.close();
  log.info('stopped');
  if (failure !== null) throw failure;
  process.exit(EXIT.OK);
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
    ),
    'efs ingest kafka --ingest-config ingest.yaml',
  );
