// Figures as bars.

/** @import { Line, Mark, Part } from './figures.js' */
import { h, keyed, setAttribute, setText } from './dom.js';
import { maybeTerm } from './elements.js';
import { count, shareOf } from './format.js';

/** A filled box of a legend. @param {Mark} mark */
export const swatch = (mark) => h('span', { class: `swatch ${mark}`, 'aria-hidden': 'true' });

/**
 * A bar of parts of a whole: by length, colour and pattern, and in words for screen readers. Every part above zero is
 * visible.
 */
export function partsBar() {
  const element = h('div', { class: 'parts', role: 'img', 'aria-label': 'no figures yet' });
  /** @type {HTMLElement[]} */
  const slices = [];
  return {
    element,
    /** @param {readonly Omit<Part, 'term'>[]} parts @param {number} whole */
    update(parts, whole) {
      parts.forEach(({ mark, value }, index) => {
        let slice = slices[index];
        if (slice === undefined) {
          slice = h('span', {});
          slices[index] = slice;
          element.append(slice);
        }
        const grow = whole === 0 || value === 0 ? '0' : String(Math.max(value / whole, 0.004).toFixed(4));
        if (slice.className !== mark) slice.className = mark;
        if (slice.style.flexGrow !== grow) slice.style.flexGrow = grow;
      });
      const words = parts.map(({ label, value }) => `${label}: ${count(value)}`);
      setAttribute(element, 'aria-label', words.join(', '));
    },
  };
}

/** @param {Line} line */
function barLine({ label, term, mark }) {
  const fill = h('span', { class: `fill ${mark}` });
  const value = h('span', { class: 'value' });
  const share = h('span', { class: 'share aside' });
  const element = h(
    'li',
    {},
    h('span', {}, maybeTerm(term, label)),
    h('span', { class: 'track', 'aria-hidden': 'true' }, fill),
    value,
    share,
  );
  return { element, fill, value, share };
}

/**
 * Lines of a name, a bar, a number and, where a whole is given, its share.
 * @param {string} [empty] the text without any line
 */
export function barLines(empty = '') {
  const list = h('ul', { class: 'lines' });
  const none = h('p', { class: 'aside' }, empty);
  const shown = keyed(list, ({ label }) => label, barLine);
  return {
    element: h('div', {}, list, none),
    /** @param {readonly Line[]} lines @param {number | null} whole */
    update(lines, whole) {
      const most = Math.max(1, ...lines.map(({ value }) => value));
      shown.show(lines, ({ fill, value: figure, share }, { value }) => {
        fill.style.width = `${((value / most) * 100).toFixed(1)}%`;
        setText(figure, count(value));
        setText(share, whole === null ? '' : shareOf(value, whole));
      });
      none.hidden = lines.length > 0;
    },
  };
}
