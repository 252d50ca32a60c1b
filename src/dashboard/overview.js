// All deliveries: a table that the server searches, sorts and limits, and that the stream updates.

/** @import { Page, View } from './main.js' */
/** @import { DeliveryList } from './api.js' */
/** @import { Query } from './deliveries-table.js' */
import { get } from './api.js';
import { rows, tableHead, toolbar } from './deliveries-table.js';
import { h, note, setChildren, setText } from './dom.js';
import { count } from './format.js';
import { pairPanels } from './pair.js';

const PAGE_SIZE = 50;
const MOST = 500;
/** How often the list is requested again for its order; never under the pointer. */
const ORDER_EVERY_MS = 10_000;
const NEW_EVERY_MS = 1_000;

/**
 * The elements of the view. @param {Query} query @param {() => void} ask @param {Page} page
 */
function screen(query, ask, page) {
  const bar = toolbar(query, ask, page);
  const table = rows();
  const pairs = pairPanels(page);
  const state = h('div', { class: 'state' }, note.loading('deliveries'));
  const showMore = () => {
    query.limit = Math.min(MOST, query.limit + 3 * PAGE_SIZE);
    ask();
  };
  const more = h(
    'button',
    { type: 'button', class: 'button more', hidden: true, click: showMore },
    'Show more',
  );
  const grid = h(
    'table',
    { role: 'table', class: 'deliveries', 'aria-label': 'Deliveries', hidden: true },
    tableHead(query, ask),
    table.body,
  );
  const element = h(
    'div',
    { class: 'overview' },
    h('h1', { class: 'unseen' }, 'Deliveries'),
    pairs.element,
    bar.element,
    h('div', { class: 'scroll' }, grid),
    state,
    more,
  );
  return {
    element,
    table,
    pairs,
    /** Whether the table has neither pointer nor focus, so that rows may be reordered. */
    atRest: () => !grid.matches(':hover') && !grid.contains(document.activeElement),
    /** @param {number} listed @param {number} total */
    found(listed, total) {
      grid.hidden = total === 0;
      more.hidden = listed >= total || query.limit >= MOST;
      setText(bar.shown, `${listed === total ? '' : `${count(listed)} of `}${count(total)} deliveries`);
      setChildren(state, total === 0 ? emptyNote(query) : null);
    },
    /** @param {{ message: string, remedy: string | null }} error */
    failed: (error) => setChildren(state, note.error(error, ask)),
  };
}

/** @param {Query} query */
function emptyNote({ search, policy }) {
  if (search !== '' || policy !== '') return note.empty('No delivery matches.');
  return note.empty('No delivery has been relayed yet. The first one appears here automatically.');
}

/**
 * The list of deliveries: requested when the query changes, when there are new deliveries, and regularly for their
 * order. Outdated responses are dropped.
 * @param {Page} page
 * @param {Query} query
 * @param {(list: DeliveryList) => void} show
 * @param {(error: unknown) => void} failed
 */
function listing(page, query, show, failed) {
  let asked = 0;
  let askedAt = -Infinity;
  let due = false;
  async function ask() {
    const mine = ++asked;
    askedAt = page.now();
    due = false;
    try {
      const list = await get('/deliveries', query, page.signal);
      if (mine === asked) show(list);
    } catch (error) {
      if (mine !== asked || page.signal.aborted) return;
      due = true;
      page.failed(error);
      failed(error);
    }
  }
  /** @param {number} now @param {boolean} atRest */
  const keepOrder = (now, atRest) => {
    if (now - askedAt >= ORDER_EVERY_MS && (due || atRest)) void ask();
    else if (due && now - askedAt >= NEW_EVERY_MS) void ask();
  };
  return {
    ask: () => void ask(),
    /** The list is outdated: requests it soon. */
    outdated: () => void (due = true),
    keepOrder,
  };
}

/**
 * @param {Page} page
 * @returns {View}
 */
export function overview(page) {
  const { model } = page;
  /** @type {Query} */
  const query = { search: '', policy: '', sort: 'asOf', order: 'desc', limit: PAGE_SIZE };
  /** @type {readonly string[]} */
  let listed = [];

  const list = listing(page, query, show, (error) => {
    if (listed.length === 0) shown.failed(page.errorOf(error));
  });
  const shown = screen(query, list.ask, page);
  const { table, pairs } = shown;

  /** @param {DeliveryList} answer */
  function show({ deliveries, total, stale }) {
    const now = page.now();
    listed = deliveries.map(({ deliveryId }) => deliveryId);
    for (const delivery of deliveries) model.take(delivery, now);
    model.keep(listed);
    table.show(listed);
    for (const deliveryId of table.inSight) draw(deliveryId, now);
    pairs.update(current(), null);
    shown.found(listed.length, total);
    page.staleness(stale);
  }
  const current = () => listed.flatMap((deliveryId) => model.get(deliveryId)?.delivery ?? []);
  /** @param {string} deliveryId @param {number} now */
  const draw = (deliveryId, now) => {
    const entry = model.get(deliveryId);
    if (entry !== null) table.get(deliveryId)?.update(entry, now);
  };

  table.onAppear((deliveryId) => draw(deliveryId, page.now()));
  list.ask();
  return {
    element: shown.element,
    title: 'Deliveries',
    update(changed, now) {
      for (const deliveryId of table.inSight) if (changed.has(deliveryId)) draw(deliveryId, now);
      pairs.update(current(), changed);
      if (listed.some((deliveryId) => changed.has(deliveryId) && model.get(deliveryId) === null))
        list.outdated();
    },
    tick(now) {
      for (const deliveryId of table.inSight) draw(deliveryId, now);
      list.keepOrder(now, shown.atRest());
    },
    unknown: list.outdated,
    refresh: list.ask,
    close() {
      table.close();
      pairs.close();
    },
  };
}
