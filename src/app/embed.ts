import { type Clock, systemClock, systemRandom } from '../base/clock';
import { readConfig } from '../settings/config';
import type { Config } from '../settings/table';
import { EfsError } from '../base/errors';
import { DeliveryId, MessageId } from '../base/ids';
import { type Log, NO_LOG } from '../base/log';
import type { Feedback } from '../feedback/feedback';
import type { MemoryLog } from '../log/log.memory';
import { createHealth, type Health } from '../queries/health';
import { lookUpMessage, type MessageView } from '../queries/lookup';
import { createMetrics } from '../http/metrics';
import { startHttp } from '../http/server.http';
import type { Delivery } from '../queries/delivery-view';
import type { Queries } from '../queries/queries';
import type { Sink } from '../log/sink';
import { retryUntil } from '../tasks/retry';
import { feedbackRecord } from '../simulation/traffic';
import { type Encode, wireEncoder } from '../feedback/encode';
import { type Servers, outagesOf, type Watchers } from './compose';
import { caughtUp } from './caught-up';
import { type MemoryState, type MemoryStore, openInMemory } from './in-memory';
import { inputIds, outgoing } from '../simulation/produce';
import { connectServers } from './servers';
import { startOn } from './start-service';
import { watchInputs } from './input-retention';
import { version } from './version';
import { followLog, routesOf, createQueries } from './queries';

/** Options of a service inside this process. */
export interface EmbedOptions {
  /** Receives the log lines of the service; without it they are discarded. */
  readonly log?: Log;
  /** Receives the error that ended the service for good, such as `position-lost`; it is also in `health`. */
  onFatal?(error: EfsError | unknown): void;
  /** The clock of record timestamps and of validity periods. */
  readonly clock?: Clock;
}

/** A service that runs inside this process. */
export interface Embedded {
  /** Resolves when the feedback is in the log, from where it is processed like any other. Throws `kafka-unavailable`. */
  report(feedback: readonly Feedback[]): Promise<void>;
  /** Calls `listener` with a delivery whenever its KPIs have changed, until the returned function is called. */
  onChange(listener: (delivery: Delivery) => void): () => void;
  /** Every delivery with its KPIs as last published. */
  deliveries(): readonly Delivery[];
  /** Null where no KPIs of it have been published. */
  delivery(deliveryId: string): Delivery | null;
  /** Status, reason and timeline of a message. Throws `not-found`, `redis-unavailable`. */
  message(deliveryId: string, messageId: string): Promise<MessageView>;
  /** Serves page, API, health and metrics; returns the address. Throws `config-invalid` where it is unavailable. */
  listen(where?: { readonly host?: string; readonly port?: number }): Promise<string>;
  /** Resolves when all feedback that the log holds at the call is folded, published, and shown by `deliveries`. */
  caughtUp(): Promise<void>;
  /** Why it is not ready, if it is not. */
  readonly health: Health;
  /** Where records are written, and how feedback is encoded: `report` uses both. */
  readonly sink: Sink;
  readonly encode: Encode;
  /** Number of partitions of each topic. */
  readonly partitions: number;
  /** Finishes the batches in flight, stops serving, and ends. */
  stop(): Promise<void>;
}

/** A service that needs no servers and exposes its log and store, for tests and demonstrations. */
export interface EmbeddedInMemory extends Embedded {
  readonly log: MemoryLog;
  readonly store: MemoryStore;
}

/** The settings by their variables. Throws `config-invalid` with everything that is wrong. */
function configFrom(settings: Readonly<Record<string, string>>): Config {
  const result = readConfig(settings);
  if ('errors' in result) throw new EfsError('config-invalid', result.errors.join('\n'));
  return result.ok;
}

/**
 * The whole service in this process, on a log and a store in memory: no Kafka, no Redis, nothing to install. Settings
 * are those of `efs run`, by their variables; those of servers are ignored. Throws `config-invalid`.
 */
export function embed(
  settings?: Readonly<Record<string, string>>,
  options?: EmbedOptions & { readonly backend?: 'memory' },
): Promise<EmbeddedInMemory>;
/**
 * A worker in this process, on the servers that the settings name. `efs setup` has been run. Waits for servers that do
 * not answer. Throws what is not retriable, as `efs run` does: `config-invalid`, `topic-missing`, `access-refused`...
 */
export function embed(
  settings: Readonly<Record<string, string>>,
  options: EmbedOptions & { readonly backend: 'servers' },
): Promise<Embedded>;
export function embed(
  settings: Readonly<Record<string, string>> = {},
  options: EmbedOptions & { readonly backend?: 'memory' | 'servers' } = {},
): Promise<Embedded> {
  const config = configFrom(settings);
  return options.backend === 'servers' ? embedOnServers(config, options) : embedInMemory(config, options);
}

