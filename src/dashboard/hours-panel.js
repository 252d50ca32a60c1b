// A delivery hour by hour: Success over time, successes and errors, as charts and as a table.

/** @import { Page } from './main.js' */
/** @import { Delivery } from './model.js' */
import { courseChart, hoursChart } from './charts.js';
import { h, setChildren } from './dom.js';
import { figuresRow, panel, table, term } from './elements.js';
import { count, moment, percent } from './format.js';
import { course, hoursOf } from './hours.js';
import { throttled } from './pair.js';

const REDRAW_MS = 300;
const HEADS = ['Hour (UTC)', 'Successes', 'Errors', 'Success after it'];

/** The hours as rows. @param {Delivery} delivery */
function hourRows({ kpis, policy }) {
  const { at, successes, errors } = hoursOf(kpis.throughput);
  const shares = course({ at, successes, errors }, kpis.relayed, policy);
  return at.map((hour, index) => {
    return figuresRow(moment(hour * 1_000), [
      count(successes[index] ?? 0),
      count(errors[index] ?? 0),
      percent(shares[index + 1] ?? null),
    ]);
  });
}

/** The table behind the charts; filled only while it is open. */
function hoursTable() {
  const body = h('tbody', {});
  /** @type {Delivery | null} */
  let current = null;
  const fill = () => {
    if (current !== null && element.open) setChildren(body, ...hourRows(current));
  };
  const element = h(
    'details',
    { class: 'by-hour', toggle: fill },
    h('summary', {}, 'The same as a table'),
    table(HEADS, 1, body),
  );
  return {
    element,
    /** @param {Delivery} delivery */
    update(delivery) {
      current = delivery;
      fill();
    },
  };
}

/** @param {Page} page */
export function hoursPanel(page) {
  const success = courseChart(page.signal, [{ label: 'Success', colour: 'sent' }]);
  const sent = hoursChart(page.signal, { label: 'Successes', colour: 'sent' });
  const failed = hoursChart(page.signal, { label: 'Errors', colour: 'failed' });
  const byHour = hoursTable();
  /** @type {Delivery | null} */
  let current = null;

  const redraw = throttled(page, REDRAW_MS, () => {
    if (current === null) return;
    const { kpis, policy } = current;
    const hours = hoursOf(kpis.throughput);
    if (hours.at.length === 0) return;
    const end = (hours.at.at(-1) ?? 0) + 3_600;
    const from = policy === 'EFS' ? 'rises from 0 %' : 'falls from 100 %';
    const over = `over ${count(hours.at.length)} hours`;
    success.set(
      [[...hours.at, end], course(hours, kpis.relayed, policy)],
      `Success ${from} to ${percent(kpis.success)}, ${over}.`,
    );
    sent.set([[...hours.at], [...hours.successes]], `Successes per hour, ${over}.`);
    failed.set([[...hours.at], [...hours.errors]], `Errors per hour, ${over}.`);
    byHour.update(current);
  });
  return {
    element: panel(
      'of-hours',
      'By the hour',
      h('h3', {}, term('Success'), ' at the end of each hour, of all that was relayed'),
      success.element,
      h(
        'div',
        { class: 'side-by-side' },
        h('div', {}, h('h3', {}, term('throughput', 'Successes'), ' per hour'), sent.element),
        h('div', {}, h('h3', {}, term('throughput', 'Errors'), ' per hour'), failed.element),
      ),
      byHour.element,
    ),
    /** @param {Delivery} delivery */
    update(delivery) {
      current = delivery;
      redraw();
    },
  };
}
