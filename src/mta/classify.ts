import type { TextClass } from './class-texts';
import { STATUS_CLASSES, STATUS_SUBJECTS, TEXT_CLASSES, VAGUE_TEXT_CLASSES } from './classes';

/** What an event says of the reason for a deferral or a failure. */
export interface Cause {
  /** The source's number in Momentum's and SparkPost's bounce classes. */
  readonly number: number | null;
  /** The source's own word for the reason, and the table that gives it a class. */
  readonly category: string | null;
  readonly categories: Categories;
  /** The reply of the receiving server, or the MTA's own text. */
  readonly text: string | null;
  /** `5.1.1` (RFC 3463). */
  readonly enhancedStatus: string | null;
  readonly smtpCode: number | null;
  /** The SMTP command that was refused, where the event or the text names it: `RCPT`, `DATA`. */
  readonly command: string | null;
}

/** Bounce classes by a source's word in lower case. A word without a row is decided by text and codes. */
export type Categories = ReadonlyMap<string, number>;

/** Which step of the classification answered. */
export type ClassStep = 'number' | 'category' | 'text' | 'enhanced-status' | 'smtp-code' | 'default';

export interface Classified {
  readonly bounceClass: number;
  readonly by: ClassStep;
}

/** A user's additions, looked at before the tables of this module. */
export interface ClassTables {
  readonly categories: Categories;
  readonly texts: readonly TextClass[];
}

export const NO_ADDITIONS: ClassTables = { categories: new Map(), texts: [] };

