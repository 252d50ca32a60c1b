// The service itself: its health, its tasks, its dead letters.

/** @import { Page, View } from './main.js' */
import { get } from './api.js';
import { h, setChildren } from './dom.js';
import { count, duration, instant } from './format.js';
import { lettersPanel } from './letters-panel.js';
import { polledPanel } from './polled-panel.js';
import { tasksPanel } from './tasks-panel.js';

/**
 * @typedef {{ readonly key: string, readonly reason: string, readonly since: string }} OpenReason
 * @typedef {{ readonly key: string, readonly warning: string }} Warning
 * @typedef {{ readonly ready: boolean, readonly failure: string | null, readonly reasons: readonly OpenReason[],
 *   readonly warnings: readonly Warning[], readonly version: string, readonly startedAt: string, readonly at: string, readonly deliveries: number,
 *   readonly readers: number }} HealthAnswer
 */

/** @import { PolledPanel } from './polled-panel.js' */

const POLL_MS = 3_000;
const LETTERS = 16;

/** @param {HealthAnswer} health */
function healthShown({ ready, failure, reasons, warnings, version, startedAt, at, deliveries, readers }) {
  const state = failure !== null ? 'failed' : ready ? 'ready' : 'not-ready';
  const label = { ready: 'Ready', 'not-ready': 'Not ready', failed: 'Must be restarted' }[state];
  const figures = [
    ['Up for', duration(Date.parse(at) - Date.parse(startedAt))],
    ['Version', version],
    ['Deliveries', count(deliveries)],
    ['Open streams', count(readers)],
  ];
  return [
    h('p', { class: `health ${state}` }, h('strong', {}, label), failure === null ? null : `: ${failure}`),
    reasons.length === 0
      ? null
      : h(
          'ul',
          { class: 'reasons' },
          ...reasons.map(({ key, reason, since }) =>
            h(
              'li',
              {},
              h('code', {}, key),
              ` ${reason} `,
              h('span', { class: 'aside' }, `since ${instant(since)} UTC`),
            ),
          ),
        ),
    warnings.length === 0
      ? null
      : h(
          'ul',
          { class: 'reasons warnings' },
          ...warnings.map(({ key, warning }) => h('li', {}, h('code', {}, key), ` ${warning}`)),
        ),
    h(
      'dl',
      { class: 'facts' },
      ...figures.map(([name = '', value = '']) => h('div', {}, h('dt', {}, name), h('dd', {}, value))),
    ),
  ];
}

/**
 * @param {Page} page
 * @returns {View}
 */
export function serviceView(page) {
  const health = polledPanel('Health', 'of-health');
  const tasks = tasksPanel();
  const letters = lettersPanel();
  let askedAt = -Infinity;

  /** @param {Promise<any>} answer @param {PolledPanel} panel @param {(answer: any) => void} show */
  const fill = async (answer, panel, show) => {
    try {
      const given = await answer;
      panel.showError(null);
      show(given);
    } catch (error) {
      if (page.signal.aborted) return;
      page.failed(error);
      panel.showError(page.errorOf(error));
    }
  };
  const load = () => {
    askedAt = page.now();
    void fill(get('/health', {}, page.signal), health, (answer) =>
      setChildren(health.body, ...healthShown(answer)),
    );
    void fill(get('/tasks', {}, page.signal), tasks, tasks.show);
    void fill(get('/dead-letters', { limit: LETTERS }, page.signal), letters, letters.show);
  };
  load();
  return {
    element: h(
      'div',
      { class: 'service' },
      h('h1', {}, 'Service'),
      h('div', { class: 'panels' }, health.element, tasks.element, letters.element),
    ),
    title: 'Service',
    tick(now) {
      if (now - askedAt >= POLL_MS) load();
    },
    refresh: load,
  };
}
