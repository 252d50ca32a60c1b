// The service itself: its health, its tasks, its dead letters, its sources.

/** @import { Page, View } from './main.js' */
import { h } from './dom.js';
import { definitions, heading } from './elements.js';
import { count, duration, instant } from './format.js';
import { lettersPanel } from './letters-panel.js';
import { polledPanel } from './polled-panel.js';
import { sourcesPanel } from './sources-panel.js';
import { tasksPanel } from './tasks-panel.js';

/**
 * @typedef {{ readonly key: string, readonly reason: string, readonly since: string }} Reason
 * @typedef {{ readonly key: string, readonly warning: string }} Warning
 * @typedef {{ readonly ready: boolean, readonly failure: string | null, readonly reasons: readonly Reason[],
 *   readonly warnings: readonly Warning[], readonly version: string, readonly startedAt: string, readonly at: string, readonly deliveries: number,
 *   readonly readers: number }} HealthAnswer
 */

/** @param {HealthAnswer} health */
function healthShown({ ready, failure, reasons, warnings, version, startedAt, at, deliveries, readers }) {
  const state = failure !== null ? 'failed' : ready ? 'ready' : 'not-ready';
  const label = { ready: 'Ready', 'not-ready': 'Not ready', failed: 'Must be restarted' }[state];
  const open = reasons.map(({ key, reason, since }) =>
    h(
      'li',
      { class: 'bad' },
      h('code', {}, key),
      ` ${reason} `,
      h('span', { class: 'aside' }, `since ${instant(since)} UTC`),
    ),
  );
  const warned = warnings.map(({ key, warning }) =>
    h('li', { class: 'warn' }, h('code', {}, key), ` ${warning}`),
  );
  return h(
    'div',
    {},
    h('p', { class: `health ${state}` }, h('strong', {}, label), failure === null ? null : `: ${failure}`),
    open.length + warned.length === 0 ? null : h('ul', { class: 'reasons' }, ...open, ...warned),
    definitions('facts', [
      ['Up for', duration(Date.parse(at) - Date.parse(startedAt))],
      ['Version', version],
      ['Deliveries', count(deliveries)],
      ['Open streams', count(readers)],
    ]),
  );
}

/**
 * @param {Page} page
 * @returns {View}
 */
export function serviceView(page) {
  const health = polledPanel(page, 'of-health', 'Health', () => page.get('/health'), healthShown);
  const panels = [health, tasksPanel(page), sourcesPanel(page), lettersPanel(page)];
  return {
    element: h(
      'div',
      {},
      heading([], h('h1', {}, 'Service')),
      h('div', { class: 'panels' }, ...panels.map(({ element }) => element)),
    ),
    title: 'Service',
    tick: (now) => panels.forEach(({ tick }) => tick(now)),
    refresh: () => panels.forEach(({ load }) => load()),
  };
}
