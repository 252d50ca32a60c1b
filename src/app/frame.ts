import { randomBytes } from 'node:crypto';
import { type Clock, systemClock, systemRandom } from '../base/clock';
import { askIngesters } from '../http/ingesters.http';
import { createMetrics, type Metrics } from '../http/metrics';
import type { RouteOptions } from '../http/server.http';
import { schemaIds, WRITTEN_RECORDS } from '../feedback/schemas';
import { kafkaTopicAdmin } from '../kafka/admin.kafka';
import { createHealth, type Health } from '../queries/health';
import { openQueries, type Queries } from '../queries/queries';
import { neededRetention, watchInputRetention } from '../service/input-retention';
import { type PipelineName, type Service, startService } from '../service/run';
import type { Config } from '../settings/table';
import { type Retry, retryUntil } from '../tasks/retry';
import { compose, outagesOf, type Servers, type Watchers } from './compose';
import { kafkaOf } from './connect';
import { fatalReason } from './failure';
import { connectServers } from './servers';
import { version } from './version';

/** The parts of a worker that do not depend on its servers: they work, and answer, while servers do not. */
export interface Frame {
  readonly config: Config;
  /** The clock of record timestamps and of validity periods. */
  readonly clock: Clock;
  readonly health: Health;
  readonly metrics: Metrics;
  /** The read model. It follows no topic before `follow`. */
  readonly queries: Queries;
  readonly watchers: Watchers;
  /** Ends every wait, and the read model. */
  readonly abort: AbortController;
  /** Waits outages out until `abort`. */
  readonly retry: Retry;
}

export function frameOf(
  config: Config,
  { log, onFatal, clock }: Pick<Watchers, 'log' | 'onFatal'> & { readonly clock: Clock },
): Frame {
  // Health describes this process, so it uses the system clock.
  const health = createHealth();
  const metrics = createMetrics({ version, node: process.version, installation: config }, clock.now);
  const watching = { log, meter: metrics, onReason: health.set, onFatal };
  const outages = outagesOf(watching, systemClock);
  const abort = new AbortController();
  const queries = openQueries({
    health,
    clock: systemClock,
    eventClock: clock,
    random: systemRandom,
    instance: randomBytes(6).toString('hex'),
    showsRecipients: config.httpShowRecipients,
    meter: metrics,
    retentionMs: config.retention,
    askIngesters: askIngesters(config.ingestUrls, config.httpToken),
  });
  const retry = retryUntil(abort.signal, { clock: systemClock, random: systemRandom, outages });
  return { config, clock, health, metrics, queries, watchers: { ...watching, outages }, abort, retry };
}

/** What the HTTP server serves, as the settings say. */
export function routesOf({ config, health, metrics, queries }: Frame): RouteOptions {
  const { httpHost: host, httpAllowedHosts: allowedHosts, httpToken: token } = config;
  return { host, health, metrics, api: { queries, version, allowedHosts, token, timeOfDay: systemClock } };
}

/** Starts the read model on the log, also while servers do not answer. */
export function follow(
  { config, queries, retry, abort }: Pick<Frame, 'config' | 'queries' | 'retry' | 'abort'>,
  { reader, registry }: Pick<Servers, 'reader' | 'registry'>,
): void {
  const log = { reader, registry, topicPrefix: config.topicPrefix, retry };
  queries.follow(log, abort.signal, (error) =>
    queries.health.set('window', `the read model has stopped: ${fatalReason(error)}`),
  );
}

/** Connects to the servers of the settings, with the read model, and watches the inputs. Throws as `connectServers`. */
export async function connect(frame: Frame): Promise<{ servers: Servers; close(): Promise<void> }> {
  const { config, watchers, retry } = frame;
  const onLog = (log: Pick<Servers, 'reader' | 'registry'>): void => follow(frame, log);
  const connected = await connectServers(config, { watchers, retry, inGroups: true, onLog });
  void watchInputs(frame);
  return connected;
}

/** Watches the retention of the inputs until `abort`; reports to the log, the page and the metrics. */
async function watchInputs({ config, watchers, health, metrics, abort }: Frame): Promise<void> {
  const admin = kafkaTopicAdmin(kafkaOf(config, watchers.log), systemClock);
  const deps = {
    admin,
    prefix: config.topicPrefix,
    neededMs: neededRetention(config.retention),
    brokers: config.kafkaBrokers,
    clock: systemClock,
    log: watchers.log,
    onInput: (topic: string, warning: string | null): void => {
      health.warn(`retention of ${topic}`, warning);
      metrics.inputRetention(topic, warning !== null);
    },
  };
  try {
    await watchInputRetention(deps, abort.signal);
  } finally {
    await admin.close().catch(() => undefined);
  }
}

/**
 * Starts the service on its servers and gives the read model its state. Throws what is not retriable: `topic-missing`,
 * `schema-missing`, `not-co-partitioned`, `generation-unfit`.
 */
export async function startOn(
  frame: Frame,
  servers: Servers,
  pipelines: readonly PipelineName[],
): Promise<Service> {
  const { config, clock, queries, watchers, retry, abort } = frame;
  let service: Service | null = null;
  queries.attach({ state: servers.store, running: () => service?.running() ?? [] });
  const [first = 'status'] = pipelines;
  const partitions = await retry(() => servers.sources[first].partitions());
  const ids = await retry(() => schemaIds(servers.registry, config.topicPrefix, WRITTEN_RECORDS));
  service = await startService(
    compose(config, servers, { watchers, pipelines, partitions, ids, signal: abort.signal, clock }),
  );
  return service;
}
