import { type Clock, systemClock, systemRandom } from '../base/clock';
import { backoffMs } from '../base/backoff';
import { EfsError, isRetriable } from '../base/errors';
import { SECOND_MS } from '../base/time';
import type { Log } from '../base/log';
import { INGEST_DEAD_LETTER_TOPIC } from '../feedback/topics';
import { createIngestMetrics, type IngestMetrics } from '../http/ingest-metrics';
import { watchMatching } from '../ingest/matching';
import type { IngestSource, Taken } from '../ingest/source';
import { countSources } from '../ingest/source-counts';
import type { SourcesRoute } from '../ingest/sources.http';
import { type Writer, writer } from '../ingest/writer';
import { cachedFor } from '../queries/cached';
import { createHealth, type Health } from '../queries/health';
import type { Mapped } from '../mta/feedback';
import type { Config } from '../settings/table';
import { type Outages, watchOutages } from '../tasks/outages';
import { retryUntil } from '../tasks/retry';
import { withReader } from './connect';
import { openIndexing } from './ingest-index';
import { openProducer, type Producer } from './producer';
import { version } from './version';

/** Writes are tried again for as long as a sender may wait for them. */
const RETRY_WITHIN_MS = 3 * SECOND_MS;
const MATCHING_EVERY_MS = 15 * SECOND_MS;
const TOPICS_EVERY_MS = 30 * SECOND_MS;

/** The parts of ingestion that work, and answer, while Kafka does not. */
export interface IngestFrame {
  readonly config: Config;
  readonly log: Log;
  readonly clock: Clock;
  readonly health: Health;
  readonly metrics: IngestMetrics;
  readonly outages: Outages;
  /** What `GET /sources` answers, and whom. */
  readonly sourcesRoute: SourcesRoute;
  /** Ends every wait. */
  readonly abort: AbortController;
  /** Rejects with `kafka-unavailable` until there is a producer. */
  readonly write: Writer;
  /** Counts what is acknowledged. */
  onTaken(source: IngestSource, taken: readonly Taken[]): void;
  /**
   * Waits for Kafka and the registry, and reads the index where a source uses it. Throws what is not retriable; `onFatal`
   * receives what later ends the index.
   */
  connect(onFatal: (error: unknown) => void): Promise<Producer>;
}

export interface FrameOptions {
  readonly log: Log;
  readonly sources: readonly IngestSource[];
  /** Bytes that are not acknowledged. */
  held(): number;
  /** How long the index of native ids may hold up a write at most. */
  readonly indexWithinMs: number;
}

/** Whether the index named the message of what has become feedback. */
const isIndexed = (mapped: Mapped): boolean =>
  mapped.outcome === 'feedback' && Object.values(mapped.from.identity).includes('index');

/** Counts events by kind and outcome. */
function counted(metrics: IngestMetrics, source: IngestSource, taken: readonly Taken[]): void {
  for (const { mapped, indexing } of taken) {
    const kind =
      mapped.outcome === 'feedback'
        ? mapped.from.event
        : mapped.outcome === 'ignored'
          ? mapped.event
          : mapped.reason;
    metrics.event(source.name, kind, mapped.outcome, 1);
    if (mapped.outcome === 'dead-letter' && mapped.reason === 'unmatched') metrics.unmatched(source.name, 1);
    if (indexing?.known === null) metrics.lookup(source.name, isIndexed(mapped) ? 'found' : 'missed');
  }
}

/**
 * Tries a write again while it is worth waiting for. Where it gives up, the outage lasts until `answers` resolves: there may be
 * no other write that would tell.
 */
async function retried<T>(
  { clock, outages }: Pick<IngestFrame, 'clock' | 'outages'>,
  answers: () => Promise<unknown>,
  write: () => Promise<T>,
): Promise<T> {
  const party = Symbol('write');
  const began = clock.monotonic();
  for (let failures = 0; ; failures += 1) {
    try {
      const written = await write();
      outages.answered(party);
      return written;
    } catch (error) {
      if (isRetriable(error)) outages.failed(party, error);
      if (!isRetriable(error) || clock.monotonic() - began > RETRY_WITHIN_MS) {
        void answers().finally(() => outages.answered(party));
        throw error;
      }
      await clock.sleep(backoffMs(failures, systemRandom));
    }
  }
}

