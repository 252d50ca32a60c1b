// All deliveries: a table that the server searches, sorts and limits, and that the stream updates.

/** @import { Page, View } from './main.js' */
/** @import { DeliveryList } from './api.js' */
/** @import { Query } from './deliveries-table.js' */
import { rows, tableHead, toolbar } from './deliveries-table.js';
import { h, setChildren, setText } from './dom.js';
import { moreButton, note } from './elements.js';
import { count } from './format.js';
import { loader } from './loader.js';
import { pairPanels } from './pair.js';

const PAGE_SIZE = 50;
const MOST = 500;
/** How often the list is requested again for its order; never under the pointer. */
const ORDER_EVERY_MS = 10_000;
const NEW_EVERY_MS = 1_000;

/**
 * The elements of the view.
 * @param {Query} query
 * @param {() => void} ask
 * @param {(deliveryId: string) => void} appeared
 * @param {Page} page
 */
function screen(query, ask, appeared, page) {
  const bar = toolbar(query, ask, page);
  const table = rows(page.signal, appeared);
  const pairs = pairPanels(page);
  const state = h('div', {}, note.loading('deliveries'));
  const more = moreButton(() => {
    query.limit = Math.min(MOST, query.limit + 3 * PAGE_SIZE);
    ask();
  });
  const grid = h(
    'table',
    { role: 'table', class: 'deliveries', 'aria-label': 'Deliveries', hidden: true },
    tableHead(query, ask),
    table.body,
  );
  const element = h(
    'div',
    {},
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
    state,
    /** Whether the table has neither pointer nor focus, so that rows may be reordered. */
    atRest: () => !grid.matches(':hover') && !grid.contains(document.activeElement),
    /** @param {number} listed @param {number} total */
    found(listed, total) {
      grid.hidden = total === 0;
      more.hidden = listed >= total || query.limit >= MOST;
      setText(bar.shown, `${listed === total ? '' : `${count(listed)} of `}${count(total)} deliveries`);
      setChildren(state, total === 0 ? emptyNote(query) : null);
    },
  };
}

/** @param {Query} query */
function emptyNote({ search, policy }) {
  if (search !== '' || policy !== '') return note.empty('No delivery matches.');
  return note.empty('No delivery has been relayed yet. The first one appears here automatically.');
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
  /** Whether the list is outdated, and is requested again soon. */
  let due = false;

  const request = () => {
    due = false;
    return page.get('/deliveries', query);
  };
  const list = loader(page, request, show, (error, again) => {
    due = true;
    if (listed.length === 0) setChildren(shown.state, note.error(error, again));
  });
  const shown = screen(query, list.load, (deliveryId) => draw(deliveryId, page.now()), page);
  const { table, pairs } = shown;

  /** @param {DeliveryList} answer */
  function show({ deliveries, total, stale }) {
    const now = page.now();
    listed = deliveries.map(({ deliveryId }) => deliveryId);
    for (const delivery of deliveries) model.take(delivery, now);
    model.keep(listed);
    table.show(listed);
    for (const deliveryId of table.inSight) draw(deliveryId, now);
    pairs.update(current(), () => true);
    shown.found(listed.length, total);
    page.staleness(stale);
  }
  const current = () => listed.flatMap((deliveryId) => model.get(deliveryId)?.delivery ?? []);
  /** @param {string} deliveryId @param {number} now */
  const draw = (deliveryId, now) => {
    const entry = model.get(deliveryId);
    if (entry !== null) table.get(deliveryId)?.update(entry, now);
  };

  list.load();
  return {
    element: shown.element,
    title: 'Deliveries',
    update(changed, now) {
      for (const deliveryId of table.inSight) if (changed.has(deliveryId)) draw(deliveryId, now);
      pairs.update(current(), (deliveryId) => changed.has(deliveryId));
      if (listed.some((deliveryId) => changed.has(deliveryId) && model.get(deliveryId) === null)) due = true;
    },
    tick(now) {
      for (const deliveryId of table.inSight) draw(deliveryId, now);
      if (due || shown.atRest()) list.poll(now, due ? NEW_EVERY_MS : ORDER_EVERY_MS);
    },
    unknown: () => void (due = true),
    refresh: list.load,
  };
}
