// What the views are made of, each in one way.

/** @import { Child } from './dom.js' */
/** @import { Term } from './glossary.js' */
/** @import { Policy } from './model.js' */
/** @import { Route } from './route.js' */
import { h, setAttribute, setText } from './dom.js';
import { words } from './format.js';
import { GLOSSARY } from './glossary.js';
import { hrefOf } from './route.js';

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

/** The same for a word that comes from data: plain text where it is not in the glossary. @param {string} word @param {string} [label] */
export const maybeTerm = (word, label = words(word)) =>
  Object.hasOwn(GLOSSARY, word) ? term(/** @type {Term} */ (word), label) : h('span', {}, label);

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

/** A status with its mark. @param {string} status @param {Child} label */
export const statusMark = (status, label) => h('span', { class: `status ${status.toLowerCase()}` }, label);

/** @param {Route} route @param {string} label @param {string | null} [name] */
export const link = (route, label, name = null) => h('a', { href: hrefOf(route), class: name }, label);

/** @param {string} label @param {() => void} click */
export const button = (label, click) => h('button', { type: 'button', class: 'button', click }, label);

/** The button below a list that is read in parts. @param {() => void} click */
export const moreButton = (click) =>
  h('button', { type: 'button', class: 'button more', hidden: true, click }, 'Show more');

/** A form that stays on the page. @param {string} name @param {() => void} submit @param {...Child} children */
export function form(name, submit, ...children) {
  /** @param {Event} event */
  const listener = (event) => {
    event.preventDefault();
    submit();
  };
  return h('form', { class: name, submit: listener }, ...children);
}

/**
 * A choice of one of several values, or of any.
 * @param {string} label
 * @param {string} any
 * @param {(value: string) => void} changed
 */
export function choice(label, any, changed) {
  const element = h('select', { 'aria-label': label, change: () => changed(element.value) });
  return {
    element,
    /** @param {readonly string[]} values @param {(value: string) => string} shown */
    offer(values, shown) {
      const chosen = element.value;
      const options = values.map((value) => h('option', { value }, shown(value)));
      element.replaceChildren(h('option', { value: '' }, any), ...options);
      element.value = chosen;
    },
  };
}

/** The heading of a view; `trail` leads to it. @param {readonly Child[]} trail @param {...Child} children */
export const heading = (trail, ...children) =>
  h(
    'header',
    { class: 'heading' },
    trail.length === 0 ? null : h('p', { class: 'crumbs aside' }, ...trail.flatMap((each) => [each, ' / '])),
    ...children,
  );

/** @param {string} name @param {Child} title @param {...Child} children */
export const panel = (name, title, ...children) =>
  h('section', { class: `panel ${name}` }, h('h2', {}, title), ...children);

/** @param {string} name @param {readonly (readonly [Child, Child])[]} rows */
export const definitions = (name, rows) =>
  h(
    'dl',
    { class: name },
    ...rows.map(([word, meaning]) => h('div', {}, h('dt', {}, word), h('dd', {}, meaning))),
  );

/**
 * A table; from the column `numbers` on, its heads are above figures.
 * @param {readonly Child[]} heads
 * @param {number} numbers
 * @param {HTMLElement} body
 */
export function table(heads, numbers, body) {
  const cells = heads.map((head, index) =>
    h('th', { scope: 'col', class: index >= numbers ? 'number' : null }, head),
  );
  return h('table', {}, h('thead', {}, h('tr', {}, ...cells)), body);
}

/** A row of figures. @param {string} name @param {readonly string[]} figures */
export const figuresRow = (name, figures) =>
  h(
    'tr',
    {},
    h('th', { scope: 'row' }, name),
    ...figures.map((figure) => h('td', { class: 'number' }, figure)),
  );

/** Placeholders for content: while it is loading, where there is none, where loading failed. */
export const note = {
  /** @param {string} what */
  loading: (what) => h('p', { class: 'note loading', role: 'status' }, `Loading ${what} …`),
  /** @param {string} text @param {...Child} more */
  empty: (text, ...more) => h('div', { class: 'note', role: 'status' }, h('p', {}, text), ...more),
  /** @param {{ message: string, remedy?: string | null }} error @param {(() => void) | null} [again] */
  error: ({ message, remedy }, again = null) =>
    h(
      'div',
      { class: 'note error bad', role: 'alert' },
      h('p', {}, h('strong', {}, message)),
      remedy ? h('p', {}, remedy) : null,
      again && button('Try again', again),
    ),
};
