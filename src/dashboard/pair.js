// Two deliveries side by side: the same feedback under both policies, or any two.

/** @import { Page } from './main.js' */
/** @import { Delivery } from './model.js' */
/** @import { Pair } from './pairs.js' */
import { courseChart } from './charts.js';
import { h, partsBar, setChildren, setText } from './dom.js';
import { segments } from './figures.js';
import { count, percent } from './format.js';
import { courses } from './hours.js';
import { gapText, pairsOf } from './pairs.js';
import { hrefOf } from './route.js';
import { policyMark } from './row.js';

const REDRAW_MS = 400;
const PAIRS_SHOWN = 2;

/** One of the two: its name, its Success and its bar. @param {Delivery} delivery */
function side({ deliveryId }) {
  const mark = policyMark();
  const success = h('span', { class: 'figure' });
  const how = h('span', { class: 'denominator' });
  const bar = partsBar();
  const link = h('a', { href: hrefOf({ view: 'delivery', deliveryId }) }, deliveryId);
  const element = h(
    'div',
    { class: 'side' },
    h('div', { class: 'side-name' }, link, mark.element),
    h('div', { class: 'side-figure' }, success, how),
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
  const gap = h('p', { class: 'gap' });
  const [first, second] = lineLabels(pair);
  const lines = [
    { label: first, colour: 'sent' },
    { label: second, colour: 'relay' },
  ];
  const chart = courseChart(lines, { band: isMirrored(pair) });
  const title = h('h2', {}, pair.name, aside === '' ? null : h('span', { class: 'aside' }, ` ${aside}`));
  const element = h(
    'article',
    { class: 'panel pair' },
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
    close: () => chart.close(),
  };
}

/** @param {Pair} pair */
const keyOf = ({ one, other }) => `${one.deliveryId}/${other.deliveryId}`;

/** The panels of pairs; recreated only when the pairs change. @param {Page} page */
export function pairPanels(page) {
  const element = h('section', { class: 'pairs', 'aria-label': 'The same feedback under both policies' });
  /** @type {Map<string, ReturnType<typeof pairPanel>>} */
  let panels = new Map();
  return {
    element,
    /** @param {Delivery[]} deliveries @param {ReadonlySet<string> | null} changed */
    update(deliveries, changed) {
      const pairs = pairsOf(deliveries)
        .sort((a, b) => (a.one.asOf < b.one.asOf ? 1 : -1))
        .slice(0, PAIRS_SHOWN)
        .sort((a, b) => (a.name < b.name ? -1 : 1));
      const keys = pairs.map(keyOf);
      if (keys.join() !== [...panels.keys()].join()) {
        for (const panel of panels.values()) panel.close();
        panels = new Map(
          pairs.map((pair) => [keyOf(pair), pairPanel(pair, page, 'the same feedback under both policies')]),
        );
        setChildren(element, ...[...panels.values()].map((panel) => panel.element));
        changed = null;
      }
      for (const pair of pairs) {
        const moved = [pair.one, pair.other].some(({ deliveryId }) => changed?.has(deliveryId) ?? true);
        if (moved) panels.get(keyOf(pair))?.update(pair);
      }
    },
    close: () => panels.forEach((panel) => panel.close()),
  };
}
