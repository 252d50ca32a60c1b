import { Kafka, type KafkaConfig, logLevel } from 'kafkajs';
import Connection from 'kafkajs/src/network/connection';
import RequestQueue from 'kafkajs/src/network/requestQueue';
import { createErrorFromCode } from 'kafkajs/src/protocol/error';
import metadataResponse from 'kafkajs/src/protocol/requests/metadata/v6/response';

/** Receives kafkajs' own log. The service classifies failures itself, so all of it belongs to debug logs. */
export type KafkaLog = (level: string, message: string) => void;

/** Addresses and connection settings of Kafka. */
export interface KafkaAddress {
  readonly brokers: readonly string[];
  readonly clientId: string;
  /** How long a request may take, in milliseconds; 10 s where absent. */
  readonly requestTimeout?: number;
  /** Null or absent is no TLS. Read at each connection: a getter gives the value that is valid then. */
  readonly tls?: Exclude<KafkaConfig['ssl'], boolean> | null;
  /** Null or absent is no log-in. Read at each log-in: a getter gives the value that is valid then. */
  readonly sasl?: KafkaConfig['sasl'] | null;
}

/** kafkajs logs in again this long before the broker ends a session. Its default of 10 s would be all of a short one. */
const REAUTHENTICATION_MARGIN_MS = 2_000;

/**
 * A kafkajs client with the timeouts the service relies on: connections open within 3 s, requests end within 10 s by
 * default, and kafkajs retries only briefly, so that an outage reaches the caller, which waits it out.
 */
export function kafkaClient(address: KafkaAddress, log: KafkaLog = () => undefined): Kafka {
  const { brokers, clientId, requestTimeout = 10_000, tls, sasl } = address;
  patchKafkajs();
  return new Kafka({
    brokers: [...brokers],
    clientId,
    requestTimeout,
    ...(tls ? { ssl: tls } : {}),
    ...(sasl ? { sasl } : {}),
    connectionTimeout: 3_000,
    authenticationTimeout: 5_000,
    reauthenticationThreshold: REAUTHENTICATION_MARGIN_MS,
    retry: { initialRetryTime: 100, maxRetryTime: 1_000, retries: 3 },
    logLevel: logLevel.INFO,
    logCreator: () => (entry) => log(entry.label.toLowerCase(), entry.log.message),
  });
}

let patched = false;

/** Fixes faults of kafkajs 2.2.4; once, for every client of the process. */
function patchKafkajs(): void {
  if (patched) return;
  patched = true;
  shareConnects();
  stopIdleTimer();
  acceptMetadataWithoutLeaders();
}

/**
 * Where several requests find a connection closed, kafkajs opens a socket for each: all but one leak, and their
 * answers are mixed into one stream. With the patch the second caller waits for the first.
 */
function shareConnects(): void {
  const { connect, disconnect } = Connection.prototype;
  const connecting = new WeakMap<Connection, Promise<boolean>>();
  Connection.prototype.connect = function (this: Connection) {
    const pending = connecting.get(this);
    if (pending !== undefined) return pending;
    const opened = connect.call(this).finally(() => {
      if (connecting.get(this) === opened) connecting.delete(this);
    });
    connecting.set(this, opened);
    return opened;
  };
  Connection.prototype.disconnect = async function (this: Connection) {
    // A connection closed before it was open may never settle the promise of its connect.
    connecting.delete(this);
    const { socket } = this;
    const closed = await disconnect.call(this);
    // Each further disconnect would add a listener to the ended socket, for as long as an outage lasts.
    if (this.socket === socket) this.socket = null;
    return closed;
  };
}

/**
 * After its first answer a connection checks for throttled requests every millisecond, without end: its timer is set
 * to the end of a throttling that never took place, and sets itself again. With the patch the timer is set only while
 * requests wait.
 */
function stopIdleTimer(): void {
  const { scheduleCheckPendingRequests } = RequestQueue.prototype;
  RequestQueue.prototype.scheduleCheckPendingRequests = function (this: RequestQueue) {
    if (this.pending.length > 0) scheduleCheckPendingRequests.call(this);
  };
}

/**
 * kafkajs rejects the whole metadata answer where one partition has no leader, and so misses the leaders of the others.
 * With the patch only a refused topic rejects it; a partition without a leader has leader -1.
 */
function acceptMetadataWithoutLeaders(): void {
  metadataResponse.parse = async (metadata) => {
    const refused = metadata.topicMetadata.find(({ topicErrorCode }) => topicErrorCode !== 0);
    if (refused !== undefined) throw createErrorFromCode(refused.topicErrorCode);
    return metadata;
  };
}