/** As `embed` in memory. It starts from `restored`, where given. */
export async function embedInMemory(
  config: Config,
  options: EmbedOptions,
  restored?: MemoryState,
): Promise<EmbeddedInMemory> {
  const clock = options.clock ?? systemClock;
  const { servers, log, store } = await openInMemory(config, { clock, restored });
  const frame = frameOf(config, options);
  frame.follow(servers);
  const embedded = await embedOn(frame, servers, async () => undefined);
  return { ...embedded, log, store };
}

/** As `embed` on servers. */
export async function embedOnServers(config: Config, options: EmbedOptions): Promise<Embedded> {
  const frame = frameOf(config, options);
  const { outages, log } = frame.watchers;
  const retry = retryUntil(frame.abort.signal, { clock: systemClock, random: systemRandom, outages });
  const { servers, close } = await connectServers(config, {
    clock: systemClock,
    log,
    outages,
    retry,
    inGroups: true,
    onReason: frame.watchers.onReason,
    onLog: frame.follow,
  });
  void watchInputs(config, { log, health: frame.health, metrics: frame.metrics }, frame.abort.signal);
  return embedOn(frame, servers, close);
}

/** The parts of a service that do not depend on its servers. */
interface Frame {
  readonly config: Config;
  readonly clock: Clock;
  readonly abort: AbortController;
  readonly health: Health;
  readonly metrics: ReturnType<typeof createMetrics>;
  readonly queries: Queries;
  readonly watchers: Watchers;
  /** Starts the read model on the log. */
  follow(log: Pick<Servers, 'reader' | 'registry'>): void;
}

function frameOf(config: Config, options: EmbedOptions): Frame {
  const clock = options.clock ?? systemClock;
  // Health describes this process, so it uses the system clock.
  const health = createHealth();
  const metrics = createMetrics({ version, node: process.version, installation: config }, clock.now);
  const watching = { log: options.log ?? NO_LOG, meter: metrics, onReason: health.set };
  const onFatal = (error: unknown): void => {
    health.fail(error instanceof Error ? error.message : String(error));
    options.onFatal?.(error);
  };
  const watchers = { ...watching, onFatal, outages: outagesOf(watching, systemClock) };
  const queries = createQueries(config, { health, metrics }, clock);
  const abort = new AbortController();
  const { topicPrefix } = config;
  const follow: Frame['follow'] = ({ reader, registry }) =>
    followLog(queries, { reader, registry, topicPrefix }, watchers.outages, abort.signal);
  return { config, clock, abort, health, metrics, queries, watchers, follow };
}

const STOP_GRACE_MS = 8_000;

async function embedOn(frame: Frame, servers: Servers, closeServers: () => Promise<void>): Promise<Embedded> {
  const { config, clock, abort, health, metrics, queries, watchers } = frame;
  const { signal } = abort;
  const service = await startOn(config, servers, {
    watchers,
    pipelines: ['status', 'kpi'],
    queries,
    signal,
    clock,
  });
  const encode = wireEncoder(await inputIds(servers.registry, config.topicPrefix));
  const partitions = await servers.sources.status.partitions();
  const closing: (() => Promise<void>)[] = [];
  return {
    report: (feedback) =>
      servers.sink.emit(feedback.map((each) => outgoing(feedbackRecord(each, encode), partitions))),
    onChange: (listener) =>
      queries.view.watch(({ delivery }) => (delivery === null ? undefined : listener(delivery))),
    deliveries: () => queries.view.deliveries(),
    delivery: (deliveryId) => queries.view.get(deliveryId),
    message: (deliveryId, messageId) =>
      lookUpMessage(servers.store, DeliveryId(deliveryId), MessageId(messageId)),
    async listen({ host = config.httpHost, port = config.httpPort } = {}) {
      const routes = routesOf({ ...config, httpHost: host }, { health, metrics, queries });
      const http = await startHttp({ ...routes, port });
      closing.push(() => http.close());
      return `http://${host.includes(':') ? `[${host}]` : host}:${http.port}/`;
    },
    caughtUp: () => caughtUp(config, servers, { partitions, queries, signal }),
    health,
    sink: servers.sink,
    encode,
    partitions,
    async stop() {
      await service.stop(STOP_GRACE_MS);
      abort.abort();
      await Promise.all(closing.map((close) => close()));
      await closeServers();
    },
  };
}
