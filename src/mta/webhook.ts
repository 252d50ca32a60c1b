import { type Cause, classify, NO_ADDITIONS } from './classify';
import { type Meaning, type Reading, unknownEvent } from './event';
import type { CustomaryIdentity, JsonFormat } from './format';
import { field, isObject, type Json, type JsonObject, list, parseJson, text } from './json';

/** What the words of a provider mean; null for those that are no feedback: opens, clicks, unsubscriptions. */
export type Words = ReadonlyMap<string, Meaning | null>;

export const wordsOf = (table: Readonly<Record<string, Meaning | null>>): Words =>
  new Map(Object.entries(table));

/** A format of webhooks: a body is one event, or a list of them, unless `events` says otherwise. */
export const webhook = (
  format: Pick<JsonFormat, 'name' | 'identity' | 'read'> & Partial<JsonFormat>,
): JsonFormat => ({ framing: 'json', isLog: false, events: list, ...format });

/** The ids among the sender's own values, which events have at a place; `others` may name the delivery, too. */
export const idsIn = (place: string, ...others: readonly string[]): CustomaryIdentity => ({
  deliveryId: [`${place}.deliveryId`, `${place}.delivery_id`, ...others],
  messageId: [`${place}.messageId`, `${place}.message_id`],
});

/** The readings of an event that states its kind by one word: `make` is asked for those that are feedback. */
export function readingsOf(
  event: Json,
  word: Json | undefined,
  words: Words,
  make: (meaning: Meaning, word: string) => readonly Reading[],
): readonly Reading[] {
  if (!isObject(event)) return [{ rejected: 'not-parsable', detail: 'an event is no JSON object' }];
  if (typeof word !== 'string') return [unknownEvent(word)];
  const meaning = words.get(word);
  if (meaning === undefined) return [unknownEvent(word)];
  return meaning === null ? [{ ignored: word }] : make(meaning, word);
}

/** The JSON that a text holds; the value itself where it is no text, or holds no object and no array. */
export function unquoted(value: Json | undefined): Json {
  if (typeof value !== 'string' || !/^\s*[[{]/u.test(value)) return value ?? null;
  try {
    return parseJson(value);
  } catch {
    return value;
  }
}

/** The object with JSON in place of the texts that hold it in the named fields. */
export function unquotedIn(object: JsonObject, ...names: readonly string[]): JsonObject {
  const held = names.filter((name) => typeof field(object, name) === 'string');
  if (held.length === 0) return object;
  return { ...object, ...Object.fromEntries(held.map((name) => [name, unquoted(object[name])])) };
}

/** The texts of a list, or of a value that is alone. */
export const texts = (value: Json | undefined): readonly string[] =>
  list(value)
    .map(text)
    .filter((each) => each !== null);

/** Recipients, each once; null alone where there is none. */
export const recipientsOf = (recipients: readonly string[]): readonly (string | null)[] =>
  recipients.length === 0 ? [null] : [...new Set(recipients)];

/** The entries of an object, of a list of pairs, or of a list of `{name, value}`. */
function entriesOf(value: Json | undefined): readonly (readonly [Json | undefined, Json | undefined])[] {
  if (isObject(value)) return Object.entries(value);
  return list(value).map((each) =>
    Array.isArray(each)
      ? [(each as readonly Json[])[0], (each as readonly Json[])[1]]
      : [field(each, 'name'), field(each, 'value')],
  );
}

/** A list of `{name, value}` as one object, which field paths can name; an object is left as it is. */
export function namedValues(value: Json | undefined): JsonObject {
  if (isObject(value)) return value;
  return Object.fromEntries(entriesOf(value).map(([name, each]) => [text(name) ?? '', each ?? null]));
}

/** Headers by their name in lower case; of several of one name the first. */
export function headersOf(value: Json | undefined): ReadonlyMap<string, string> {
  const headers = new Map<string, string>();
  for (const [name, content] of entriesOf(value)) {
    const key = text(name)?.toLowerCase();
    const value = text(content);
    if (key !== undefined && value !== null && !headers.has(key)) headers.set(key, value);
  }
  return headers;
}

/** The cause of a message that the provider did not send, because of what it knows of the recipient. */
export const suppressedText = (reason: string | null): string =>
  `suppressed: ${reason ?? 'on a suppression list'}`;

/** The cause with a category that decides only where neither text nor codes do: for words that are vague, or often wrong. */
export function byCategoryLast(cause: Cause): Cause {
  const other = { ...cause, categories: NO_ADDITIONS.categories };
  return classify(other).by === 'default' ? cause : other;
}
