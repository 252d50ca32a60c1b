// The tooltip of a glossary word: on hover, on focus, on a tap; hidden on Escape. The pointer may move onto it.
import { h, setText } from './dom.js';
import { GLOSSARY } from './glossary.js';

const GAP = 8;

/** @param {EventTarget | null} target */
const wordAt = (target) =>
  target instanceof Element ? /** @type {HTMLElement | null} */ (target.closest('[data-term]')) : null;

/** Adds the tooltip to the whole document. */
export function explainWords() {
  const meaning = h('span', {});
  const heading = h('strong', {});
  const tip = h('div', { class: 'tip', 'aria-hidden': 'true', hidden: true }, heading, meaning);
  /** @type {HTMLElement | null} */
  let shown = null;

  /** @param {HTMLElement} word */
  const show = (word) => {
    const name = word.dataset['term'] ?? '';
    shown = word;
    setText(heading, name);
    setText(meaning, GLOSSARY[name] ?? '');
    tip.hidden = false;
    const at = word.getBoundingClientRect();
    const { offsetWidth: width, offsetHeight: height } = tip;
    const left = Math.min(Math.max(GAP, at.left), window.innerWidth - width - GAP);
    const below = at.bottom + height + GAP < window.innerHeight;
    tip.style.left = `${Math.max(GAP, left)}px`;
    tip.style.top = `${below ? at.bottom + 4 : Math.max(GAP, at.top - height - 4)}px`;
  };
  const hide = () => {
    shown = null;
    tip.hidden = true;
  };

  document.body.append(tip);
  document.addEventListener('pointerover', ({ target }) => {
    const word = wordAt(target);
    if (word !== null) show(word);
    else if (shown !== null && target !== tip && !tip.contains(/** @type {Node} */ (target))) {
      if (document.activeElement !== shown) hide();
    }
  });
  document.addEventListener('focusin', ({ target }) => {
    const word = wordAt(target);
    if (word !== null) show(word);
    else hide();
  });
  document.addEventListener('focusout', hide);
  document.addEventListener('click', ({ target }) => {
    const word = wordAt(target);
    if (word !== null) show(word);
  });
  document.addEventListener('keydown', ({ key }) => {
    if (key === 'Escape') hide();
  });
  window.addEventListener('scroll', hide, { passive: true });
  window.addEventListener('hashchange', hide);
}
