// The panels of a delivery. Each has an element and an `update` that touches only what changed.

/** @import { Part } from './figures.js' */
/** @import { Delivery } from './model.js' */
import { barLines, partsBar, swatch } from './bars.js';
import { h, keyed, setText } from './dom.js';
import { panel, table, term } from './elements.js';
import {
  complaints,
  domains,
  failedByDecision,
  otherPolicy,
  otherSuccess,
  reasonLines,
  segments,
  softBounces,
} from './figures.js';
import { count, percent, shareOf, smallPercent } from './format.js';

/** @typedef {{ readonly element: HTMLElement, update(delivery: Delivery): void }} Panel */

/** A part in the legend of the bar. @param {Part} part */
function legendItem({ label, term: word, mark }) {
  const value = h('strong', {});
  const share = h('span', { class: 'share aside' });
  return { element: h('li', {}, swatch(mark), term(word, label), value, share), value, share };
}

/** Success with its denominator and its mark in the bar. @returns {Panel} */
export function successPanel() {
  const figure = h('span', { class: 'figure' });
  const how = h('p', { class: 'aside' });
  const other = h('p', { class: 'aside' });
  const bar = partsBar();
  bar.element.classList.add('large');
  const mark = h('span', { class: 'success-mark', 'aria-hidden': 'true' });
  const legend = h('ul', { class: 'legend' });
  const items = keyed(legend, ({ label }) => label, legendItem);
  const complained = h('strong', {});
  const rate = h('span', { class: 'aside' });
  return {
    element: panel(
      '',
      term('Success'),
      h('div', { class: 'headline' }, figure, how),
      h('div', { class: 'marked' }, bar.element, mark),
      legend,
      h('p', { class: 'of-complaints' }, term('complained', 'Complained'), ' ', complained, ' ', rate),
      other,
    ),
    update({ kpis, policy }) {
      const parts = segments(kpis, policy);
      setText(figure, percent(kpis.success));
      setText(how, denominator(kpis, policy));
      setText(other, otherText(kpis, policy));
      const { value, share } = complaints(kpis);
      setText(complained, count(value));
      setText(rate, `${smallPercent(share)} of the delivered`);
      bar.update(parts, kpis.relayed);
      mark.hidden = kpis.success === null;
      mark.style.left = `${((kpis.success ?? 0) * 100).toFixed(2)}%`;
      items.show(parts, (item, { value }) => {
        setText(item.value, count(value));
        setText(item.share, shareOf(value, kpis.relayed));
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
  const lines = barLines();
  return {
    element: panel(
      'of-soft',
      term('soft bounced', 'Soft bounced'),
      h('div', { class: 'headline' }, total),
      bar.element,
      lines.element,
    ),
    update({ kpis }) {
      const parts = softBounces(kpis);
      setText(total, count(kpis.softBounced));
      bar.update(parts, kpis.softBounced);
      lines.update(parts, kpis.softBounced);
    },
  };
}

/** Failed messages by what decided them. @returns {Panel} */
export function decisionPanel() {
  const lines = barLines('No message has failed.');
  return {
    element: panel('of-decision', 'Failed, by what decided it', lines.element),
    update: ({ kpis }) => lines.update(kpis.failed === 0 ? [] : failedByDecision(kpis), kpis.failed),
  };
}

/** Failed messages by reason. @returns {Panel} */
export function reasonPanel() {
  const lines = barLines('No message has failed.');
  return {
    element: panel('of-reason', 'Failed, by reason', lines.element),
    update: ({ kpis }) => lines.update(reasonLines(kpis.failedByReason), kpis.failed),
  };
}

/** @param {ReturnType<typeof domains>[number]} domain */
function domainRow({ group }) {
  const bar = partsBar();
  const figures = Array.from({ length: 4 }, () => h('td', { class: 'number' }));
  const element = h(
    'tr',
    {},
    h('th', { scope: 'row' }, group),
    h('td', { class: 'of-bar' }, bar.element),
    ...figures,
  );
  return { element, bar, figures };
}

/** Recipient domain groups with their statuses. @returns {Panel} */
export function domainPanel() {
  const heads = [term('domain group', 'Group'), 'Statuses', 'Relayed', 'Sent', 'Failed', 'Soft bounced'];
  const body = h('tbody', {});
  const rows = keyed(body, ({ group }) => group, domainRow);
  return {
    element: panel('of-domains', 'Recipient domains', h('div', { class: 'scroll' }, table(heads, 2, body))),
    update({ kpis, policy }) {
      rows.show(domains(kpis), ({ bar, figures }, { relayed, sent, failed, softBounced, open }) => {
        const values = [relayed, sent, failed, softBounced].map(count);
        figures.forEach((cell, index) => setText(cell, values[index] ?? ''));
        bar.update(
          [
            { label: 'Sent', mark: 'sent', value: sent },
            { label: 'Taken into account', mark: 'unknown', value: policy === 'EFS' ? open : 0 },
            { label: 'Failed', mark: 'failed', value: failed },
          ],
          relayed,
        );
      });
    },
  };
}
