import type * as Yaml from 'yaml';
import { printable } from '../base/log';
import { readText } from './files';
import { keyOf, NAME_LENGTH_MAX, nearestOf, VARIABLES } from './names';

/** A text that is set somewhere, and where: `efs.yaml:3 http-port`. */
export interface Placed {
  readonly name: string;
  readonly text: string;
}

/** The settings in a file, each by the variable that it stands for, and what is wrong with the file. */
export interface SettingsFile {
  readonly values: ReadonlyMap<string, Placed>;
  readonly errors: readonly string[];
}

/** Where no file is named. */
export const NO_FILE: SettingsFile = { values: new Map(), errors: [] };

const VARIABLE_OF: ReadonlyMap<string, string> = new Map(
  VARIABLES.map((variable) => [keyOf(variable), variable]),
);

/** A key as its writer may have meant it: `EFS_HTTP_PORT` and `httpPort` are `http-port`. */
const asKey = (text: string): string =>
  keyOf(`EFS_${text.replace(/^EFS_/i, '').replace(/(?<=[a-z])[A-Z]/g, '_$&')}`);

/** Loaded where there is a file: a command without one starts sooner. */
const yaml = (): typeof Yaml => require('yaml') as typeof Yaml;

/** Reads a pair of the file into `values`; returns what is wrong with it. */
function readPair({ key, value }: Yaml.Pair, at: string, values: Map<string, Placed>): string[] {
  const { isScalar } = yaml();
  const text = isScalar(key) ? String(key.value).slice(0, NAME_LENGTH_MAX) : '';
  const variable = VARIABLE_OF.get(text);
  const name = `${at} ${printable(text)}`;
  if (variable === undefined) {
    const nearest = nearestOf(asKey(text), [...VARIABLE_OF.keys()]);
    return [`${name}: is not a setting; did you mean ${nearest}? Otherwise remove it`];
  }
  if (value !== null && (!isScalar(value) || value.anchor !== undefined))
    return [`${name}: is not one text; write it as in ${variable}, in quotes where it begins with a sign`];
  values.set(variable, { name, text: value === null ? '' : String(value.value) });
  return [];
}

/**
 * The settings in a YAML text: pairs of a setting's key and its value, written as in its variable. Messages begin with
 * `path` and the line, and quote no value.
 */
export function settingsIn(text: string, path: string): SettingsFile {
  const { isMap, LineCounter, parseDocument } = yaml();
  const lines = new LineCounter();
  // In the failsafe schema every value is the text that is written: `on`, 012 and 1e3 mean what they do in a variable.
  const document = parseDocument(text, { schema: 'failsafe', prettyErrors: false, lineCounter: lines });
  const placeOf = (offset: number): string => `${path}:${lines.linePos(offset).line}`;
  const errors = [...document.errors, ...document.warnings].map(({ code, pos }) => {
    const problem = code.toLowerCase().replaceAll('_', ' ');
    return `${placeOf(pos[0])}: is no YAML (${problem}); write NAME: VALUE, in quotes where it begins with a sign`;
  });
  const values = new Map<string, Placed>();
  if (errors.length > 0 || document.contents === null) return { values, errors };
  if (!isMap(document.contents))
    return { values, errors: [`${path}: holds no settings; write lines of NAME: VALUE`] };
  for (const pair of document.contents.items) {
    errors.push(...readPair(pair, placeOf(pair.key.range[0]), values));
  }
  return { values, errors };
}

/** The settings in a file; `named` is the flag or variable that names it. */
export function readSettingsFile(path: string, named: string): SettingsFile {
  try {
    return settingsIn(readText(path), path);
  } catch (error) {
    const problem = `${JSON.stringify(path)} ${(error as Error).message}`;
    return { ...NO_FILE, errors: [`${named}: ${problem}; name a file that this user may read`] };
  }
}
