import { type Clock, systemClock } from '../base/clock';
import { configFrom } from '../settings/config';
import type { Config } from '../settings/table';
import type { EfsError } from '../base/errors';
import { DeliveryId, MessageId } from '../base/ids';
import { type Log, NO_LOG } from '../base/log';
import type { Feedback } from '../feedback/feedback';
import type { MemoryLog } from '../log/log.memory';
import type { Health } from '../queries/health';
import { lookUpMessage, type MessageView } from '../queries/lookup';
import type { Delivery } from '../queries/delivery-view';
import type { Sink } from '../log/sink';
import { feedbackRecord } from '../simulation/traffic';
import { type Encode, wireEncoder } from '../feedback/encode';
import { INPUT_RECORDS, schemaIds } from '../feedback/schemas';
import type { Servers } from './compose';
import { caughtUp } from './caught-up';
import { type MemoryState, type MemoryStore, openInMemory } from './in-memory';
import { outgoing } from '../simulation/produce';
import { connect, follow, type Frame, frameOf, startOn } from './frame';
import { serve } from './serve';

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
  const frame = embeddedFrame(config, options);
  const { servers, log, store } = await openInMemory(config, { clock: frame.clock, restored });
  follow(frame, servers);
  const embedded = await embedOn(frame, servers, async () => undefined);
  return { ...embedded, log, store };
}

/** As `embed` on servers. */
export async function embedOnServers(config: Config, options: EmbedOptions): Promise<Embedded> {
  const frame = embeddedFrame(config, options);
  const { servers, close } = await connect(frame);
  return embedOn(frame, servers, close);
}

function embeddedFrame(config: Config, options: EmbedOptions): Frame {
  const { log = NO_LOG, clock = systemClock } = options;
  const frame = frameOf(config, {
    log,
    clock,
    onFatal: (error) => {
      frame.health.fail(error instanceof Error ? error.message : String(error));
      options.onFatal?.(error);
    },
  });
  return frame;
}

const STOP_GRACE_MS = 8_000;

async function embedOn(frame: Frame, servers: Servers, closeServers: () => Promise<void>): Promise<Embedded> {
  const { config, abort, health, queries } = frame;
  const service = await startOn(frame, servers, ['status', 'kpi']);
  const encode = wireEncoder(await schemaIds(servers.registry, config.topicPrefix, INPUT_RECORDS));
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
      const http = await serve(frame, { host, port });
      closing.push(() => http.close());
      return `http://${host.includes(':') ? `[${host}]` : host}:${http.port}/`;
    },
    caughtUp: () => caughtUp(config, servers, { partitions, queries, signal: abort.signal }),
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
