// The panels of a delivery. Each has an element and an `update` that touches only what changed.

/** @import { Child } from './dom.js' */
/** @import { Part } from './figures.js' */
/** @import { Delivery } from './model.js' */
import { h, maybeTerm, partsBar, setAttribute, setText, swatch, term } from './dom.js';
import {
  domains,
  failedByDecision,
  failedByReason,
  otherPolicy,
  otherSuccess,
  segments,
  softBounces,
} from './figures.js';
import { count, percent, shareOf, words } from './format.js';

/** @typedef {{ readonly element: HTMLElement, update(delivery: Delivery): void }} Panel */

/** @param {Child} title @param {string} name @param {...Child} children */
export const panel = (title, name, ...children) =>
  h('section', { class: `panel ${name}` }, h('h2', {}, title), ...children);

/**
 * Lines of a name, a bar and a number; kept by key, so that a line that stays is reused.
 * @param {string} empty the text without any line
 */
function barLines(empty) {
  const list = h('ul', { class: 'lines' });
  const none = h('p', { class: 'none' }, empty);
  /** @type {Map<string, { element: HTMLElement, fill: HTMLElement, value: HTMLElement, share: HTMLElement }>} */
  const lines = new Map();
  /** @param {string} key @param {Child} label @param {string} mark */
  const make = (key, label, mark) => {
    const fill = h('span', { class: `fill ${mark}` });
    const value = h('span', { class: 'value' });
    const share = h('span', { class: 'share' });
    const element = h(
      'li',
      {},
      h('span', { class: 'label' }, label),
      h('span', { class: 'track', 'aria-hidden': 'true' }, fill),
      value,
      share,
    );
    const line = { element, fill, value, share };
    lines.set(key, line);
    return line;
  };
  return {
    element: h('div', {}, list, none),
    /** @param {readonly { key: string, label: () => Child, mark: string, value: number }[]} rows @param {number} whole */
    update(rows, whole) {
      const most = Math.max(1, ...rows.map(({ value }) => value));
      const keys = new Set(rows.map(({ key }) => key));
      for (const [key, { element }] of lines) {
        if (keys.has(key)) continue;
        element.remove();
        lines.delete(key);
      }
      rows.forEach(({ key, label, mark, value }, index) => {
        const line = lines.get(key) ?? make(key, label(), mark);
        if (list.children[index] !== line.element)
          list.insertBefore(line.element, list.children[index] ?? null);
        line.fill.style.width = `${((value / most) * 100).toFixed(1)}%`;
        setText(line.value, count(value));
        setText(line.share, shareOf(value, whole));
      });
      none.hidden = rows.length > 0;
    },
  };
}

/** @param {readonly Part[]} parts */
const partRows = (parts) =>
  parts.map(({ label, term: word, mark, value }) => ({
    key: label,
    label: () => term(word, label),
    mark,
    value,
  }));

/** Success with its denominator and its mark in the bar. @returns {Panel} */
export function successPanel() {
  const figure = h('span', { class: 'figure' });
  const how = h('p', { class: 'denominator' });
  const other = h('p', { class: 'aside' });
  const bar = partsBar();
  bar.element.classList.add('large');
  const mark = h('span', { class: 'success-mark', 'aria-hidden': 'true' });
  const legend = h('ul', { class: 'legend' });
  /** @type {{ label: HTMLElement, value: HTMLElement, share: HTMLElement }[]} */
  let entries = [];
  let labelled = '';
  /** @param {readonly Part[]} parts */
  const label = (parts) => {
    entries = parts.map((part) => {
      const [value, share] = [h('strong', {}), h('span', { class: 'share' })];
      const text = h('li', {}, swatch(part.mark), term(part.term, part.label), value, share);
      return { label: text, value, share };
    });
    legend.replaceChildren(...entries.map((entry) => entry.label));
  };
  const element = h(
    'section',
    { class: 'panel of-success' },
    h('h2', {}, term('Success')),
    h('div', { class: 'headline' }, figure, how),
    h('div', { class: 'marked' }, bar.element, mark),
    legend,
    other,
  );
  return {
    element,
    update({ kpis, policy }) {
      const parts = segments(kpis, policy);
      if (labelled !== policy) label(parts);
      labelled = policy;
      setText(figure, percent(kpis.success));
      setText(how, denominator(kpis, policy));
      setText(other, otherText(kpis, policy));
      bar.update(parts, kpis.relayed);
      mark.hidden = kpis.success === null;
      mark.style.left = `${((kpis.success ?? 0) * 100).toFixed(2)}%`;
      parts.forEach(({ value }, index) => {
        const entry = entries[index];
        if (entry === undefined) return;
        setText(entry.value, count(value));
        setText(entry.share, shareOf(value, kpis.relayed));
      });
    },
  };
}

