import { matchedAt } from '../queued-event';

/** A line of Exim's main log about one message. */
export interface EximLine {
  /** As written, with the zone if the line has one. */
  readonly time: string;
  readonly id: string;
  /** `<=`, `=>`, `->`, `>>`, `*>`, `==`, `**`; null for other lines. */
  readonly flag: string | null;
  readonly rest: string;
}

/** Ids have 6-6-2 characters, from Exim 4.97 on 6-11-4. */
const HEAD =
  /^(\d{4}-\d{2}-\d{2} \d{2}:\d{2}:\d{2}(?:\.\d{1,6})?(?: [+-]\d{4})?) (?:\[\d{1,10}\] )?([\dA-Za-z]{6}-(?:[\dA-Za-z]{6}-[\dA-Za-z]{2}|[\dA-Za-z]{11}-[\dA-Za-z]{4})) (.*)$/su;
const DATED = /^\d{4}-\d{2}-\d{2} \d{2}:\d{2}:\d{2}/u;
const FLAG = /^(<=|=>|->|>>|\*>|==|\*\*)(?: |$)/u;

/** A line about a message; `other` for one about none, null for what is no line of the log. */
export function eximLine(text: string): EximLine | 'other' | null {
  const [, time, id, content = ''] = HEAD.exec(text) ?? [];
  if (time === undefined || id === undefined) return DATED.test(text) ? 'other' : null;
  const flag = FLAG.exec(content)?.[1] ?? null;
  return { time, id, flag, rest: flag === null ? content : content.slice(flag.length + 1) };
}

/** What follows a flag. */
export interface Tokens {
  /** The address, with a quoted local part as it is. */
  readonly address: string;
  /** The original address in angle brackets, where the first one came of another. */
  readonly original: string | null;
  /** `H=mx.example.net`: by their letters. */
  readonly values: ReadonlyMap<string, string>;
  /** After `for`: the recipients of a message that has arrived. */
  readonly recipients: readonly string[];
  /** After the colon. */
  readonly text: string;
  /** Of a deferral: the number in `defer (-53)`. */
  readonly error: number | null;
}

const RECIPIENTS_MAX = 1_000;
const ADDRESS = / *(:[a-z]{1,20}:|(?:"(?:[^"\\]|\\.){0,320}"|[^\s"]){1,1024}?)(:?)(?=\s|$)/uy;
const NAMED = / +([A-Za-z\d]{1,8})=("(?:[^"\\]|\\.){0,8192}"|[^\s]{0,1024}?)(:?)(?=\s|$)/uy;
const ORIGINAL = / +<([^>]{1,1024})>(:?)(?=\s|$)/uy;
const DEFER = / +defer \((-?\d{1,6})\)(:?)(?=\s|$)/uy;
const WORD = / +(\S{1,1024}?)(:?)(?=\s|$)/uy;

const LISTED = /(?:"(?:[^"\\]|\\.){0,320}"|[^\s"]){1,1024}/gu;

const addressesIn = (text: string): string[] => (text.match(LISTED) ?? []).slice(0, RECIPIENTS_MAX);

/** Reads names and values up to the colon that ends them; null where there is no address. */
export function tokensOf(rest: string): Tokens | null {
  const first = matchedAt(ADDRESS, rest, 0);
  if (first === null) return null;
  const values = new Map<string, string>();
  let original: string | null = null;
  let error: number | null = null;
  let recipients: string[] = [];
  let place = first[0].length;
  for (let ends = first[2] === ':'; !ends && place < rest.length;) {
    const named = matchedAt(NAMED, rest, place);
    const source = named ?? matchedAt(ORIGINAL, rest, place);
    const deferred = source === null ? matchedAt(DEFER, rest, place) : null;
    const token = source ?? deferred ?? matchedAt(WORD, rest, place);
    if (token === null) break;
    place += token[0].length;
    if (named !== null) values.set(named[1] ?? '', (named[2] ?? '').replace(/^"(.*)"$/su, '$1'));
    else if (source !== null) original ??= source[1] ?? null;
    else if (deferred !== null) error = Number(deferred[1]);
    else if (token[1] === 'for') {
      recipients = addressesIn(rest.slice(place));
      break;
    }
    ends = token.at(-1) === ':';
  }
  const text = rest.slice(place).trim();
  return { address: first[1] ?? '', original, values, recipients, text, error };
}
