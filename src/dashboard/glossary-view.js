// The glossary as a page.

/** @import { View } from './main.js' */
import { h } from './dom.js';
import { SECTIONS } from './glossary.js';

/** @returns {View} */
export function glossaryView() {
  const sections = Object.entries(SECTIONS).map(([heading, words]) =>
    h(
      'section',
      { class: 'panel' },
      h('h2', {}, heading),
      h(
        'dl',
        { class: 'words' },
        ...Object.entries(words).map(([word, meaning]) =>
          h('div', {}, h('dt', {}, word), h('dd', {}, meaning)),
        ),
      ),
    ),
  );
  return {
    element: h('div', { class: 'glossary' }, h('h1', {}, 'Glossary'), ...sections),
    title: 'Glossary',
  };
}
