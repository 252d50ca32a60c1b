import { parse } from 'csv-parse/sync';
import { invalidField } from '../../src/feedback/validation';
import { wireEncoder } from '../../src/feedback/encode';
import { SCHEMAS } from '../../src/feedback/schemas';
import { type Reading, REJECTIONS } from '../../src/mta/event';
import { mapReading, type Mapped, printable, type SourceSettings } from '../../src/mta/feedback';
import type { Format } from '../../src/mta/format';
import { type Json, parseJson } from '../../src/mta/json';
import { isNdjson } from './samples';
import { customary, READER_SETTINGS } from '../../src/mta/settings';
import { identityRules } from '../../src/mta/identity';

const WORD_MAX = 64;
const EIGHTHS = [0, 1, 2, 3, 4, 5, 6, 7];

const encode = wireEncoder(
  Object.fromEntries(Object.keys(SCHEMAS).map((kind, id) => [kind, id])) as Parameters<typeof wireEncoder>[0],
);

/** Every event gets as far as its record: ids are there whatever the sample has lost. */
export const identified = (format: Format): SourceSettings => ({
  ...customary(format),
  identity: identityRules(['default:DM1'], ['native', 'default:m-1']),
});

/** Why an outcome is none that the contract lists, or null. */
export function outcomeFault(mapped: Mapped): string | null {
  switch (mapped.outcome) {
    case 'ignored':
      return mapped.event !== '' && mapped.event.length <= WORD_MAX ? null : `ignored as "${mapped.event}"`;
    case 'dead-letter':
      return REJECTIONS.includes(mapped.reason) && mapped.detail !== '' ? null : JSON.stringify(mapped);
    case 'feedback': {
      const invalid = invalidField(mapped.feedback);
      if (invalid !== null) return `feedback with an invalid ${invalid}`;
      // Throws where a value does not have its field's type.
      return encode(mapped.feedback).length > 0 ? null : 'an empty record';
    }
  }
}

const SHOWN = 2_000;

function summary(input: unknown): string {
  try {
    return JSON.stringify(input).slice(0, SHOWN);
  } catch {
    return 'a value of many levels';
  }
}

/** What is wrong with the readings of an input: it throws, has an unlisted outcome, or another one the second time. */
export function faultOf(format: Format, input: unknown, read: () => readonly Reading[]): string | null {
  try {
    const readings = [read(), read()];
    for (const source of [customary(format), identified(format)]) {
      const [first, second] = readings.map((all) => all.map((each) => mapReading(each, source)));
      const fault = (first ?? []).map(outcomeFault).find((each) => each !== null);
      if (fault !== undefined) return `${fault}: ${summary(input)}`;
      const [once, twice] = [first, second].map((all) => JSON.stringify(all?.map(printable)));
      if (once !== twice) return `differs the second time: ${summary(input)}`;
    }
    return null;
  } catch (error) {
    return `${String(error)}: ${summary(input)}`;
  }
}

const found = (faults: Iterable<string | null>): string[] =>
  [...faults].filter((each) => each !== null).slice(0, 5);

const deep = (): Json => JSON.parse('['.repeat(20_000) + ']'.repeat(20_000)) as Json;

const REPLACEMENTS: readonly Json[] = [
  ...[null, 7, -1, 0.5, 1e300, true, '', ' ', 'x', '-1', '9'.repeat(400), '\u0000\u0085', '\ud800'],
  ...[[], [null], [[]], ['x', 'y'], {}, '@'.repeat(3_000), '<>', '__proto__', 'x '.repeat(5_000)],
  JSON.parse('{"__proto__":{"polluted":1},"constructor":null}') as Json,
  deep(),
];

/** The value with each of its parts, at every depth, removed and replaced by what does not belong there. */
export function* brokenValues(value: Json): Generator<Json> {
  yield* REPLACEMENTS;
  if (Array.isArray(value)) {
    for (const [index, each] of (value as Json[]).entries())
      for (const broken of brokenValues(each)) yield (value as Json[]).with(index, broken);
  } else if (typeof value === 'object' && value !== null) {
    for (const [name, each] of Object.entries(value)) {
      yield Object.fromEntries(Object.entries(value).filter(([other]) => other !== name));
      for (const broken of brokenValues(each)) yield { ...value, [name]: broken };
    }
  }
}

const WORDS = [
  '',
  'x',
  '-1',
  '9'.repeat(400),
  '\u0000',
  '@@@@',
  '"',
  '__proto__',
  '\ud800',
  'x '.repeat(5_000),
];

/** The text cut at each eighth, without each of its lines, and with each of its words replaced. */
export function* brokenTexts(text: string): Generator<string> {
  for (const eighth of EIGHTHS) yield text.slice(0, Math.floor((text.length * eighth) / 8));
  for (const eighth of EIGHTHS) yield text.slice(Math.floor((text.length * eighth) / 8));
  const lines = text.split('\n');
  for (const index of lines.keys()) yield lines.toSpliced(index, 1).join('\n');
  const parts = text.split(/([@\s,=:;<>[\]()]+)/u);
  for (const index of parts.keys()) for (const word of WORDS) yield parts.with(index, word).join('');
}

function* jsonFaults(format: Format & { framing: 'json' }, text: string): Generator<string | null> {
  const bodies = format.isLog || isNdjson(text) ? text.split('\n').filter((line) => line !== '') : [text];
  for (const body of bodies) {
    for (const broken of brokenValues(parseJson(body))) {
      const read = (): Reading[] =>
        format.events(broken).flatMap((event) => format.read(event, READER_SETTINGS));
      yield faultOf(format, broken, read);
    }
  }
}

function* lineFaults(format: Format & { framing: 'lines' }, text: string): Generator<string | null> {
  for (const broken of brokenTexts(text)) {
    yield faultOf(format, broken, () => {
      const reader = format.open(READER_SETTINGS, null);
      return broken.split('\n').flatMap((line) => reader.read(line));
    });
  }
  for (const saved of REPLACEMENTS)
    yield faultOf(format, saved, () => {
      const reader = format.open(READER_SETTINGS, saved);
      return text.split('\n').flatMap((line) => reader.read(line));
    });
}

function* rowFaults(format: Format & { framing: 'rows' }, text: string): Generator<string | null> {
  const rows: string[][] = parse(text, { relaxColumnCount: true });
  const readAll = (each: string[][], saved: Json): Reading[] => {
    const reader = format.open(READER_SETTINGS, saved);
    return each.flatMap((row) => [...reader.read(row)]);
  };
  for (const [index, row] of rows.entries()) {
    for (const cell of row.keys()) {
      const changed = [...WORDS.map((word) => row.with(cell, word)), row.slice(0, cell), row.slice(cell)];
      for (const broken of changed)
        yield faultOf(format, broken, () => readAll(rows.with(index, broken), null));
    }
  }
  for (const saved of REPLACEMENTS) yield faultOf(format, saved, () => readAll(rows, saved));
}

/**
 * What is wrong with a format's readings of a sample in all its broken forms; at most five, nothing for a mapper that is
 * total. Mails are read asynchronously: their test breaks them with `brokenTexts` and `faultOf`.
 */
export function faultsOf(format: Format, sample: string): string[] {
  switch (format.framing) {
    case 'json':
      return found(jsonFaults(format, sample));
    case 'lines':
      return found(lineFaults(format, sample));
    case 'rows':
      return found(rowFaults(format, sample));
    case 'mail':
      throw new Error('mails are read asynchronously');
  }
}
