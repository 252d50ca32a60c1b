// The glossary as a page.

/** @import { View } from './main.js' */
import { h } from './dom.js';
import { definitions, heading, panel } from './elements.js';
import { SECTIONS } from './glossary.js';

/** @returns {View} */
export function glossaryView() {
  const sections = Object.entries(SECTIONS).map(([title, words]) =>
    panel('', title, definitions('words', Object.entries(words))),
  );
  return {
    element: h('div', { class: 'glossary' }, heading([], h('h1', {}, 'Glossary')), ...sections),
    title: 'Glossary',
  };
}
