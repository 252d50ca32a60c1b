import { hash } from 'node:crypto';
import { recipientDigest } from './address';
import type { MtaEvent } from './event';

/** The ids of a message. */
export interface Ids {
  readonly deliveryId: string;
  readonly messageId: string;
}

/** One way to find an id, as written in a setting. */
export interface IdentityRule {
  /** As written: what `from.identity` shows. */
  readonly text: string;
  /** The id in the event, or null. `indexed` is what the index of native ids has for it. */
  find(event: MtaEvent, indexed?: Ids | null): string | null;
}

/** The rules of a source, in their order; the first that answers wins. */
export interface IdentityRules {
  readonly deliveryId: readonly IdentityRule[];
  readonly messageId: readonly IdentityRule[];
}

export interface Identity extends Ids {
  /** The rules that answered. */
  readonly rules: { readonly deliveryId: string; readonly messageId: string };
}

type IdName = keyof Ids;

/** The rule that looks a message up in the index of native ids. */
const INDEX = 'index';

const ID_MAX = 128;
const KEPT = 80;
const MATCHED_MAX = 1_024;
/** Folded headers bring line ends into ids. */
const CONTROL = /\p{Cc}+/gu;

const withoutBrackets = (text: string): string =>
  text
    .trim()
    .replace(/^<(.*)>$/su, '$1')
    .trim();

/**
 * An id that the contract takes: without angle brackets and control characters, cut to 80 characters and the SHA-256 of
 * the whole where it is longer than 128. Null where nothing is left.
 */
export function idOf(text: string): string | null {
  const id = text
    .replace(CONTROL, ' ')
    .trim()
    .replace(/^<(.*)>$/u, '$1')
    .trim();
  if (id === '') return null;
  if (id.length <= ID_MAX) return id;
  return `${id.slice(0, KEPT)}~${hash('sha256', id, 'base64url')}`;
}

const VALID: Record<IdName, (text: string) => string | null> = {
  messageId: idOf,
  // A slash would end the id in a path.
  deliveryId: (text) => idOf(text)?.replaceAll('/', '_') ?? null,
};

/** Own fields only; names of headers are compared without case where no field has the exact name. */
function child(value: unknown, name: string): unknown {
  if (typeof value !== 'object' || value === null) return undefined;
  if (Object.hasOwn(value, name)) return (value as Record<string, unknown>)[name];
  const lower = name.toLowerCase();
  const other = Object.keys(value).find((each) => each.toLowerCase() === lower);
  return other === undefined ? undefined : (value as Record<string, unknown>)[other];
}

/** A text or number at a path of fields; of an array with one element, that element. */
export function valueAt(fields: unknown, path: readonly string[]): string | null {
  let value = path.reduce(child, fields);
  if (Array.isArray(value) && value.length === 1) [value] = value as unknown[];
  if (typeof value === 'number' && Number.isFinite(value)) return String(value);
  return typeof value === 'string' && value.trim() !== '' ? value : null;
}

const escaped = (text: string): string => text.replace(/[\\^$.*+?()[\]{}|/]/gu, '\\$&');

/** `{deliveryId}` and `{messageId}` stand for one and more characters but `@`, angle brackets and spaces; case does not matter. */
function patternOf(pattern: string): RegExp {
  const parts = withoutBrackets(pattern).split(/(\{deliveryId\}|\{messageId\})/u);
  const source = parts.map((part) =>
    /^\{\w+\}$/u.test(part) ? `(?<${part.slice(1, -1)}>[^@<>\\s]+?)` : escaped(part),
  );
  return new RegExp(`^${source.join('')}$`, 'iu');
}

function matching(
  pattern: string,
  name: IdName,
  texts: (event: MtaEvent) => readonly string[],
): IdentityRule['find'] {
  const regex = patternOf(pattern);
  return (event) => {
    for (const text of texts(event)) {
      const found = regex.exec(
        text
          .slice(0, MATCHED_MAX)
          .trim()
          .replace(/^<(.*)>$/u, '$1'),
      );
      const id = found?.groups?.[name];
      if (id !== undefined) return id;
    }
    return null;
  };
}

/** The source's id of the message; with a digest of the recipient where several recipients share it. */
export function nativeIdOf({ nativeId, nativeIdIsShared, recipient }: MtaEvent): string | null {
  const id = nativeId === null ? null : idOf(nativeId);
  return id === null || !nativeIdIsShared || recipient === null ? id : `${id}#${recipientDigest(recipient)}`;
}

