import { type Clock, systemClock, systemRandom } from '../base/clock';
import { readConfig } from '../settings/config';
import type { Config } from '../settings/table';
import { EfsError } from '../base/errors';
import { DeliveryId, MessageId } from '../base/ids';
import { type Log, silentLog } from '../base/log';
import type { Feedback } from '../feedback/feedback';
import type { MemoryLog } from '../log/log.memory';
import { createHealth, type Health } from '../queries/health';
import { lookAtMessage, type MessageView } from '../queries/lookup';
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
import { lookThrough, routesOf, windowOf } from './queries';

/** How a service inside this process is to run. */
export interface EmbedOptions {
  /** Gets what the service has to say; nobody, where absent. */
  readonly log?: Log;
  /** Gets what ended the service for good, such as `position-lost`; it is also in `health`. */
  onFatal?(error: EfsError | unknown): void;
  /** Tells the time of day that records are stamped with, and that validity periods end by. */
  readonly clock?: Clock;
}

/** A service that runs inside this process. */
export interface Embedded {
  /** Settles when the feedback is in the log, which it then goes through like any other. Throws `kafka-unavailable`. */
  report(feedback: readonly Feedback[]): Promise<void>;
  /** Calls `listener` with a delivery whenever its KPIs have changed, until the returned function is called. */
  onChange(listener: (delivery: Delivery) => void): () => void;
  /** Every delivery with its KPIs as last published. */
  deliveries(): readonly Delivery[];
  /** Null where no KPIs of it have been published. */
  delivery(deliveryId: string): Delivery | null;
  /** Status, reason and story of a message. Throws `not-found`, `redis-unavailable`. */
  message(deliveryId: string, messageId: string): Promise<MessageView>;
  /** Serves page, API, health and metrics; gives the address. Throws `config-invalid` where it cannot be had. */
  listen(where?: { readonly host?: string; readonly port?: number }): Promise<string>;
  /** Resolves when all feedback that the log holds at the call is folded, published, and seen by `deliveries`. */
  caughtUp(): Promise<void>;
  /** Why it is not ready, if it is not. */
  readonly health: Health;
  /** Where records go to, and what makes their values of feedback: `report` is both. */
  readonly sink: Sink;
  readonly encode: Encode;
  /** Number of partitions of each topic. */
  readonly partitions: number;
  /** Finishes what is under way, stops serving, and ends. */
  stop(): Promise<void>;
}

/** One that needs no server: what it stands on is at hand, for tests and demonstrations. */
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
 * are those of `efs run`, by their variables; those of servers are of no use here. Throws `config-invalid`.
 */
export function embed(
  settings?: Readonly<Record<string, string>>,
  options?: EmbedOptions & { readonly servers?: 'memory' },
): Promise<EmbeddedInMemory>;
/**
 * A worker in this process, on the servers that the settings name. `efs setup` has been run. Waits for servers that do
 * not answer. Throws what waiting cannot mend, as `efs run` does: `config-invalid`, `topic-missing`, `access-refused`...
 */
export function embed(
  settings: Readonly<Record<string, string>>,
  options: EmbedOptions & { readonly servers: 'servers' },
): Promise<Embedded>;
export function embed(
  settings: Readonly<Record<string, string>> = {},
  options: EmbedOptions & { readonly servers?: 'memory' | 'servers' } = {},
): Promise<Embedded> {
  const config = configFrom(settings);
  return options.servers === 'servers' ? embedOnServers(config, options) : embedInMemory(config, options);
}

/** As `embed` in memory. It begins with `restored`, where there is any. */
export async function embedInMemory(
  config: Config,
  options: EmbedOptions,
  restored?: MemoryState,
): Promise<EmbeddedInMemory> {
  const clock = options.clock ?? systemClock;
  const { servers, log, store } = await openInMemory(config, { clock, restored });
  const frame = frameOf(config, options);
  frame.look(servers);
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
    onLog: frame.look,
  });
  void watchInputs(config, { log, health: frame.health, metrics: frame.metrics }, frame.abort.signal);
  return embedOn(frame, servers, close);
}

/** What there is of a service before its ends. */
interface Frame {
  readonly config: Config;
  readonly clock: Clock;
  readonly abort: AbortController;
  readonly health: Health;
  readonly metrics: ReturnType<typeof createMetrics>;
  readonly queries: Queries;
  readonly watchers: Watchers;
  /** Lets the window follow the log. */
  look(log: Pick<Servers, 'reader' | 'registry'>): void;
}

function frameOf(config: Config, options: EmbedOptions): Frame {
  const clock = options.clock ?? systemClock;
  // What is said of this process, and of who looks at it, keeps the time of the world.
  const health = createHealth();
  const metrics = createMetrics({ version, node: process.version, installation: config }, clock.now);
  const watching = { log: options.log ?? silentLog, meter: metrics, onReason: health.set };
  const onFatal = (error: unknown): void => {
    health.fail(error instanceof Error ? error.message : String(error));
    options.onFatal?.(error);
  };
  const watchers = { ...watching, onFatal, outages: outagesOf(watching, systemClock) };
  const queries = windowOf(config, { health, metrics }, clock);
  const abort = new AbortController();
  const { topicPrefix } = config;
  const look: Frame['look'] = ({ reader, registry }) =>
    lookThrough(queries, { reader, registry, topicPrefix }, watchers.outages, abort.signal);
  return { config, clock, abort, health, metrics, queries, watchers, look };
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
      lookAtMessage(servers.store, DeliveryId(deliveryId), MessageId(messageId)),
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
