import type { TextClass } from './class-texts';
import type { ClassTables } from './classify';
import { isObject, type Json, list } from './json';

const CLASS_MAX = 999;
const PATTERN_MAX = 500;
/** Repeated repetitions, which may take forever to match: `(a+)+`, `(.*x)*`. */
const NESTED = /\([^()]*[*+}][^()]*\)[*+{]/u;

type Result = { readonly tables: ClassTables } | { readonly errors: readonly string[] };

const isClass = (value: Json | undefined): value is number =>
  typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= CLASS_MAX;

function categoriesIn(value: Json | undefined, errors: string[]): Map<string, number> {
  const found = new Map<string, number>();
  if (value === undefined) return found;
  if (!isObject(value)) {
    errors.push('categories: must be an object of words and bounce classes');
    return found;
  }
  for (const [word, bounceClass] of Object.entries(value)) {
    if (isClass(bounceClass)) found.set(word.toLowerCase(), bounceClass);
    else errors.push(`categories.${word}: must be a bounce class, a whole number of 0 to ${CLASS_MAX}`);
  }
  return found;
}

/** A user's pattern, compared without case; a text that says what is wrong where it is wrong. */
function patternOf(source: string): RegExp | string {
  if (source === '' || source.length > PATTERN_MAX) return `must have 1 to ${PATTERN_MAX} characters`;
  if (NESTED.test(source)) return 'repeats what is repeated already, which may take too long to match';
  try {
    return new RegExp(source, 'iu');
  } catch (error) {
    return `is no regular expression: ${(error as Error).message}`;
  }
}

function textIn(value: Json, at: string, errors: string[]): TextClass | null {
  const { pattern: source, class: bounceClass } = isObject(value) ? value : {};
  const pattern = typeof source === 'string' ? patternOf(source) : 'must be a text';
  if (typeof pattern === 'string') errors.push(`${at}.pattern: ${pattern}`);
  if (!isClass(bounceClass))
    errors.push(`${at}.class: must be a bounce class, a whole number of 0 to ${CLASS_MAX}`);
  return typeof pattern === 'string' || !isClass(bounceClass) ? null : { bounceClass, pattern };
}

function textsIn(value: Json | undefined, errors: string[]): readonly TextClass[] {
  if (value !== undefined && !Array.isArray(value)) {
    errors.push('texts: must be a list of {"pattern", "class"}');
    return [];
  }
  return list(value).flatMap((each, index) => textIn(each, `texts[${index}]`, errors) ?? []);
}

/**
 * A user's additions to the classes: `{"categories": {"word": class}, "texts": [{"pattern": "…", "class": class}]}`. They
 * are looked at before the tables of this package. Patterns are regular expressions, compared without case with the text
 * as the source gives it. Gives every error at once.
 */
export function classTablesIn(text: string): Result {
  let value: Json;
  try {
    value = JSON.parse(text) as Json;
  } catch (error) {
    return { errors: [`no JSON: ${(error as Error).message}`] };
  }
  return classTablesOf(value);
}

/** As `classTablesIn`, of a value that was parsed. */
export function classTablesOf(value: Json): Result {
  if (!isObject(value)) return { errors: ['must be an object with "categories" and "texts"'] };
  const unknown = Object.keys(value).filter((name) => name !== 'categories' && name !== 'texts');
  const errors = unknown.map((name) => `${name}: no such field; there are "categories" and "texts"`);
  const categories = categoriesIn(value['categories'], errors);
  const texts = textsIn(value['texts'], errors);
  return errors.length > 0 ? { errors } : { tables: { categories, texts } };
}
