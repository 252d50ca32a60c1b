// A delivery as a row of the overview.
import { partsBar } from './bars.js';
import { h, setAttribute, setText, svg } from './dom.js';
import { link, policyMark } from './elements.js';
import { segments } from './figures.js';
import { age, count, instant, percent, points } from './format.js';
import { course, hoursOf } from './hours.js';
import { movement } from './model.js';
import { linePath } from './spark.js';

/** @import { Delivery, Entry } from './model.js' */

/** The columns of the overview: those with a `kpi` show that figure, those with `sort` can be sorted by it. */
export const COLUMNS = /** @type {const} */ ([
  { title: 'Delivery', word: 'delivery', name: 'name', sort: 'deliveryId', first: 'asc' },
  { title: 'Success', word: 'Success', name: 'number of-success', sort: 'success', first: 'asc' },
  { title: 'Statuses', word: 'status', name: 'of-bar' },
  { title: 'By the hour', word: 'Success', name: 'of-spark' },
  {
    title: 'Relayed',
    word: 'relayed',
    name: 'number relayed',
    kpi: 'relayed',
    sort: 'relayed',
    first: 'desc',
  },
  { title: 'Sent', word: 'SENT', name: 'number sent', kpi: 'sent' },
  { title: 'Taken', word: 'TAKEN_INTO_ACCOUNT', name: 'number takenIntoAccount', kpi: 'takenIntoAccount' },
  { title: 'Waiting', word: 'waiting for a retry', name: 'number waitingForRetry', kpi: 'waitingForRetry' },
  { title: 'Failed', word: 'FAILED', name: 'number failed', kpi: 'failed', sort: 'failed', first: 'desc' },
  { title: 'As of', word: 'as of', name: 'number of-age', sort: 'asOf', first: 'desc' },
]);

const SPARK = { width: 120, height: 32, inset: 2 };

/** Success over time as a sparkline. */
function sparkline() {
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

/** @param {string} deliveryId */
export function deliveryRow(deliveryId) {
  const mark = policyMark();
  const success = h('span', { class: 'success' });
  const moved = h('span', { class: 'moved aside' });
  const bar = partsBar();
  const spark = sparkline();
  const asOf = h('span', {});
  const changed = h('span', { class: 'moved aside' });
  const figures = COLUMNS.flatMap((column) => {
    if (!('kpi' in column)) return [];
    const cell = h('td', { role: 'cell', class: column.name, 'data-label': column.title });
    return [{ cell, kpi: column.kpi }];
  });
  const element = h(
    'tr',
    { role: 'row', 'data-delivery': deliveryId },
    h(
      'th',
      { role: 'rowheader', scope: 'row', class: 'name' },
      link({ view: 'delivery', deliveryId }, deliveryId, 'delivery-link'),
      mark.element,
    ),
    h('td', { role: 'cell', class: 'number of-success' }, success, moved),
    h('td', { role: 'cell', class: 'of-bar' }, bar.element),
    h('td', { role: 'cell', class: 'of-spark' }, spark.element),
    ...figures.map(({ cell }) => cell),
    h('td', { role: 'cell', class: 'number of-age' }, asOf, changed),
  );

  let drawn = '';
  /** @param {Delivery} delivery */
  const draw = (delivery) => {
    const { kpis, policy, asOf: at } = delivery;
    mark.update(policy);
    setText(success, percent(kpis.success));
    bar.update(segments(kpis, policy), kpis.relayed);
    for (const { cell, kpi } of figures) setText(cell, count(kpis[kpi]));
    spark.update(delivery);
    setText(asOf, instant(at).slice(5, 16));
  };
  return {
    element,
    /** Draws the figures if they changed. @param {Entry} entry @param {number} now */
    update(entry, now) {
      const version = `${entry.delivery.generation}.${entry.delivery.revision}`;
      if (drawn !== version) {
        drawn = version;
        draw(entry.delivery);
      }
      setText(moved, movementText(entry, now));
      setText(changed, entry.changedAt === null ? '' : age(now - entry.changedAt));
    },
  };
}
