// Two deliveries side by side: the same feedback under both policies, or any two.

/** @import { Page } from './main.js' */
/** @import { Delivery } from './model.js' */
/** @import { Pair } from './pairs.js' */
import { partsBar } from './bars.js';
import { courseChart } from './charts.js';
import { h, keyed, setText } from './dom.js';
import { link, policyMark } from './elements.js';
import { segments } from './figures.js';
import { count, percent } from './format.js';
import { courses } from './hours.js';
import { gapText, pairsOf } from './pairs.js';

const REDRAW_MS = 400;
const PAIRS_SHOWN = 2;

/** One of the two: its name, its Success and its bar. @param {Delivery} delivery */
function side({ deliveryId }) {
  const mark = policyMark();
  const success = h('span', { class: 'figure' });
  const how = h('span', { class: 'aside' });
  const bar = partsBar();
  const element = h(
    'div',
    {},
    h('div', { class: 'side-name' }, link({ view: 'delivery', deliveryId }, deliveryId), mark.element),
    h('div', { class: 'headline' }, success, how),
    bar.element,
  );
  return {
    element,
    /** @param {Delivery} delivery */
    update({ kpis, policy }) {
      mark.update(policy);
      setText(success, percent(kpis.success));
      setText(how, `${count(kpis.sent)} sent of ${count(kpis.relayed)} relayed`);
      bar.update(segments(kpis, policy), kpis.relayed);
    },
  };
}

/**
 * Throttles `action`: runs it at once, then at most every `millis`; the last call is never dropped.
 * @param {Page} page
 * @param {number} millis
 * @param {() => void} action
 */
export function throttled(page, millis, action) {
  let last = -Infinity;
  let due = false;
  const act = () => {
    due = false;
    last = page.now();
    action();
  };
  return () => {
    if (due) return;
    const wait = last + millis - page.now();
    if (wait <= 0) act();
    else {
      due = true;
      page.later(act, wait);
    }
  };
}

/** Whether the pair is taken for the same messages under both policies. @param {Pair} pair */
const isMirrored = ({ one, other }) => one.policy === 'EFS' && other.policy === 'RELAY';

/** @param {Pair} pair @returns {[string, string]} */
function lineLabels(pair) {
  if (isMirrored(pair)) return ['Success, EFS', 'Success, RELAY'];
  return [pair.one.deliveryId, pair.other.deliveryId];
}

/**
 * Two deliveries side by side. Of the same feedback under both policies, Success rises in one and falls in the other
 * until both are equal.
 * @param {Pair} pair
 * @param {Page} page
 * @param {string} aside what they have in common
 */
export function pairPanel(pair, page, aside = '') {
  const [left, right] = [side(pair.one), side(pair.other)];
  const gap = h('p', { class: 'gap aside' });
  const [first, second] = lineLabels(pair);
  const lines = [
    { label: first, colour: 'sent' },
    { label: second, colour: 'relay' },
  ];
  const chart = courseChart(page.signal, lines, { band: isMirrored(pair) });
  const title = h('h2', {}, pair.name, aside === '' ? null : h('span', { class: 'aside' }, ` ${aside}`));
  const element = h(
    'article',
    { class: 'panel' },
    title,
    h('div', { class: 'sides' }, left.element, right.element),
    chart.element,
    gap,
  );
  let current = pair;
  const redraw = throttled(page, REDRAW_MS, () => {
    const { at, shares } = courses([current.one, current.other]);
    const words = [current.one, current.other].map(
      ({ deliveryId, policy, kpis }) =>
        `${deliveryId}, ${policy}: from ${policy === 'EFS' ? 0 : 100} % to ${percent(kpis.success)}.`,
    );
    if (at.length > 1)
      chart.set(
        /** @type {uPlot.AlignedData} */ ([at, ...shares]),
        `Success by the hour. ${words.join(' ')}`,
      );
  });
  return {
    element,
    /** @param {Pair} next */
    update(next) {
      current = next;
      left.update(next.one);
      right.update(next.other);
      setText(gap, isMirrored(next) ? gapText(next) : '');
      redraw();
    },
  };
}

/** @param {Pair} pair */
const keyOf = ({ one, other }) => `${one.deliveryId}/${other.deliveryId}`;

/** The panels of pairs. @param {Page} page */
export function pairPanels(page) {
  const element = h('section', { class: 'pairs', 'aria-label': 'The same feedback under both policies' });
  const panels = keyed(
    element,
    keyOf,
    (pair) => {
      const shown = new AbortController();
      const signal = AbortSignal.any([page.signal, shown.signal]);
      const panel = pairPanel(pair, { ...page, signal }, 'the same feedback under both policies');
      panel.update(pair);
      return { element: panel.element, update: panel.update, end: () => shown.abort() };
    },
    ({ end }) => end(),
  );
  return {
    element,
    /** @param {Delivery[]} deliveries @param {(deliveryId: string) => boolean} hasChanged */
    update(deliveries, hasChanged) {
      const pairs = pairsOf(deliveries)
        .sort((a, b) => (a.one.asOf < b.one.asOf ? 1 : -1))
        .slice(0, PAIRS_SHOWN)
        .sort((a, b) => (a.name < b.name ? -1 : 1));
      panels.show(pairs, (panel, pair) => {
        if (hasChanged(pair.one.deliveryId) || hasChanged(pair.other.deliveryId)) panel.update(pair);
      });
    },
  };
}