const KINDS: Record<string, (argument: string, name: IdName) => IdentityRule['find']> = {
  header: (name) => {
    const lower = name.toLowerCase();
    return ({ headers }) => headers.get(lower) ?? null;
  },
  verp: (pattern, name) => matching(pattern, name, ({ envelope }) => envelope),
  'message-id': (pattern, name) =>
    matching(pattern, name, ({ messageIdHeader }) => (messageIdHeader === null ? [] : [messageIdHeader])),
  default: (value) => () => value,
};

/** Why a text is no identity rule, or null. */
export function ruleError(text: string, name: IdName): string | null {
  const [, kind, argument = ''] = /^([a-z-]+):(.*)$/su.exec(text) ?? [];
  if (text === '') return 'a rule is empty';
  if (kind === undefined) return null;
  if (!Object.hasOwn(KINDS, kind)) return `"${kind}:" is no kind of rule: header, verp, message-id, default`;
  if (argument === '') return `"${text}" names nothing after the colon`;
  if (kind === 'default' || kind === 'header') return null;
  return argument.includes(`{${name}}`) ? null : `"${text}" does not contain {${name}}`;
}

/** Parses one rule for the named id. Throws `RangeError` where `ruleError` says why. */
export function identityRule(text: string, name: IdName): IdentityRule {
  const error = ruleError(text, name);
  if (error !== null) throw new RangeError(error);
  if (text === 'native') return { text, find: nativeIdOf };
  if (text === INDEX) return { text, find: (_, indexed) => indexed?.[name] ?? null };
  const [, kind, argument = ''] = /^([a-z-]+):(.*)$/su.exec(text) ?? [];
  if (kind !== undefined) return { text, find: KINDS[kind]!(argument, name) };
  const path = text.split('.');
  return { text, find: ({ fields }) => valueAt(fields, path) };
}

/** Parses the rules of a source. Throws `RangeError`. */
export function identityRules(deliveryId: readonly string[], messageId: readonly string[]): IdentityRules {
  return {
    deliveryId: deliveryId.map((text) => identityRule(text, 'deliveryId')),
    messageId: messageId.map((text) => identityRule(text, 'messageId')),
  };
}

function answer(rule: IdentityRule, event: MtaEvent, indexed: Ids | null, name: IdName): string | null {
  const found = rule.find(event, indexed);
  return found === null ? null : VALID[name](found);
}

function firstAnswer(
  rules: readonly IdentityRule[],
  event: MtaEvent,
  indexed: Ids | null,
  name: IdName,
): [string, string] | null {
  for (const rule of rules) {
    const id = answer(rule, event, indexed, name);
    if (id !== null) return [id, rule.text];
  }
  return null;
}

const NAMES: readonly IdName[] = ['deliveryId', 'messageId'];

/** Whether a source's rules know the index: what it finds out is written there, and what it lacks is looked up. */
export const usesIndex = (rules: IdentityRules): boolean =>
  NAMES.some((name) => rules[name].some(({ text }) => text === INDEX));

/** Whether an id of the event is to be looked up in the index: no rule before `index` answers. */
export const asksIndex = (event: MtaEvent, rules: IdentityRules): boolean =>
  NAMES.some((name) => {
    const first = rules[name].find((rule) => rule.text === INDEX || answer(rule, event, null, name) !== null);
    return first?.text === INDEX;
  });

/**
 * The identity of an event's message, or the name of what no rule answered, with the rules that were tried. `indexed` is what
 * the index of native ids has for the event.
 */
export function identify(
  event: MtaEvent,
  rules: IdentityRules,
  indexed: Ids | null = null,
): Identity | { readonly missing: string } {
  const delivery = firstAnswer(rules.deliveryId, event, indexed, 'deliveryId');
  const message = firstAnswer(rules.messageId, event, indexed, 'messageId');
  if (delivery === null || message === null) {
    const missing = delivery === null ? 'deliveryId' : 'messageId';
    return { missing: `no ${missing}: tried ${rules[missing].map(({ text }) => text).join(', ')}` };
  }
  return {
    deliveryId: delivery[0],
    messageId: message[0],
    rules: { deliveryId: delivery[1], messageId: message[1] },
  };
}
