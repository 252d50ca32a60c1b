// The live stream: server-sent events in, batches and the state of the connection out. The browser reconnects by itself
// and sends the id of the last event; where the server refuses with an error, the stream is reopened later. A dead
// connection may raise no event: the server sends heartbeats, and where they stop, the stream is reopened.

/**
 * The events since the last batch. Of several changes of a delivery it holds only the last.
 * @typedef {{ readonly kpis: readonly string[], readonly changes: number, readonly removed: readonly string[],
 *   readonly reset: boolean, readonly stale: string | undefined }} Batch
 * `stale` is the JSON of the server's staleness where it was sent.
 *
 * @typedef {'connecting' | 'open' | 'lost'} Connection
 * @typedef {{ batch(batch: Batch): void, state(state: Connection, since: number): void }} Listener
 * `since`: for `lost`, the time up to which the events received are known to be complete.
 *
 * @typedef {{ now(): number, later(action: () => void, millis: number): void }} Time
 */

/** All deliveries, but only what changes from now on: a view asks for what it shows. */
export const STREAM = '/api/stream?snapshot=off';

const BATCH_MS = 80;
/** Three missing heartbeats of the server (src/queries/feed.ts). */
const HEARTBEAT_TIMEOUT_MS = 15_000;
const HEARTBEAT_CHECK_MS = 1_000;
const RETRY_MS = { least: 1_000, most: 15_000 };

/**
 * The key of the delivery of a `kpi` event, without parsing it: its JSON begins with the id.
 * @param {string} data
 */
const keyOf = (data) => data.slice(0, data.indexOf('","') + 1) || data;

/** Collects events until they are taken. */
export function eventBatcher() {
  /** @type {Map<string, string>} */
  const kpis = new Map();
  /** @type {string[]} */
  let removed = [];
  let changes = 0;
  let reset = false;
  /** @type {string | undefined} */
  let stale;
  const clear = () => {
    kpis.clear();
    removed = [];
    changes = 0;
    reset = false;
    stale = undefined;
  };
  return {
    /** @param {string} data */
    kpi(data) {
      kpis.set(keyOf(data), data);
      changes += 1;
    },
    /** A delivery was removed: its earlier changes are dropped, later ones are kept. @param {string} data */
    removed(data) {
      const { deliveryId } = /** @type {{ deliveryId: string }} */ (JSON.parse(data));
      kpis.delete(keyOf(`{"deliveryId":${JSON.stringify(deliveryId)},"`));
      removed.push(deliveryId);
    },
    /** Every delivery follows: earlier events are dropped. */
    reset() {
      clear();
      reset = true;
    },
    /** @param {string} data */
    stale(data) {
      stale = data;
    },
    /** @returns {Batch} */
    take() {
      const batch = { kpis: [...kpis.values()], changes, removed, reset, stale };
      clear();
      return batch;
    },
  };
}

/**
 * Follows a stream until `close`.
 * @param {string} url with a query
 * @param {Listener} listener
 * @param {Time} time
 */
export function follow(url, listener, time) {
  const batcher = eventBatcher();
  /** @type {EventSource | null} */
  let source = null;
  let closed = false;
  let due = false;
  let wait = RETRY_MS.least;
  /** The id of the last event: a reopened stream must send it itself. */
  let last = '';
  /** When the last event or heartbeat arrived. */
  let lastEventAt = time.now();

  const flush = () => {
    due = false;
    if (!closed) listener.batch(batcher.take());
  };
  /** @param {MessageEvent} event @param {() => void} add */
  const collect = (event, add) => {
    last = event.lastEventId || last;
    lastEventAt = time.now();
    add();
    if (due) return;
    due = true;
    time.later(flush, BATCH_MS);
  };
  const open = () => {
    if (closed) return;
    const stream = new EventSource(last === '' ? url : `${url}&lastEventId=${encodeURIComponent(last)}`);
    source = stream;
    watchHeartbeat(stream, time.now());
    stream.onopen = () => {
      wait = RETRY_MS.least;
      lastEventAt = time.now();
      listener.state('open', lastEventAt);
    };
    stream.onerror = () => {
      if (closed) return;
      listener.state('lost', time.now());
      if (stream.readyState !== EventSource.CLOSED) return;
      source = null;
      time.later(open, wait);
      wait = Math.min(2 * wait, RETRY_MS.most);
    };
    stream.addEventListener('heartbeat', () => (lastEventAt = time.now()));
    stream.addEventListener('kpi', (event) => collect(event, () => batcher.kpi(event.data)));
    stream.addEventListener('removed', (event) => collect(event, () => batcher.removed(event.data)));
    stream.addEventListener('reset', (event) => collect(event, () => batcher.reset()));
    stream.addEventListener('stale', (event) => collect(event, () => batcher.stale(event.data)));
  };

  /** Reopens the stream when heartbeats stop. @param {EventSource} stream @param {number} since */
  const watchHeartbeat = (stream, since) =>
    time.later(() => {
      if (closed || source !== stream) return;
      if (time.now() - Math.max(since, lastEventAt) < HEARTBEAT_TIMEOUT_MS)
        return watchHeartbeat(stream, since);
      stream.close();
      listener.state('lost', lastEventAt);
      open();
    }, HEARTBEAT_CHECK_MS);

  listener.state('connecting', time.now());
  open();
  return {
    close() {
      closed = true;
      source?.close();
    },
  };
}
