/** A JSON value as `parseJson` gives it. */
export type Json = string | number | boolean | null | readonly Json[] | JsonObject;
export interface JsonObject {
  readonly [name: string]: Json;
}

/** A string, or a whole number that JSON.parse may not hold exactly: digits of fractions and exponents are none. */
const STRING_OR_LONG_NUMBER = /"(?:[^"\\]|\\.)*"|(?<![\d.eE+-])-?\d{16,}(?![\d.eE])/gsu;

/**
 * Parses JSON; whole numbers of 16 digits and more become strings, since some providers' ids exceed 2^53. Throws
 * `SyntaxError`.
 */
export function parseJson(text: string): Json {
  const exact = /\d{16}/u.test(text)
    ? text.replace(STRING_OR_LONG_NUMBER, (token) => (token.startsWith('"') ? token : `"${token}"`))
    : text;
  return JSON.parse(exact) as Json;
}

export const isObject = (value: Json | undefined): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** The object's own field; undefined where `value` is no object, or has none of the name. */
export const field = (value: Json | undefined, name: string): Json | undefined =>
  isObject(value) && Object.hasOwn(value, name) ? value[name] : undefined;

/** The value at a path of own fields. */
export const at = (value: Json | undefined, ...path: readonly string[]): Json | undefined =>
  path.reduce<Json | undefined>(field, value);

/** A text, or a number as text; null for anything else, and for the empty text. */
export function text(value: Json | undefined): string | null {
  if (typeof value === 'number') return String(value);
  return typeof value === 'string' && value !== '' ? value : null;
}

/** A finite number, also written as text; null for anything else. */
export function number(value: Json | undefined): number | null {
  const parsed = typeof value === 'string' && value.trim() !== '' ? Number(value) : value;
  return typeof parsed === 'number' && Number.isFinite(parsed) ? parsed : null;
}

/** A whole number, also written as text; null for anything else. */
export function whole(value: Json | undefined): number | null {
  const parsed = number(value);
  return Number.isSafeInteger(parsed) ? parsed : null;
}

/** The elements of an array, or the value alone; nothing for null and undefined. */
export function list(value: Json | undefined): readonly Json[] {
  if (value === undefined || value === null) return [];
  return Array.isArray(value) ? (value as readonly Json[]) : [value];
}

/** A value of more levels than any source has is cut here: recursion has an end. */
const LEVELS = 32;

/** JSON in one form for equal values: names in order of their code units. Of 32 levels and more the rest counts as null. */
export function canonicalJson(value: unknown, levels = LEVELS): string {
  if (levels === 0 && typeof value === 'object') return 'null';
  if (Array.isArray(value)) return `[${value.map((each) => canonicalJson(each, levels - 1)).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'null';
  const fields = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  const texts = fields.map(([name, each]) => `${JSON.stringify(name)}:${canonicalJson(each, levels - 1)}`);
  return `{${texts.join(',')}}`;
}