/** @param {Delivery['kpis']} kpis @param {Delivery['policy']} policy */
function denominator(kpis, policy) {
  if (kpis.success === null)
    return `Not shown yet: ${count(kpis.relayed)} relayed, nothing has been reported of any.`;
  const announced =
    kpis.deliverySize === null ? '' : ` The delivery announced ${count(kpis.deliverySize)} messages.`;
  const numerator =
    policy === 'EFS'
      ? `${count(kpis.sent)} sent`
      : `${count(kpis.sent)} sent (${count(kpis.relayed)} relayed less ${count(kpis.failed)} failed)`;
  return `${numerator} of ${count(kpis.relayed)} relayed.${announced}`;
}

/** @param {Delivery['kpis']} kpis @param {Delivery['policy']} policy */
function otherText(kpis, policy) {
  const shown = percent(otherSuccess(kpis, policy));
  const why =
    policy === 'EFS'
      ? 'it counts a message as sent once it is relayed'
      : 'it counts a message as sent when the MTA reports it delivered';
  return `Policy ${otherPolicy(policy)} would read about ${shown} from the same feedback: ${why}.`;
}

/** Soft-bounced messages by their outcome. @returns {Panel} */
export function softBouncePanel() {
  const total = h('span', { class: 'figure small' });
  const bar = partsBar();
  const lines = barLines('');
  return {
    element: panel(
      term('soft bounced', 'Soft bounced'),
      'of-soft',
      h('div', { class: 'headline' }, total),
      bar.element,
      lines.element,
    ),
    update({ kpis }) {
      const parts = softBounces(kpis);
      setText(total, count(kpis.softBounced));
      bar.update(parts, kpis.softBounced);
      lines.update(partRows(parts), kpis.softBounced);
    },
  };
}

/** Failed messages by what decided them. @returns {Panel} */
export function decisionPanel() {
  const lines = barLines('No message has failed.');
  return {
    element: panel('Failed, by what decided it', 'of-decision', lines.element),
    update: ({ kpis }) =>
      lines.update(kpis.failed === 0 ? [] : partRows(failedByDecision(kpis)), kpis.failed),
  };
}

/** Failed messages by reason. @returns {Panel} */
export function reasonPanel() {
  const lines = barLines('No message has failed.');
  return {
    element: panel('Failed, by reason', 'of-reason', lines.element),
    update({ kpis }) {
      const rows = failedByReason(kpis).map(({ reason, value }) => ({
        key: reason,
        label: () => maybeTerm(reason, words(reason)),
        mark: 'failed',
        value,
      }));
      lines.update(rows, kpis.failed);
    },
  };
}

/** Recipient domain groups with their statuses. @returns {Panel} */
export function domainPanel() {
  const body = h('tbody', {});
  const heads = ['Relayed', 'Sent', 'Failed', 'Soft bounced'];
  /** @type {Map<string, { element: HTMLElement, bar: ReturnType<typeof partsBar>, cells: HTMLElement[] }>} */
  const rows = new Map();
  const make = (/** @type {string} */ group) => {
    const bar = partsBar();
    const cells = heads.map((head) => h('td', { class: 'number', 'data-label': head }));
    const name = h('th', { scope: 'row' }, group);
    const element = h('tr', {}, name, h('td', { class: 'of-bar' }, bar.element), ...cells);
    const row = { element, bar, cells };
    rows.set(group, row);
    return row;
  };
  const table = h(
    'table',
    { class: 'plain' },
    h(
      'thead',
      {},
      h(
        'tr',
        {},
        h('th', { scope: 'col' }, term('domain group', 'Group')),
        h('th', { scope: 'col' }, 'Statuses'),
        ...heads.map((head) => h('th', { scope: 'col', class: 'number' }, head)),
      ),
    ),
    body,
  );
  return {
    element: panel('Recipient domains', 'of-domains', h('div', { class: 'scroll' }, table)),
    update({ kpis, policy }) {
      domains(kpis).forEach(({ group, relayed, sent, failed, softBounced, open }, index) => {
        const row = rows.get(group) ?? make(group);
        if (body.children[index] !== row.element)
          body.insertBefore(row.element, body.children[index] ?? null);
        [relayed, sent, failed, softBounced].forEach((value, cell) =>
          setText(/** @type {HTMLElement} */ (row.cells[cell]), count(value)),
        );
        const rest = policy === 'EFS' ? open : 0;
        row.bar.update(
          [
            { label: 'Sent', term: 'SENT', mark: 'sent', value: sent },
            { label: 'Taken into account', term: 'TAKEN_INTO_ACCOUNT', mark: 'unknown', value: rest },
            { label: 'Failed', term: 'FAILED', mark: 'failed', value: failed },
          ],
          relayed,
        );
        setAttribute(row.bar.element, 'data-group', group);
      });
    },
  };
}
