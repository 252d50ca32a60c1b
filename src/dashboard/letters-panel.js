// The dead letters: their number by reason, and the newest ones.
import { h, maybeTerm, note, setChildren, term } from './dom.js';
import { count, instant } from './format.js';
import { polledPanel } from './polled-panel.js';

/**
 * @typedef {{ readonly form: 'feedback', readonly record: string, readonly fields: Readonly<Record<string, unknown>> }
 *   | { readonly form: 'bytes', readonly text: string } | null} Preview
 * @typedef {{ readonly partition: number, readonly offset: number, readonly reason: string, readonly detail: string,
 *   readonly origin: string, readonly at: string, readonly key: string | null, readonly bytes: number,
 *   readonly preview: Preview }} Letter
 */

/** @param {Preview} preview */
function previewText(preview) {
  if (preview === null) return 'no value';
  if (preview.form === 'bytes') return preview.text;
  const fields = Object.entries(preview.fields).map(([name, value]) => `${name}: ${String(value)}`);
  return `${preview.record} { ${fields.join(', ')} }`;
}

/** @param {Letter} letter */
function letterShown({ reason, detail, origin, at, key, bytes, preview }) {
  return h(
    'li',
    {},
    h(
      'details',
      {},
      h(
        'summary',
        {},
        h('strong', {}, reason),
        ` ${detail} `,
        h('span', { class: 'aside' }, `${origin} · ${instant(at)} UTC`),
      ),
      h('p', {}, 'key ', h('code', {}, key ?? 'none'), `, ${count(bytes)} bytes`),
      h('pre', {}, previewText(preview)),
    ),
  );
}

/** The panel of the dead letters. */
export function lettersPanel() {
  const panel = polledPanel(term('dead letter', 'Dead letters'), 'of-letters');
  let drawn = '';
  return {
    ...panel,
    /** @param {{ letters: readonly Letter[], byReason: Readonly<Record<string, number>>, total: number }} answer */
    show({ letters, byReason, total }) {
      const now = JSON.stringify([total, letters[0]?.offset]);
      if (now === drawn) return;
      drawn = now;
      if (total === 0) {
        setChildren(panel.body, note.empty('There are no dead letters.'));
        return;
      }
      const rows = Object.entries(byReason).sort(([, a], [, b]) => b - a);
      const most = Math.max(1, ...rows.map(([, value]) => value));
      const lines = rows.map(([reason, value]) => {
        const fill = h('span', { class: 'fill failed' });
        fill.style.width = `${((value / most) * 100).toFixed(1)}%`;
        return h(
          'li',
          {},
          h('span', { class: 'label' }, maybeTerm(reason, reason)),
          h('span', { class: 'track', 'aria-hidden': 'true' }, fill),
          h('span', { class: 'value' }, count(value)),
        );
      });
      setChildren(
        panel.body,
        h('p', { class: 'headline' }, h('span', { class: 'figure small' }, count(total)), ' in all'),
        h(
          'div',
          { class: 'beside-newest' },
          h('ul', { class: 'lines' }, ...lines),
          h('div', {}, h('h3', {}, 'The newest'), h('ul', { class: 'letters' }, ...letters.map(letterShown))),
        ),
      );
    },
  };
}
