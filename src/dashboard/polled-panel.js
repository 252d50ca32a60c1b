// A panel whose content is polled.
import { h, note, setChildren } from './dom.js';

/** @typedef {{ showError(error: { message: string, remedy: string | null } | null): void }} PolledPanel */

/**
 * Shows an error where polling failed, and keeps the content last shown.
 * @param {Node | string} title
 * @param {string} name
 */
export function polledPanel(title, name) {
  const body = h('div', {}, note.loading('…'));
  const failure = h('div', {});
  return {
    element: h('section', { class: `panel ${name}` }, h('h2', {}, title), failure, body),
    body,
    /** @param {{ message: string, remedy: string | null } | null} error */
    showError: (error) => setChildren(failure, error === null ? null : note.error(error)),
  };
}
