// The table of the overview: toolbar, head, and rows; only visible rows are drawn.

/** @import { Page } from './main.js' */
import { swatch } from './bars.js';
import { h, keyed, setAttribute } from './dom.js';
import { choice, term } from './elements.js';
import { COLUMNS, deliveryRow } from './row.js';

const SEARCH_AFTER_MS = 250;

/**
 * The query to the server.
 * @typedef {{ search: string, policy: string, sort: string, order: 'asc' | 'desc', limit: number }} Query
 */

/**
 * The head of the table; a click sorts.
 * @param {Query} query
 * @param {() => void} changed
 */
export function tableHead(query, changed) {
  const cells = COLUMNS.map((column) => {
    const button = term(column.word, column.title);
    const cell = h('th', { role: 'columnheader', scope: 'col', class: column.name }, button);
    if (!('sort' in column)) return cell;
    const { sort, first } = column;
    cell.dataset['sort'] = sort;
    button.addEventListener('click', () => {
      const turned = query.order === 'asc' ? 'desc' : 'asc';
      query.order = query.sort === sort ? turned : first;
      query.sort = sort;
      changed();
      mark();
    });
    return cell;
  });
  const mark = () => {
    for (const cell of cells) {
      const isSorted = cell.dataset['sort'] === query.sort;
      const order = query.order === 'asc' ? 'ascending' : 'descending';
      setAttribute(cell, 'aria-sort', isSorted ? order : null);
    }
  };
  mark();
  return h('thead', { role: 'rowgroup' }, h('tr', { role: 'row' }, ...cells));
}

/** The legend of the bars. */
const legend = () =>
  h(
    'ul',
    { class: 'legend aside' },
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
  const policy = choice('Policy', 'Both policies', (value) => {
    query.policy = value;
    changed();
  });
  policy.offer(['EFS', 'RELAY'], (name) => name);
  const shown = h('span', { class: 'shown aside', role: 'status' });
  return { element: h('div', { class: 'toolbar' }, search, policy.element, legend(), shown), shown };
}

/**
 * Rows; only visible ones are drawn.
 * @param {AbortSignal} signal ends the observation
 * @param {(deliveryId: string) => void} appeared
 */
export function rows(signal, appeared) {
  const body = h('tbody', { role: 'rowgroup' });
  /** @type {Set<string>} */
  const inSight = new Set();
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
  signal.addEventListener('abort', () => sight.disconnect());
  const all = keyed(
    body,
    (/** @type {string} */ deliveryId) => deliveryId,
    (deliveryId) => {
      const row = deliveryRow(deliveryId);
      sight.observe(row.element);
      return row;
    },
    ({ element }, deliveryId) => {
      sight.unobserve(element);
      inSight.delete(deliveryId);
    },
  );
  return { body, inSight, get: all.get, show: (/** @type {readonly string[]} */ ids) => all.show(ids) };
}
