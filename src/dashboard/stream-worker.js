// A shared worker: one stream for all tabs of a browser, which allows only six connections to a server. The first tab
// opens the stream, the last one to leave closes it.
import { follow, STREAM } from './stream.js';
import { time } from './time.js';

/** @import { Connection } from './stream.js' */

/** @type {Set<MessagePort>} */
const tabs = new Set();
/** @type {{ close(): void } | null} */
let stream = null;
/** @type {Connection} */
let state = 'connecting';
let since = 0;
/** @type {string | undefined} */
let stale;

/** @param {unknown} message */
const broadcast = (message) => tabs.forEach((tab) => tab.postMessage(message));

const listener = {
  /** @param {import('./stream.js').Batch} batch */
  batch(batch) {
    stale = batch.stale ?? stale;
    broadcast({ batch });
  },
  /** @param {Connection} now @param {number} from */
  state(now, from) {
    state = now;
    since = from;
    broadcast({ state, since });
  },
};

/** @param {MessagePort} tab */
function leave(tab) {
  tabs.delete(tab);
  tab.close();
  if (tabs.size > 0) return;
  stream?.close();
  stream = null;
}

/** @param {MessagePort | undefined} tab */
function enter(tab) {
  if (tab === undefined) return;
  tabs.add(tab);
  tab.onmessage = ({ data }) => {
    if (data === 'leave') leave(tab);
  };
  if (stream === null) stream = follow(STREAM, listener, time);
  else {
    tab.postMessage({ state, since });
    tab.postMessage({ batch: { kpis: [], changes: 0, removed: [], reset: false, stale } });
  }
}

// The page's types do not include the scope of a shared worker.
self.addEventListener('connect', (event) => enter(/** @type {MessageEvent} */ (event).ports[0]));
