// The table of the overview: toolbar, head, and rows; only visible rows are drawn.

/** @import { Page } from './main.js' */
import { h, swatch, term } from './dom.js';
import { deliveryRow } from './row.js';

const SEARCH_AFTER_MS = 250;

/**
 * The query to the server.
 * @typedef {{ search: string, policy: string, sort: string, order: 'asc' | 'desc', limit: number }} Query
 */

const COLUMNS = /** @type {const} */ ([
  { title: 'Delivery', word: 'delivery', sort: 'deliveryId', first: 'asc', name: 'name' },
  { title: 'Success', word: 'Success', sort: 'success', first: 'asc', name: 'number of-success' },
  { title: 'Statuses', word: 'status', sort: null, first: null, name: 'of-bar' },
  { title: 'By the hour', word: 'Success', sort: null, first: null, name: 'of-spark' },
  { title: 'Relayed', word: 'relayed', sort: 'relayed', first: 'desc', name: 'number relayed' },
  { title: 'Sent', word: 'SENT', sort: null, first: null, name: 'number sent' },
  { title: 'Taken', word: 'TAKEN_INTO_ACCOUNT', sort: null, first: null, name: 'number takenIntoAccount' },
  { title: 'Waiting', word: 'waiting for a retry', sort: null, first: null, name: 'number waitingForRetry' },
  { title: 'Failed', word: 'FAILED', sort: 'failed', first: 'desc', name: 'number failed' },
  { title: 'As of', word: 'as of', sort: 'asOf', first: 'desc', name: 'number of-age' },
]);

/**
 * The head of the table; a click sorts.
 * @param {Query} query
 * @param {() => void} changed
 */
export function tableHead(query, changed) {
  const cells = COLUMNS.map(({ title, word, sort, first, name }) => {
    if (sort === null) return h('th', { role: 'columnheader', scope: 'col', class: name }, term(word, title));
    const button = term(word, title);
    button.classList.add('sort');
    button.addEventListener('click', () => {
      const turned = query.order === 'asc' ? 'desc' : 'asc';
      query.order = query.sort === sort ? turned : first;
      query.sort = sort;
      changed();
      mark();
    });
    return h('th', { role: 'columnheader', scope: 'col', class: name, 'data-sort': sort }, button);
  });
  const mark = () => {
    for (const cell of cells) {
      const sorted = cell.dataset['sort'] === query.sort;
      if (sorted) cell.setAttribute('aria-sort', query.order === 'asc' ? 'ascending' : 'descending');
      else cell.removeAttribute('aria-sort');
    }
  };
  mark();
  return h('thead', { role: 'rowgroup' }, h('tr', { role: 'row' }, ...cells));
}

/** The legend of the bars. */
const legend = () =>
  h(
    'ul',
    { class: 'legend' },
    h('li', {}, swatch('sent'), 'Delivered'),
    h('li', {}, swatch('unknown'), 'No feedback yet'),
    h('li', {}, swatch('waiting'), 'Waiting for a retry'),
    h('li', {}, swatch('failed'), 'Failed'),
  );

/** Search and filter. @param {Query} query @param {() => void} changed @param {Page} page */
export function toolbar(query, changed, page) {
  let typed = 0;
  const search = h('input', {
    type: 'search',
    id: 'search',
    placeholder: 'Find a delivery',
    'aria-label': 'Find deliveries by part of their id',
    autocomplete: 'off',
    spellcheck: 'false',
    input: () => {
      const mine = ++typed;
      page.later(() => {
        if (mine !== typed) return;
        query.search = search.value.trim();
        changed();
      }, SEARCH_AFTER_MS);
    },
  });
  const policy = h(
    'select',
    {
      'aria-label': 'Policy',
      change: () => {
        query.policy = policy.value;
        changed();
      },
    },
    h('option', { value: '' }, 'Both policies'),
    h('option', { value: 'EFS' }, 'EFS'),
    h('option', { value: 'RELAY' }, 'RELAY'),
  );
  const shown = h('span', { class: 'shown', role: 'status' });
  return { element: h('div', { class: 'toolbar' }, search, policy, legend(), shown), shown };
}

/** Rows; only visible ones are drawn. */
export function rows() {
  const body = h('tbody', { role: 'rowgroup' });
  /** @type {Map<string, ReturnType<typeof deliveryRow>>} */
  const all = new Map();
  /** @type {Set<string>} */
  const inSight = new Set();
  /** @type {(deliveryId: string) => void} */
  let appeared = () => {};
  const sight = new IntersectionObserver(
    (records) => {
      for (const { target, isIntersecting } of records) {
        const deliveryId = /** @type {HTMLElement} */ (target).dataset['delivery'] ?? '';
        if (!isIntersecting) inSight.delete(deliveryId);
        else {
          inSight.add(deliveryId);
          appeared(deliveryId);
        }
      }
    },
    { rootMargin: '600px' },
  );
  return {
    body,
    inSight,
    get: (/** @type {string} */ deliveryId) => all.get(deliveryId) ?? null,
    /** @param {(deliveryId: string) => void} draw */
    onAppear(draw) {
      appeared = draw;
    },
    /** Shows these deliveries, in this order. @param {readonly string[]} ids */
    show(ids) {
      const wanted = new Set(ids);
      for (const [deliveryId, row] of all) {
        if (wanted.has(deliveryId)) continue;
        sight.unobserve(row.element);
        row.element.remove();
        all.delete(deliveryId);
        inSight.delete(deliveryId);
      }
      ids.forEach((deliveryId, index) => {
        let row = all.get(deliveryId);
        if (row === undefined) {
          row = deliveryRow(deliveryId);
          all.set(deliveryId, row);
          sight.observe(row.element);
        }
        const there = body.children[index] ?? null;
        if (there !== row.element) body.insertBefore(row.element, there);
      });
    },
    close: () => sight.disconnect(),
  };
}
