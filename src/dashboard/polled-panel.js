// A panel whose content is polled.

/** @import { Page } from './main.js' */
import { h, setChildren } from './dom.js';
import { note, panel } from './elements.js';
import { loader } from './loader.js';

const POLL_MS = 3_000;

/**
 * Shows an error where polling failed, and keeps the content last shown.
 * @param {Page} page
 * @param {string} name
 * @param {Node | string} title
 * @param {() => Promise<any>} request
 * @param {(answer: any) => HTMLElement} draw the content; replaced only where it is another
 */
export function polledPanel(page, name, title, request, draw) {
  const body = h('div', {}, note.loading('…'));
  const failure = h('div', {});
  const polled = loader(
    page,
    request,
    (answer) => {
      setChildren(failure);
      const content = draw(answer);
      if (body.firstChild !== content) setChildren(body, content);
    },
    (error) => setChildren(failure, note.error(error)),
  );
  polled.load();
  return {
    element: panel(name, title, failure, body),
    load: polled.load,
    tick: (/** @type {number} */ now) => polled.poll(now, POLL_MS),
  };
}
