import { printable } from '../base/log';
import type { DeadLetter } from './dead-letter';
import type { Feedback } from './feedback';

/** The content of a record's value, for people: the fields of feedback, or the first bytes of anything else. */
export type Preview =
  | {
      readonly form: 'feedback';
      readonly record: Feedback['kind'];
      readonly fields: Readonly<Record<string, string | number | boolean | null>>;
    }
  | { readonly form: 'bytes'; readonly text: string };

const TEXT_MAX = 200;
/** The fields of feedback that hold what a receiving server wrote. */
const FREE_TEXTS: readonly string[] = ['diagnostic', 'enhancedStatus', 'feedbackType'];
/** Bytes shown of a value that is not feedback: the frame, and little of its content. */
const SHOWN_BYTES = 8;
/** Texts are cut here before they are masked, well behind the part that is shown: the cut splits no visible address. */
const MASKED_MAX = 2_000;

/** The ways in which texts write the sign of an address: itself, wide, escaped (also twice), as an entity, spelt out. */
const AT =
  /[ \t]?(?:[@＠﹫]|[([{]at[)\]}])[ \t]?|[ \t]at[ \t](?=[^\s@]{1,253}\.)|%(?:25)*40|=40|&(?:commat|#0*64|#x0*40);/giu;
/** Bounds of what stands left of the sign: a quoted string or a word. */
const QUOTED_MAX = 66;
const LOCAL_MAX = 128;
const ENDS_LOCAL = /[\s<>()[\],;:"'@＠﹫]/u;
/** `host!user`, the path of UUCP. */
const BANG = /(?<=\w)!\w[\w.+-]{0,127}/gu;
/** Long numbers may be telephone, account or customer numbers; dates are left. */
const NUMBER =
  /\d{4}-\d{2}-\d{2}(?!\d)|\b[A-Z]{2}\d{2}(?: ?[A-Z\d]{4}){2,7}(?: ?[A-Z\d]{1,3})?\b|(?:\+|\b0)\d(?:[ /()-]{0,2}\d){5,}|\d(?:[-/]?\d){5,}/gu;
const DATE = /^\d{4}-\d{2}-\d{2}$/u;

/** Where the local part begins that ends at `end`; `end` itself where there is none. Looks at a bounded part of the text. */
function localPart(text: string, end: number): number {
  const quote = text[end - 1] === '"' ? text.lastIndexOf('"', end - 2) : -1;
  if (quote >= 0 && end - quote <= QUOTED_MAX) return quote;
  let start = end;
  while (start > 0 && end - start < LOCAL_MAX && !ENDS_LOCAL.test(text[start - 1] as string)) start -= 1;
  return start;
}

/**
 * Text without addresses: of each the domain remains. Linear in the text's length. An address within the local part of
 * another, as in a return path, goes with it.
 */
function withoutAddresses(text: string): string {
  const parts: { readonly start: number; readonly end: number }[] = [];
  for (const { 0: sign, index } of text.matchAll(AT)) {
    const start = localPart(text, index);
    if (start === index) continue;
    while (start <= (parts.at(-1)?.start ?? -1)) parts.pop();
    parts.push({ start, end: index + sign.length });
  }
  let clean = '';
  let from = 0;
  for (const { start, end } of parts) {
    clean += `${text.slice(from, Math.max(from, start))}***@`;
    from = end;
  }
  return clean + text.slice(from);
}

/** Text without personal data: of addresses the domain remains, of long numbers nothing; control characters are removed. */
export function masked(text: string): string {
  return withoutAddresses(printable(text.slice(0, MASKED_MAX)))
    .replace(BANG, '!***')
    .replace(NUMBER, (number) => (DATE.test(number) ? number : '***'));
}

/** The detail of a dead letter, masked where it may quote the record. */
export function maskedDetail(reason: DeadLetter['reason'], detail: string): string {
  return reason === 'wrong-record' || reason === 'unknown' ? masked(detail) : printable(detail);
}

/**
 * A value as a person may see it. `feedback` is its decoded content, or null. Without `showsRecipients`, free text is
 * masked, and of a value that is not feedback only the frame is shown; ids and recipient domains do not count as
 * recipients. Texts are bounded. `bytes` is the length of the value where `value` is only its beginning. Null for a
 * record without a value.
 */
export function previewOf(
  value: Buffer | null,
  feedback: Feedback | null,
  { showsRecipients, bytes }: { readonly showsRecipients: boolean; readonly bytes?: number | null },
): Preview | null {
  if (value === null) return null;
  if (feedback === null)
    return { form: 'bytes', text: bytesText(value, bytes ?? value.length, showsRecipients) };
  const clean = showsRecipients ? printable : masked;
  const { kind, ...rest } = feedback;
  const shown = (name: string, field: unknown): unknown => {
    if (typeof field !== 'string') return field;
    return (FREE_TEXTS.includes(name) ? clean(field) : field).slice(0, TEXT_MAX);
  };
  const fields = Object.entries(rest)
    .filter(([, field]) => field !== undefined)
    .map(([name, field]) => [name, shown(name, field)]);
  return { form: 'feedback', record: kind, fields: Object.fromEntries(fields) };
}

function bytesText(value: Buffer, length: number, showsRecipients: boolean): string {
  if (showsRecipients) return printable(value.subarray(0, TEXT_MAX).toString('latin1'));
  const more = length > SHOWN_BYTES ? '…' : '';
  return `hex ${value.subarray(0, SHOWN_BYTES).toString('hex')}${more}, ${length} bytes`;
}
