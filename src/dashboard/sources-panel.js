// The sources: what comes in through the ingesters, and the newest that could not become feedback.

/** @import { Page } from './main.js' */
/** @import { IngestLetter, Source, SourcesAnswer } from './sources.js' */
import { h } from './dom.js';
import { definitions, note, term } from './elements.js';
import { age } from './format.js';
import { polledPanel } from './polled-panel.js';
import { redriveCommands, sourceFacts, sourceProblems } from './sources.js';

/** @param {{ readonly key: string, readonly problem: string }} problem */
const problemItem = ({ key, problem }) => h('li', { class: 'bad' }, h('code', {}, key), ` ${problem}`);

/** @param {Source} source @param {number} at */
const sourceItem = (source, at) =>
  h(
    'li',
    {},
    h('h3', {}, h('strong', {}, source.name), ' ', h('span', { class: 'aside' }, source.format)),
    definitions('facts', sourceFacts(source, at)),
  );

/** @param {IngestLetter} letter @param {number} at */
const letterItem = ({ reason, detail, source, format, at: since }, at) =>
  h(
    'li',
    {},
    h('strong', {}, reason),
    ` ${detail} `,
    h('span', { class: 'aside' }, `${source} (${format}) · ${age(at - Date.parse(since))}`),
  );

/** @param {readonly string[]} commands */
const commandsShown = (commands) => commands.flatMap((command) => [', ', h('code', {}, command)]);

/** The newest letters of all partitions, with the commands for them. @param {SourcesAnswer} answer @param {number} at */
function lettersShown({ letters, lettersProblem }, at) {
  if (letters.length === 0 && lettersProblem === null) return null;
  return h(
    'div',
    {},
    h('h3', {}, 'The newest that could not become feedback'),
    lettersProblem === null
      ? null
      : h('p', { class: 'aside' }, `These may not be the newest: ${lettersProblem}.`),
    h('ul', { class: 'letters' }, ...letters.map((letter) => letterItem(letter, at))),
    h(
      'p',
      { class: 'aside' },
      'All of them, and again once the rules are right: ',
      h('code', {}, 'efs ingest dead-letters'),
      ...commandsShown(redriveCommands(letters)),
    ),
  );
}

/** @param {SourcesAnswer} answer */
function sourcesShown(answer) {
  const at = Date.parse(answer.at);
  const problems = sourceProblems(answer);
  const sources = answer.sources.map((source) => sourceItem(source, at));
  return h(
    'div',
    {},
    problems.length === 0 ? null : h('ul', { class: 'reasons' }, ...problems.map(problemItem)),
    sources.length === 0 ? null : h('ul', { class: 'sources' }, ...sources),
    lettersShown(answer, at),
  );
}

/** The panel of the sources. One line where no ingester is named, and nothing was set aside. @param {Page} page */
export function sourcesPanel(page) {
  const none = note.empty(
    'No ingester is named here. ',
    h('p', { class: 'aside' }, h('code', {}, 'EFS_INGEST_URLS'), ' takes the URLs of those to show.'),
  );
  /** @param {SourcesAnswer} answer */
  const draw = (answer) =>
    answer.ingesters.length === 0 && answer.letters.length === 0 ? none : sourcesShown(answer);
  return polledPanel(page, 'of-sources', term('source', 'Sources'), () => page.get('/sources'), draw);
}