const TEXT_MAX = 2_048;
/** A reply code: at the beginning, after who says so, or before an enhanced status. */
const CODE =
  /^(?:smtp\s{0,4};\s{0,4})?([245]\d{2})(?:[ -]|$)|(?:said|returned|replied|reason|response|server|<<<)[ :'"]{1,4}([45]\d{2})(?=[ \n-])|(?:^|[\s:;('"])([45]\d{2})[ -]{1,2}#?(?=[45]\.\d)/u;
const STATUS = /(?:^|[\s(#;:[<'"=-])([245]\.\d{1,3}\.\d{1,3})(?=[\s):,;\]'"#-]|\.(?!\d)|$)/u;
const COMMAND =
  /(?:in reply to|after|response to|>>>|for) (?:end of |sending )?(?:the )?(RCPT|MAIL|DATA|HELO|EHLO|TEXT)\b/iu;

/** A number that a record's `int` holds; null for anything else. */
const int = (value: number | null | undefined): number | null =>
  typeof value === 'number' && (value | 0) === value ? value : null;

/** A source's table of categories; its words are compared without case. */
export const categoriesOf = (entries: Readonly<Record<string, number>>): Categories =>
  new Map(Object.entries(entries).map(([word, bounceClass]) => [word.toLowerCase(), bounceClass]));

/**
 * A cause with what is absent read from its text: the reply code and the enhanced status that it begins with, as in
 * `smtp; 550 5.1.1 no such user`, and the command that was refused.
 */
export function causeOf(given: Partial<Cause>): Cause {
  const text = given.text?.slice(0, TEXT_MAX) ?? null;
  const code = CODE.exec(text?.trimStart() ?? '');
  return {
    number: int(given.number),
    category: given.category ?? null,
    categories: given.categories ?? NO_ADDITIONS.categories,
    text,
    enhancedStatus: statusIn(given.enhancedStatus ?? null) ?? statusIn(text),
    smtpCode: int(given.smtpCode) ?? (code === null ? null : Number(code[1] ?? code[2] ?? code[3])),
    command: given.command ?? COMMAND.exec(text ?? '')?.[1] ?? null,
  };
}

/** The enhanced status in a text like `5.1.1 (bad destination mailbox address)`. */
export const statusIn = (text: string | null): string | null => STATUS.exec(text ?? '')?.[1] ?? null;

const ADDRESS = /[^\s<>@"'(),;:]{1,128}@[^\s<>"'(),;:\]]{1,255}/gu;
/** `550-` of a reply of several lines. */
const CONTINUED = /\b[245]\d{2}-/gu;
/** Names of hosts before a reply tell nothing of its reason. */
const SAID = /\bhost [^ ]{1,255}(?: ?\[[^\]]{1,60}\])? said:/gu;

/** Text as the tables of texts expect it: lower case, single spaces, no accents, `@` in place of each address. */
export function plainText(text: string): string {
  const lower = text.slice(0, TEXT_MAX).toLowerCase().replace(ADDRESS, '@').replace(CONTINUED, ' ');
  const ascii = /^[\u0000-\u007f]*$/u.test(lower)
    ? lower
    : lower
        .replace(/[‘’´`]/gu, "'")
        .normalize('NFD')
        .replace(/[\u0300-\u036f]/gu, '')
        .normalize('NFC');
  return ascii.replace(/\s{1,}/gu, ' ').replace(SAID, '');
}

const firstMatch = (plain: string, rules: readonly TextClass[]): number | null =>
  rules.find(({ pattern }) => pattern.test(plain))?.bounceClass ?? null;

const UNAVAILABLE =
  /(?:mailbox|recipient|address|account)(?: name)? (?:is |temporarily )?(?:un|not )(?:available|allowed|permitted)/u;

/** "Mailbox unavailable" is the standard's text for 550 and 450, and says why only together with code and command. */
function byUnavailable(plain: string, { smtpCode, command, enhancedStatus }: Cause): number | null {
  if (!UNAVAILABLE.test(plain)) return null;
  if (smtpCode === null ? enhancedStatus?.startsWith('4') : smtpCode < 500) return 20;
  return /^(?:DATA|TEXT|MAIL)$/iu.test(command ?? '') ? 50 : 10;
}

/** The class that a text names clearly, or null. */
export const textClass = (text: string): number | null => firstMatch(plainText(text), TEXT_CLASSES);

function byStatus(status: string | null): number | null {
  const [first, subject, detail] = status?.split('.') ?? [];
  return first === '2' ? null : (STATUS_CLASSES.get(`${subject}.${detail}`) ?? null);
}

function bySubject(status: string | null): number | null {
  const [first, subject = ''] = status?.split('.') ?? [];
  return first === '2' ? null : (STATUS_SUBJECTS.get(subject) ?? null);
}

function bySmtpCode(code: number | null, command: string | null): number | null {
  switch (code) {
    case 452:
    case 552:
      return 22;
    case 553:
      return 10;
    case 421:
    case 450:
    case 451:
      return 20;
    case 550:
    case 551:
      return command?.toUpperCase() === 'RCPT' ? 10 : null;
    case 554:
      return 50;
    default:
      return null;
  }
}

/** The class by text, and by status and code where the text is silent; lazily, since most replies are clear. */
function* steps(cause: Cause, additions: ClassTables): Iterable<readonly [ClassStep, number | null]> {
  const { text, enhancedStatus } = cause;
  const word = cause.category?.toLowerCase() ?? '';
  yield ['number', cause.number];
  yield ['category', additions.categories.get(word) ?? cause.categories.get(word) ?? null];
  const plain = text === null ? '' : plainText(text);
  if (text !== null) yield ['text', firstMatch(text, additions.texts)];
  yield ['text', firstMatch(plain, TEXT_CLASSES) ?? byUnavailable(plain, cause)];
  yield ['enhanced-status', byStatus(enhancedStatus)];
  yield ['text', firstMatch(plain, VAGUE_TEXT_CLASSES)];
  yield ['enhanced-status', bySubject(enhancedStatus)];
  yield ['smtp-code', bySmtpCode(cause.smtpCode, cause.command)];
}

/**
 * The bounce class of a cause, and the step that gave it. Total. The order is that of trust: the source's number, its
 * category, the reply's text, its enhanced status, its code. Text goes before status, since statuses are wrong more
 * often; words that say little, like "rejected", go after a status that says more.
 */
export function classify(cause: Cause, additions: ClassTables = NO_ADDITIONS): Classified {
  for (const [by, bounceClass] of steps(cause, additions))
    if (bounceClass !== null) return { bounceClass, by };
  return { bounceClass: 1, by: 'default' };
}
