import { systemClock, systemRandom } from '../base/clock';
import { EfsError } from '../base/errors';
import type { Log } from '../base/log';
import { BOUNDS } from '../http/budget.http';
import { listening, probedServer } from '../http/server.http';
import type { ConfiguredSource } from '../ingest/sources-file';
import { addSourcesRoute } from '../ingest/sources.http';
import { ingestTopic } from '../ingest/topic';
import { kafkaCommittedOffset } from '../kafka/reader.kafka';
import { kafkaSource } from '../kafka/source.kafka';
import type { Source } from '../log/source';
import type { Config } from '../settings/table';
import { retryUntil } from '../tasks/retry';
import { kafkaOf, sourceLimits } from './connect';
import { type IngestFrame, ingestFrame } from './ingest-frame';
import { openSource } from './ingest-sources';

/** Topics that are being ingested. */
export interface IngestedTopics {
  readonly frame: IngestFrame;
  readonly port: number;
  /** Reads the topics, once there is a producer. */
  start(onFatal: (error: unknown) => void): Promise<void>;
  /** Leaves the groups; what is acknowledged is committed. */
  close(): Promise<void>;
}

type FromKafka = ConfiguredSource & { readonly kafka: NonNullable<ConfiguredSource['kafka']> };

const isFromKafka = (each: ConfiguredSource): each is FromKafka => each.kafka !== null;

function openTopic({ config, log, outages }: IngestFrame, { topic, group }: FromKafka['kafka']): Source {
  return kafkaSource({
    kafka: kafkaOf(config, log),
    clock: systemClock,
    topics: [topic],
    groupId: group,
    outages,
    limits: sourceLimits(config),
  });
}

/** Prepares to ingest the topics of the sources; health and metrics are served at once. Throws `config-invalid`. */
export async function ingestTopics(
  config: Config,
  configured: readonly ConfiguredSource[],
  log: Log,
): Promise<IngestedTopics> {
  const sources = configured.filter(isFromKafka);
  if (sources.length === 0)
    throw new EfsError(
      'config-invalid',
      'sources: none is read from Kafka; add `kafka: {topic, group}` to one',
    );
  const ingested = sources.map((each) => ({ each, ingestSource: openSource(each, systemClock.now()) }));
  const frame = ingestFrame(config, {
    log,
    sources: ingested.map(({ ingestSource }) => ingestSource),
    held: () => 0,
    indexWithinMs: Infinity,
  });
  const { health, metrics, abort, outages } = frame;
  const server = probedServer({ health, metrics }, BOUNDS);
  addSourcesRoute(server, frame.sourcesRoute);
  const http = await listening(server, {
    host: config.ingestHost,
    port: config.ingestPort,
    settings: 'EFS_INGEST',
  });
  const retry = retryUntil(abort.signal, { clock: systemClock, random: systemRandom, outages });
  const opened = ingested.map(({ each, ingestSource }) => ({
    ...{ each, ingestSource, source: openTopic(frame, each.kafka) },
  }));
  return {
    frame,
    port: http.port,
    async start(onFatal) {
      const committed = kafkaCommittedOffset(kafkaOf(config, log));
      for (const { each, ingestSource, source } of opened) {
        await retry(() => source.partitions());
        const { topic, group } = each.kafka;
        const ingestion = {
          ...{ source: ingestSource, log: source, topic, group, committed },
          write: (...taken: Parameters<typeof frame.write>) => retry(() => frame.write(...taken)),
          clock: systemClock,
          onTaken: frame.onTaken,
          onFailed: (error: unknown) => abort.signal.aborted || onFatal(error),
          onGap: (partition: number, records: number) =>
            log.warn('records were deleted before they were ingested', { topic, partition, records }),
        };
        await ingestTopic(ingestion, retry);
      }
    },
    async close() {
      await Promise.all(opened.map(({ source }) => source.stop()));
      await http.close();
    },
  };
}
