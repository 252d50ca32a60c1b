// What is said of the sources that feedback comes from. Pure.

import { reasonLines } from './figures.js';
import { age, count, instant } from './format.js';

/**
 * @typedef {{ readonly name: string, readonly format: string, readonly since: string, readonly lastEventAt: string | null,
 *   readonly feedback: number, readonly ignored: number, readonly deadLetters: Readonly<Record<string, number>>,
 *   readonly events: Readonly<Record<string, number>>, readonly unmatched: string | null }} Source
 * @typedef {{ readonly id: string, readonly at: string, readonly reason: string, readonly detail: string,
 *   readonly source: string, readonly format: string }} IngestLetter
 * @typedef {{ readonly ingesters: readonly { readonly url: string, readonly problem: string | null }[],
 *   readonly sources: readonly Source[], readonly letters: readonly IngestLetter[],
 *   readonly lettersProblem: string | null, readonly at: string }} SourcesAnswer
 */

/** How many words of a source are shown. */
const WORDS = 12;

/** Names with their counts, most first: `bounce 1,200 · open 3`. @param {Readonly<Record<string, number>>} counts */
function countsText(counts) {
  const lines = reasonLines(counts, (name) => name);
  const shown = lines.slice(0, WORDS).map(({ label, value }) => `${label} ${count(value)}`);
  return [...shown, ...(lines.length > WORDS ? [`${lines.length - WORDS} more`] : [])].join(' · ');
}

/** @param {Readonly<Record<string, number>>} counts */
const sumOf = (counts) => Object.values(counts).reduce((sum, each) => sum + each, 0);

/**
 * The facts about a source, by name. One that has sent nothing says so: it is another matter than a source without bounces.
 * @param {Source} source
 * @param {number} at when it was asked
 * @returns {readonly (readonly [string, string])[]}
 */
export function sourceFacts({ since, lastEventAt, feedback, ignored, deadLetters, events }, at) {
  const started = `${instant(since)} UTC`;
  if (lastEventAt === null) return [['Last event', `none since ${started}`]];
  const letters = sumOf(deadLetters);
  return [
    ['Last event', age(at - Date.parse(lastEventAt))],
    ['Feedback', count(feedback)],
    ['Ignored', count(ignored)],
    ['Dead letters', letters === 0 ? '0' : `${count(letters)}: ${countsText(deadLetters)}`],
    ['By event', countsText(events) || 'none'],
    ['Counted since', started],
  ];
}

/**
 * What needs a person: ingesters that do not answer, sources whose events name no message.
 * @param {SourcesAnswer} answer
 * @returns {readonly { readonly key: string, readonly problem: string }[]}
 */
export const sourceProblems = ({ ingesters, sources }) => [
  ...ingesters.flatMap(({ url, problem }) => (problem === null ? [] : [{ key: url, problem }])),
  ...sources.flatMap(({ name, unmatched }) =>
    unmatched === null ? [] : [{ key: name, problem: unmatched }],
  ),
];

/** The commands that map these letters again, one for each format. @param {readonly IngestLetter[]} letters */
export const redriveCommands = (letters) =>
  [...new Set(letters.map(({ format }) => format))]
    .filter((format) => format !== '')
    .sort()
    .map((format) => `efs ingest redrive ${format}`);
