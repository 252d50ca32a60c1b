import { Kafka, type KafkaConfig, logLevel } from 'kafkajs';
import Connection from 'kafkajs/src/network/connection';
import RequestQueue from 'kafkajs/src/network/requestQueue';
import { createErrorFromCode } from 'kafkajs/src/protocol/error';
import metadataResponse from 'kafkajs/src/protocol/requests/metadata/v6/response';

/** What kafkajs says on its own. The service judges failures itself, so all of it belongs to debug logs. */
export type KafkaChatter = (
  level: 'error' | 'warn' | 'info' | 'debug',
  message: string,
  details: object,
) => void;

/** Where Kafka is, and how it is reached. */
export interface KafkaAddress {
  readonly brokers: readonly string[];
  readonly clientId: string;
  /** How long a request may take, in milliseconds; 10 s where absent. */
  readonly requestTimeout?: number;
  /** Null or absent is no TLS. It is read at each connection: a getter gives what is valid by then. */
  readonly tls?: Exclude<KafkaConfig['ssl'], boolean> | null;
  /** Null or absent is no log-in. It is read at each log-in: a getter gives what is valid by then. */
  readonly sasl?: KafkaConfig['sasl'] | null;
}

/** kafkajs logs in again this long before the broker ends a session. Its own 10 s would be all of a short one. */
const REAUTHENTICATION_MARGIN_MS = 2_000;

/**
 * A kafkajs client with the timeouts the service relies on: connections open within 3 s, requests end within 10 s
 * unless told otherwise,
 * and kafkajs itself tries again only briefly, so that an outage is noticed and waited out by whoever sees it.
 */
export function kafkaClient(address: KafkaAddress, chatter: KafkaChatter = () => undefined): Kafka {
  const { brokers, clientId, requestTimeout = 10_000, tls, sasl } = address;
  mendKafkajs();
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
    logCreator: () => (entry) => {
      const { message, ...details } = entry.log;
      chatter(levelName(entry.level), message, details);
    },
  });
}

function levelName(level: logLevel): 'error' | 'warn' | 'info' | 'debug' {
  if (level <= logLevel.ERROR) return 'error';
  if (level <= logLevel.WARN) return 'warn';
  return level <= logLevel.INFO ? 'info' : 'debug';
}

let mended = false;

/** Faults of kafkajs 2.2.4 that every client of the process has; mended once, for all of them. */
function mendKafkajs(): void {
  if (mended) return;
  mended = true;
  shareConnects();
  restWhileNothingIsPending();
  takeMetadataWithoutLeaders();
}

/**
 * Where several requests find a connection down, each of them makes kafkajs open a socket for it: all but one leak,
 * and their answers are mixed into one stream. Now the second caller waits for the first.
 */
function shareConnects(): void {
  const { connect, disconnect } = Connection.prototype;
  const connecting = new WeakMap<Connection, Promise<boolean>>();
  Connection.prototype.connect = function (this: Connection) {
    const under = connecting.get(this);
    if (under !== undefined) return under;
    const opened = connect.call(this).finally(() => {
      if (connecting.get(this) === opened) connecting.delete(this);
    });
    connecting.set(this, opened);
    return opened;
  };
  Connection.prototype.disconnect = async function (this: Connection) {
    // A connection taken down before it was up may never settle the promise of its connect.
    connecting.delete(this);
    const { socket } = this;
    const down = await disconnect.call(this);
    // Taken down again, an ended socket would get one more listener each time, for as long as an outage lasts.
    if (this.socket === socket) this.socket = null;
    return down;
  };
}

/**
 * After its first answer a connection looks for throttled requests every millisecond for ever: its timer is set to
 * the end of a throttling that never was, and sets itself again. Now the timer is set only where requests wait.
 */
function restWhileNothingIsPending(): void {
  const { scheduleCheckPendingRequests } = RequestQueue.prototype;
  RequestQueue.prototype.scheduleCheckPendingRequests = function (this: RequestQueue) {
    if (this.pending.length > 0) scheduleCheckPendingRequests.call(this);
  };
}

/**
 * One partition without a leader makes kafkajs refuse the whole answer, so that nothing is learned of the leaders there
 * are. Now only a refused topic does; a partition without a leader has leader -1.
 */
function takeMetadataWithoutLeaders(): void {
  metadataResponse.parse = async (metadata) => {
    const refused = metadata.topicMetadata.find(({ topicErrorCode }) => topicErrorCode !== 0);
    if (refused !== undefined) throw createErrorFromCode(refused.topicErrorCode);
    return metadata;
  };
}
