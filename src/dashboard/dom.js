// Making and changing what is on the page. Text goes in as text and never as markup: ids, reasons and details are
// foreign input. Unchanged nodes are not touched.

/** @import { Part } from './figures.js' */
/** @import { Term } from './glossary.js' */
import { sentence } from './figures.js';
import { count } from './format.js';
import { GLOSSARY } from './glossary.js';

/** @typedef {Node | string | null | undefined} Child */
/** @typedef {Readonly<Record<string, string | number | boolean | null | ((event: Event) => void)>>} Attributes */

const SVG = 'http://www.w3.org/2000/svg';

/** @param {Element} element @param {Attributes} attributes @param {readonly Child[]} children */
function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === 'function') element.addEventListener(name, value);
    else if (value !== null && value !== false)
      element.setAttribute(name, value === true ? '' : String(value));
  }
  for (const child of children) if (child != null) element.append(child);
}

/**
 * An element. Attributes that are null or false are left out; functions are listeners, by the event's name.
 * @template {keyof HTMLElementTagNameMap} T
 * @param {T} tag
 * @param {Attributes} [attributes]
 * @param {...Child} children
 * @returns {HTMLElementTagNameMap[T]}
 */
export function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  fill(element, attributes, children);
  return element;
}

/**
 * An element of a drawing.
 * @template {keyof SVGElementTagNameMap} T
 * @param {T} tag
 * @param {Attributes} [attributes]
 * @param {...Child} children
 * @returns {SVGElementTagNameMap[T]}
 */
export function svg(tag, attributes = {}, ...children) {
  const element = document.createElementNS(SVG, tag);
  fill(element, attributes, children);
  return element;
}

/** Sets the text of a node if it differs. @param {Node} node @param {string} text */
export function setText(node, text) {
  const first = node.firstChild;
  if (first !== null && first.nodeType === Node.TEXT_NODE && first.nextSibling === null) {
    if (first.nodeValue !== text) first.nodeValue = text;
  } else if (node.textContent !== text) node.textContent = text;
}

/** @param {Element} element @param {string} name @param {string | null} value */
export function setAttribute(element, name, value) {
  if (element.getAttribute(name) === value) return;
  if (value === null) element.removeAttribute(name);
  else element.setAttribute(name, value);
}

/** Replaces all children. @param {Element} element @param {...Child} children */
export function setChildren(element, ...children) {
  element.replaceChildren(...children.filter((child) => child != null));
}

/**
 * A word with its glossary text: on hover, on focus, and for screen readers.
 * @param {Term} word
 * @param {string} [label]
 */
export const term = (word, label = word) =>
  h(
    'button',
    { type: 'button', class: 'term', 'data-term': word, 'aria-description': GLOSSARY[word] ?? '' },
    label,
  );

/** The same for a word that comes from data: plain text where it is not in the glossary. @param {string} word @param {string} label */
export const maybeTerm = (word, label) =>
  Object.hasOwn(GLOSSARY, word) ? term(/** @type {Term} */ (word), label) : h('span', {}, label);

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
    /** @param {readonly Part[]} parts @param {number} whole */
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
      setAttribute(element, 'aria-label', sentence(parts, count));
    },
  };
}

/** A filled box of a legend. @param {Part['mark']} mark */
export const swatch = (mark) => h('span', { class: `swatch ${mark}`, 'aria-hidden': 'true' });

/** Placeholders for content: while it is loading, where there is none, where loading failed. */
export const note = {
  /** @param {string} what */
  loading: (what) => h('p', { class: 'note loading', role: 'status' }, `Loading ${what} …`),
  /** @param {string} text @param {...Child} more */
  empty: (text, ...more) => h('div', { class: 'note empty', role: 'status' }, h('p', {}, text), ...more),
  /** @param {{ message: string, remedy?: string | null }} error @param {(() => void) | null} [again] */
  error: ({ message, remedy }, again = null) =>
    h(
      'div',
      { class: 'note error', role: 'alert' },
      h('p', {}, h('strong', {}, message)),
      remedy ? h('p', {}, remedy) : null,
      again && h('button', { type: 'button', class: 'button', click: again }, 'Try again'),
    ),
};
