// The page: chooses the view, applies the stream to it, and shows its freshness.
import { ApiError, get } from './api.js';
import { compareView } from './compare.js';
import { deliveryView } from './delivery.js';
import { setAttribute, setChildren } from './dom.js';
import { link, note } from './elements.js';
import { glossaryView } from './glossary-view.js';
import { listen } from './live.js';
import { loginView } from './login.js';
import { messageView } from './message.js';
import { createModel } from './model.js';
import { overview } from './overview.js';
import { routeOf } from './route.js';
import { serviceView } from './service.js';
import { statusLine } from './status-line.js';
import { themeButton } from './theme.js';
import { time } from './time.js';
import { explainWords } from './tooltip.js';

/** @import { Query } from './api.js' */
/** @import { Route } from './route.js' */
/** @import { Batch, Connection } from './stream.js' */
/** @import { Delivery, Model, Staleness } from './model.js' */

/**
 * What a view may use.
 * @typedef {{
 *   readonly model: Model,
 *   readonly signal: AbortSignal,
 *   now(): number,
 *   later(action: () => void, millis: number): void,
 *   get(path: string, query?: Query): Promise<any>,
 *   staleness(stale: Staleness | null): void,
 *   failed(error: unknown): Failure,
 * }} Page
 * `signal` aborts when the view is left; `later` does nothing from then on, and what `get` requests is aborted.
 * `failed` gets the errors of requests.
 *
 * @typedef {{ readonly message: string, readonly remedy: string | null }} Failure
 *
 * What is shown. `update` draws deliveries that changed, at most once a frame; `tick` comes every second, for ages;
 * `unknown` is called when a delivery changed that the model does not keep; `refresh` after a reconnection and after an
 * outage.
 * @typedef {{
 *   readonly element: HTMLElement,
 *   readonly title: string,
 *   update?(changed: ReadonlySet<string>, now: number): void,
 *   tick?(now: number): void,
 *   unknown?(): void,
 *   refresh?(): void,
 * }} View
 */

const TICK_MS = 1_000;

const model = createModel();
const main = /** @type {HTMLElement} */ (document.getElementById('main'));
const status = statusLine(model);
/** @type {View | null} */
let view = null;
let leave = new AbortController();
let frameDue = false;
let connected = false;
let loggedOut = false;

/** What to show of an error; asks for the token where one is missing. @param {unknown} error @returns {Failure} */
function failed(error) {
  if (!(error instanceof ApiError))
    return { message: 'Something went wrong on this page.', remedy: 'Reload it.' };
  if (error.status === 401) askForToken();
  return error;
}

/** @returns {Page} */
function pageFor() {
  const { signal } = leave;
  return {
    model,
    signal,
    now: time.now,
    later: (action, millis) => time.later(() => void (signal.aborted || action()), millis),
    get: (path, query) => get(path, query, signal),
    staleness: (stale) => status.stale(stale),
    failed,
  };
}

/** @param {Route} route @param {Page} page @returns {View} */
function viewOf(route, page) {
  switch (route.view) {
    case 'overview':
      return overview(page);
    case 'delivery':
      return deliveryView(route.deliveryId, page);
    case 'message':
      return messageView(route.deliveryId, route.messageId, page);
    case 'compare':
      return compareView(route.deliveryId, route.otherId, page);
    case 'service':
      return serviceView(page);
    case 'glossary':
      return glossaryView();
    case 'nowhere': {
      const back = link({ view: 'overview' }, 'All deliveries', 'button');
      return { element: note.empty('Page not found.', back), title: 'Not found' };
    }
  }
}

/** @param {(page: Page) => View} make */
function show(make) {
  leave.abort();
  leave = new AbortController();
  view = make(pageFor());
  setChildren(main, view.element);
  document.title = `${view.title} · Email Feedback Service`;
}

function navigate() {
  const route = routeOf(location.hash);
  for (const each of document.querySelectorAll('nav a')) {
    const isCurrent = routeOf(each.getAttribute('href') ?? '').view === route.view;
    setAttribute(each, 'aria-current', isCurrent ? 'page' : null);
  }
  show((page) => viewOf(route, page));
}

function askForToken() {
  if (loggedOut) return;
  loggedOut = true;
  show(() =>
    loginView(() => {
      loggedOut = false;
      navigate();
    }),
  );
}

function scheduleFrame() {
  if (frameDue) return;
  frameDue = true;
  requestAnimationFrame(() => {
    frameDue = false;
    const changed = model.changes();
    if (changed.size > 0) view?.update?.(changed, time.now());
  });
}

/** @param {Batch} batch */
function takeBatch(batch) {
  const now = time.now();
  if (batch.reset) model.clear();
  for (const deliveryId of batch.removed) model.remove(deliveryId);
  for (const text of batch.kpis) {
    const delivery = /** @type {Delivery} */ (JSON.parse(text));
    if (model.keeps(delivery.deliveryId)) model.take(delivery, now);
    else view?.unknown?.();
  }
  const recovers = batch.stale === 'null' && status.isStale();
  if (batch.stale !== undefined) status.stale(JSON.parse(batch.stale));
  if (batch.reset || recovers) view?.refresh?.();
  model.arrived(batch.changes, now);
  scheduleFrame();
}

/** @param {Connection} state @param {number} since */
function connectionIs(state, since) {
  const returns = state === 'open' && !connected && view !== null;
  connected = state === 'open';
  status.connection(state, since, time.now());
  if (returns && !loggedOut) view?.refresh?.();
  if (state === 'lost') void probe();
}

/** Finds out why a stream was refused: its error event carries no status, a request does. */
async function probe() {
  await get('/health').catch(failed);
}

function tick() {
  const now = time.now();
  if (!document.hidden) {
    view?.tick?.(now);
    status.tick(now);
  }
  time.later(tick, TICK_MS);
}

explainWords();
themeButton();
window.addEventListener('hashchange', () => {
  navigate();
  main.focus({ preventScroll: true });
  window.scrollTo(0, 0);
});
document.querySelector('[data-skip]')?.addEventListener('click', (event) => {
  event.preventDefault();
  main.focus();
});
window.addEventListener('pagehide', listen({ batch: takeBatch, state: connectionIs }, time));
// A page restored from the browser's cache has left the stream.
window.addEventListener('pageshow', ({ persisted }) => {
  if (persisted) location.reload();
});
navigate();
tick();
