// Making and changing what is on the page. Text goes in as text and never as markup: ids, reasons and details are
// foreign input. Unchanged nodes are not touched.

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
 * Children by key: one that stays is reused, and moved only where the order is another.
 * @template Value
 * @template {{ readonly element: Element }} Item
 * @param {Element} parent
 * @param {(value: Value) => string} keyOf
 * @param {(value: Value) => Item} make
 * @param {(item: Item, key: string) => void} [removed]
 */
export function keyed(parent, keyOf, make, removed) {
  /** @type {Map<string, Item>} */
  const items = new Map();
  return {
    get: (/** @type {string} */ key) => items.get(key) ?? null,
    /** Shows these, in this order. @param {readonly Value[]} values @param {(item: Item, value: Value) => void} [update] */
    show(values, update) {
      const kept = new Set(values.map(keyOf));
      for (const [key, item] of items) {
        if (kept.has(key)) continue;
        items.delete(key);
        item.element.remove();
        removed?.(item, key);
      }
      values.forEach((value, index) => {
        const item = items.get(keyOf(value)) ?? make(value);
        items.set(keyOf(value), item);
        const there = parent.children[index] ?? null;
        if (there !== item.element) parent.insertBefore(item.element, there);
        update?.(item, value);
      });
    },
  };
}
