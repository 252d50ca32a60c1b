import { STATUS_CLASSES, TEXT_CLASSES, type TextClass } from './classes';

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
const CODE = /^(?:smtp\s*;\s*)?([245]\d{2})(?:[ -]|$)/iu;
const STATUS = /(?:^|[\s(#;:-])([245]\.\d{1,3}\.\d{1,3})(?=[\s):,;.]|$)/u;
const COMMAND = /in reply to (?:end of )?(RCPT|MAIL|DATA|HELO|EHLO)|after (RCPT|MAIL|DATA|HELO|EHLO)/iu;

const lowered = (entries: Readonly<Record<string, number>>): Categories =>
  new Map(Object.entries(entries).map(([word, bounceClass]) => [word.toLowerCase(), bounceClass]));

/** A source's table of categories; its words are compared without case. */
export const categoriesOf = lowered;

/**
 * A cause with what is absent read from its text: the reply code and the enhanced status that it begins with, as in
 * `smtp; 550 5.1.1 no such user`, and the command that was refused.
 */
export function causeOf(given: Partial<Cause>): Cause {
  const text = given.text?.slice(0, TEXT_MAX) ?? null;
  const found = COMMAND.exec(text ?? '');
  const code = CODE.exec(text?.trimStart() ?? '')?.[1];
  return {
    number: given.number ?? null,
    category: given.category ?? null,
    categories: given.categories ?? NO_ADDITIONS.categories,
    text,
    enhancedStatus: statusIn(given.enhancedStatus ?? null) ?? statusIn(text),
    smtpCode: given.smtpCode ?? (code === undefined ? null : Number(code)),
    command: given.command ?? found?.[1] ?? found?.[2] ?? null,
  };
}

/** The enhanced status in a text like `5.1.1 (bad destination mailbox address)`. */
const statusIn = (text: string | null): string | null => STATUS.exec(text ?? '')?.[1] ?? null;

/** By enhanced status without its first digit, from the whole to the subject alone: `1.1`, then `1.x`. */
function byStatus(status: string | null): number | null {
  if (status === null || status.startsWith('2')) return null;
  const [, subject = '', detail = ''] = status.split('.');
  return STATUS_CLASSES.get(`${subject}.${detail}`) ?? STATUS_CLASSES.get(`${subject}.x`) ?? null;
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

const byText = (text: string | null, rules: readonly TextClass[]): number | null =>
  text === null ? null : (rules.find(({ pattern }) => pattern.test(text))?.bounceClass ?? null);

/**
 * The bounce class of a cause, and the step that gave it. Total. The order is that of trust: the source's number, its
 * category, the reply's text, its enhanced status, its code. Text goes before status, since statuses are wrong more often.
 */
export function classify(cause: Cause, additions: ClassTables = NO_ADDITIONS): Classified {
  const word = cause.category?.toLowerCase() ?? '';
  const steps: readonly (readonly [ClassStep, number | null | undefined])[] = [
    ['number', cause.number],
    ['category', additions.categories.get(word) ?? cause.categories.get(word)],
    ['text', byText(cause.text, additions.texts) ?? byText(cause.text, TEXT_CLASSES)],
    ['enhanced-status', byStatus(cause.enhancedStatus)],
    ['smtp-code', bySmtpCode(cause.smtpCode, cause.command)],
  ];
  for (const [by, bounceClass] of steps) if (typeof bounceClass === 'number') return { bounceClass, by };
  return { bounceClass: 1, by: 'default' };
}
