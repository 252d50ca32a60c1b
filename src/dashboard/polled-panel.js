// A panel whose content is asked for again and again.
import { h, note, setChildren } from './dom.js';

/** @typedef {{ trouble(error: { message: string, remedy: string | null } | null): void }} Trouble */

/**
 * Says where its content could not be had, and keeps what it last showed.
 * @param {Node | string} title
 * @param {string} name
 */
export function polledPanel(title, name) {
  const body = h('div', {}, note.loading('…'));
  const trouble = h('div', {});
  return {
    element: h('section', { class: `panel ${name}` }, h('h2', {}, title), trouble, body),
    body,
    /** @param {{ message: string, remedy: string | null } | null} error */
    trouble: (error) => setChildren(trouble, error === null ? null : note.error(error)),
  };
}