export function ingestFrame(
  config: Config,
  { log, sources, held, indexWithinMs: withinMs }: FrameOptions,
): IngestFrame {
  const clock = systemClock;
  const counts = countSources(sources, clock.now());
  const health = createHealth({ kafka: 'not connected to Kafka yet' });
  const metrics = createIngestMetrics({ version, node: process.version }, held, () => indexed());
  const abort = new AbortController();
  const matching = watchMatching();
  const outages = watchOutages({ clock, log, onBegin: metrics.outage, onChange: health.set });
  const retry = retryUntil(abort.signal, { clock, random: systemRandom, outages });
  // All writes that gave up wait for one answer.
  const answers = cachedFor(0, clock, () => retry(() => lettersPartitions(config, log)).catch(() => null));
  let producing: Writer | null = null;
  let indexed = (): number => 0;
  const report = (): void => {
    for (const [name, reason] of matching.reasons(clock.now())) health.warn(`source ${name}`, reason);
  };
  void (async () => {
    while (!abort.signal.aborted) {
      await clock.sleep(MATCHING_EVERY_MS, abort.signal);
      report();
    }
  })();
  return {
    ...{ config, log, clock, health, metrics, outages, abort },
    sourcesRoute: {
      ...{ host: config.ingestHost, token: config.httpToken },
      report: () => counts.report(matching.reasons(clock.now())),
    },
    write: (source, taken) => {
      if (taken.length === 0) return Promise.resolve(taken);
      if (producing === null)
        return Promise.reject(new EfsError('kafka-unavailable', 'not connected to Kafka yet'));
      return producing(source, taken);
    },
    onTaken(source, taken) {
      if (taken.length === 0) return;
      counted(metrics, source, taken);
      metrics.lastEvent(source.name, clock.now());
      counts.taken(source, taken, clock.now());
      matching.taken(source, taken, clock.now());
      report();
    },
    async connect(onFatal) {
      const producer = await retry(() => openProducer(config, log));
      await retry(() => checkLetters(config, log, producer.partitions));
      const { sink } = producer;
      const write = writer(producer);
      const indexing = await retry(() =>
        openIndexing(config, log, {
          ...{ sources, withinMs, signal: abort.signal },
          write: (source, taken) => retried({ clock, outages }, answers, () => write(source, taken)),
          emit: (records) => retried({ clock, outages }, answers, () => sink.emit(records)),
        }),
      );
      indexing.failed.catch(onFatal);
      producing = indexing.write;
      indexed = indexing.entries;
      health.set('kafka', null);
      log.info('connected to Kafka: events are taken', { partitions: producer.partitions });
      return { ...producer, close: () => indexing.close().then(() => producer.close()) };
    },
  };
}

const lettersTopic = ({ topicPrefix }: Config): string => topicPrefix + INGEST_DEAD_LETTER_TOPIC;

const lettersPartitions = (config: Config, log: Log): Promise<number> =>
  withReader(config, log, (reader) => reader.partitions(lettersTopic(config)));

/** The topic of dead letters must have as many partitions as the inputs. Throws `topic-missing`, `not-co-partitioned`. */
async function checkLetters(config: Config, log: Log, partitions: number): Promise<void> {
  const count = await lettersPartitions(config, log);
  if (count === partitions) return;
  throw new EfsError(
    'not-co-partitioned',
    `${lettersTopic(config)} has ${count} partitions, and the inputs have ${partitions}`,
  );
}

/**
 * Watches until `abort` that Kafka answers, and that the topics keep their partitions: a producer that does not know of more
 * would write where the service does not look. Calls `onFatal` with what has changed.
 */
export async function watchTopics(
  { config, log, clock, outages, abort }: IngestFrame,
  partitions: number,
  onFatal: (error: unknown) => void,
): Promise<void> {
  const retry = retryUntil(abort.signal, { clock, random: systemRandom, outages });
  for (;;) {
    await clock.sleep(TOPICS_EVERY_MS, abort.signal);
    try {
      await retry(() => checkLetters(config, log, partitions));
    } catch (error) {
      if (!abort.signal.aborted) onFatal(error);
      return;
    }
  }
}
