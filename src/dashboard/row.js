// A delivery as a row of the overview.
import { h, partsBar, setAttribute, setText, svg } from './dom.js';
import { segments } from './figures.js';
import { age, count, instant, percent, points } from './format.js';
import { course, hoursOf } from './hours.js';
import { movement } from './model.js';
import { hrefOf } from './route.js';
import { linePath } from './spark.js';

/** @import { Delivery, Entry, Policy } from './model.js' */

const SPARK = { width: 120, height: 32, inset: 2 };

/** The mark of a policy, distinguishable without colour. */
export function policyMark() {
  const element = h('span', { class: 'policy', 'data-term': 'policy' });
  return {
    element,
    /** @param {Policy} policy */
    update(policy) {
      setAttribute(element, 'class', `policy ${policy.toLowerCase()}`);
      setText(element, policy === 'EFS' ? 'EFS ↗' : 'RELAY ↘');
    },
  };
}

/** Success over time as a sparkline. */
export function sparkline() {
  const line = svg('path', { class: 'spark-line' });
  const element = svg(
    'svg',
    {
      class: 'spark',
      viewBox: `0 0 ${SPARK.width} ${SPARK.height}`,
      role: 'img',
      'aria-label': 'no figures yet',
      preserveAspectRatio: 'none',
    },
    svg('path', {
      class: 'spark-ends',
      d: `M0 ${SPARK.inset}H${SPARK.width}M0 ${SPARK.height - SPARK.inset}H${SPARK.width}`,
    }),
    line,
  );
  return {
    element,
    /** @param {Delivery} delivery */
    update({ kpis, policy }) {
      const shares = course(hoursOf(kpis.throughput), kpis.relayed, policy);
      setAttribute(line, 'd', linePath(shares, SPARK));
      setAttribute(element, 'class', `spark ${policy.toLowerCase()}`);
      const from = policy === 'EFS' ? 'rising from 0 %' : 'falling from 100 %';
      setAttribute(element, 'aria-label', `Success by the hour, ${from} to ${percent(kpis.success)}`);
    },
  };
}

/** @param {Entry} entry @param {number} now */
function movementText(entry, now) {
  const moved = movement(entry, now);
  if (moved === null) return '';
  return `${points(moved.change)} in ${Math.round(moved.over / 1_000)} s`;
}

const NUMBERS = /** @type {const} */ (['relayed', 'sent', 'takenIntoAccount', 'waitingForRetry', 'failed']);

const HEADINGS = {
  relayed: 'Relayed',
  sent: 'Sent',
  takenIntoAccount: 'Taken',
  waitingForRetry: 'Waiting',
  failed: 'Failed',
};

/** @param {string} deliveryId */
export function deliveryRow(deliveryId) {
  const mark = policyMark();
  const success = h('span', { class: 'success' });
  const moved = h('span', { class: 'moved' });
  const bar = partsBar();
  const spark = sparkline();
  const asOf = h('span', {});
  const changed = h('span', { class: 'moved' });
  const numbers = NUMBERS.map((name) =>
    h('td', { role: 'cell', class: `number ${name}`, 'data-label': HEADINGS[name] }),
  );
  const link = h('a', { href: hrefOf({ view: 'delivery', deliveryId }), class: 'delivery-link' }, deliveryId);
  const element = h(
    'tr',
    { role: 'row', 'data-delivery': deliveryId },
    h('th', { role: 'rowheader', scope: 'row', class: 'name' }, link, mark.element),
    h('td', { role: 'cell', class: 'number of-success' }, success, moved),
    h('td', { role: 'cell', class: 'of-bar' }, bar.element),
    h('td', { role: 'cell', class: 'of-spark' }, spark.element),
    ...numbers,
    h('td', { role: 'cell', class: 'number of-age' }, asOf, changed),
  );

  let drawn = '';
  /** @param {Delivery} delivery */
  const figures = ({ kpis, policy, asOf: at }) => {
    mark.update(policy);
    setText(success, percent(kpis.success));
    bar.update(segments(kpis, policy), kpis.relayed);
    NUMBERS.forEach((name, index) => setText(/** @type {HTMLElement} */ (numbers[index]), count(kpis[name])));
    setText(asOf, instant(at).slice(5, 16));
  };
  return {
    element,
    /** Draws the figures if they changed. @param {Entry} entry @param {number} now */
    update(entry, now) {
      const version = `${entry.delivery.generation}.${entry.delivery.revision}`;
      if (drawn !== version) {
        drawn = version;
        figures(entry.delivery);
        spark.update(entry.delivery);
      }
      setText(moved, movementText(entry, now));
      setText(changed, entry.changedAt === null ? '' : age(now - entry.changedAt));
    },
  };
}
