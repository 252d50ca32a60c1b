// The live stream: server-sent events in, batches out, and whether it is connected. The browser reconnects by itself and
// names the last event it has seen; where the server refuses (it answers with an error), a new attempt is made later. A
// connection can be dead without anybody being told: the server says every few seconds that it is there, and where it
// does not, the stream is opened anew.

/**
 * What has come since the last batch. Of several changes of a delivery only the last is in it.
 * @typedef {{ readonly kpis: readonly string[], readonly changes: number, readonly removed: readonly string[],
 *   readonly reset: boolean, readonly stale: string | undefined }} Batch
 * `stale` is the JSON of the server's staleness where it was told.
 *
 * @typedef {'connecting' | 'open' | 'lost'} Connection
 * @typedef {{ batch(batch: Batch): void, state(state: Connection, since: number): void }} Listener
 * `since`: where it is lost, until when what has been told is known to be all.
 *
 * @typedef {{ now(): number, later(action: () => void, millis: number): void }} Time
 */

/** All deliveries, but only what changes from now on: a view asks for what it shows. */
export const STREAM = '/api/stream?snapshot=off';

const BATCH_MS = 80;
/** Three heartbeats of the server (src/queries/feed.ts) that did not come. */
const SILENT_MS = 15_000;
const LISTEN_MS = 1_000;
const AGAIN_MS = { least: 1_000, most: 15_000 };

/**
 * What tells the delivery of a `kpi` event without parsing it: its JSON begins with the id.
 * @param {string} data
 */
const keyOf = (data) => data.slice(0, data.indexOf('","') + 1) || data;

/** Gathers events until they are taken. */
export function gathering() {
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
    /** A delivery was removed; what was known of it before is dropped, what comes after counts. @param {string} data */
    removed(data) {
      const { deliveryId } = /** @type {{ deliveryId: string }} */ (JSON.parse(data));
      kpis.delete(keyOf(`{"deliveryId":${JSON.stringify(deliveryId)},"`));
      removed.push(deliveryId);
    },
    /** Everything follows: what came before is void. */
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
  const gathered = gathering();
  /** @type {EventSource | null} */
  let source = null;
  let closed = false;
  let due = false;
  let wait = AGAIN_MS.least;
  /** The id of the last event seen: a new attempt of our own has to name it itself. */
  let last = '';
  /** When the server was last heard. */
  let heardAt = time.now();

  const flush = () => {
    due = false;
    if (!closed) listener.batch(gathered.take());
  };
  /** @param {MessageEvent} event @param {() => void} add */
  const gather = (event, add) => {
    last = event.lastEventId || last;
    heardAt = time.now();
    add();
    if (due) return;
    due = true;
    time.later(flush, BATCH_MS);
  };
  const open = () => {
    if (closed) return;
    const stream = new EventSource(last === '' ? url : `${url}&lastEventId=${encodeURIComponent(last)}`);
    source = stream;
    listen(stream, time.now());
    stream.onopen = () => {
      wait = AGAIN_MS.least;
      heardAt = time.now();
      listener.state('open', heardAt);
    };
    stream.onerror = () => {
      if (closed) return;
      listener.state('lost', time.now());
      if (stream.readyState !== EventSource.CLOSED) return;
      source = null;
      time.later(open, wait);
      wait = Math.min(2 * wait, AGAIN_MS.most);
    };
    stream.addEventListener('heartbeat', () => (heardAt = time.now()));
    stream.addEventListener('kpi', (event) => gather(event, () => gathered.kpi(event.data)));
    stream.addEventListener('removed', (event) => gather(event, () => gathered.removed(event.data)));
    stream.addEventListener('reset', (event) => gather(event, () => gathered.reset()));
    stream.addEventListener('stale', (event) => gather(event, () => gathered.stale(event.data)));
  };

  /** Opens the stream anew where it has been silent for too long. @param {EventSource} stream @param {number} since */
  const listen = (stream, since) =>
    time.later(() => {
      if (closed || source !== stream) return;
      if (time.now() - Math.max(since, heardAt) < SILENT_MS) return listen(stream, since);
      stream.close();
      listener.state('lost', heardAt);
      open();
    }, LISTEN_MS);

  listener.state('connecting', time.now());
  open();
  return {
    close() {
      closed = true;
      source?.close();
    },
  };
}
