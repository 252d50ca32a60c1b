// The dead letters: their number by reason, and the newest ones.

/** @import { Page } from './main.js' */
import { barLines } from './bars.js';
import { h, keyed, setText } from './dom.js';
import { note, term } from './elements.js';
import { reasonLines } from './figures.js';
import { count, instant } from './format.js';
import { polledPanel } from './polled-panel.js';

/**
 * @typedef {{ readonly form: 'feedback', readonly record: string, readonly fields: Readonly<Record<string, unknown>> }
 *   | { readonly form: 'bytes', readonly text: string } | null} Preview
 * @typedef {{ readonly partition: number, readonly offset: number, readonly reason: string, readonly detail: string,
 *   readonly origin: string, readonly at: string, readonly key: string | null, readonly bytes: number,
 *   readonly preview: Preview }} Letter
 * @typedef {{ readonly letters: readonly Letter[], readonly byReason: Readonly<Record<string, number>>,
 *   readonly total: number }} LettersAnswer
 */

const NEWEST = 16;

/** @param {Preview} preview */
function previewText(preview) {
  if (preview === null) return 'no value';
  if (preview.form === 'bytes') return preview.text;
  const fields = Object.entries(preview.fields).map(([name, value]) => `${name}: ${String(value)}`);
  return `${preview.record} { ${fields.join(', ')} }`;
}

/** @param {Letter} letter */
function letterItem({ reason, detail, origin, at, key, bytes, preview }) {
  const summary = h(
    'summary',
    {},
    h('strong', {}, reason),
    ` ${detail} `,
    h('span', { class: 'aside' }, `${origin} · ${instant(at)} UTC`),
  );
  const facts = h('p', {}, 'key ', h('code', {}, key ?? 'none'), `, ${count(bytes)} bytes`);
  return { element: h('li', {}, h('details', {}, summary, facts, h('pre', {}, previewText(preview)))) };
}

/** The panel of the dead letters. @param {Page} page */
export function lettersPanel(page) {
  const none = note.empty('There are no dead letters.');
  const number = h('span', { class: 'figure small' });
  const lines = barLines();
  const list = h('ul', { class: 'letters' });
  const items = keyed(list, ({ partition, offset }) => `${partition}/${offset}`, letterItem);
  const content = h(
    'div',
    {},
    h('p', { class: 'headline' }, number, ' in all'),
    h('div', { class: 'beside-newest' }, lines.element, h('div', {}, h('h3', {}, 'The newest'), list)),
  );
  /** @param {LettersAnswer} answer */
  const draw = ({ letters, byReason, total }) => {
    setText(number, count(total));
    lines.update(
      reasonLines(byReason, (reason) => reason),
      null,
    );
    items.show(letters);
    return total === 0 ? none : content;
  };
  const request = () => page.get('/dead-letters', { limit: NEWEST });
  return polledPanel(page, 'of-letters', term('dead letter', 'Dead letters'), request, draw);
}
