import { printable } from '../base/log';
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
/** Bytes shown of a value that is not feedback: the frame, and little of its content. */
const SHOWN_BYTES = 8;
/** Texts are cut here before they are masked, well behind the part that is shown: the cut splits no visible address. */
const MASKED_MAX = 2_000;

/** Matches e-mail addresses, the domain in its own group; `=40` and `%40` encode an address within another. */
const ADDRESS =
  /(?:"[^"\r\n]{1,64}"|[^\s<>()[\],;:"'@]{1,128})(?:@|%40|=40|&#64;|\(at\))((?:\[[^\]\s]{1,64}\]|[^\s<>()[\],;:"'@]{1,253})?)/giu;
/** Long numbers may be telephone or customer numbers. */
const LONG_NUMBER = /\d{6,}/g;

/** Text without personal data: of addresses the domain remains, of long numbers nothing; control characters are removed. */
export function masked(text: string): string {
  return printable(text.slice(0, MASKED_MAX)).replace(ADDRESS, '***@$1').replace(LONG_NUMBER, '***');
}

/**
 * A value as a person may see it. `feedback` is its decoded content, or null. Without `showsRecipients`, free text is
 * masked, and of a value that is not feedback only the frame is shown; ids and recipient domains do not count as
 * recipients. Texts are bounded. Null for a record without a value.
 */
export function previewOf(
  value: Buffer | null,
  feedback: Feedback | null,
  { showsRecipients }: { readonly showsRecipients: boolean },
): Preview | null {
  if (value === null) return null;
  if (feedback === null) return { form: 'bytes', text: bytesText(value, showsRecipients) };
  const clean = showsRecipients ? printable : masked;
  const { kind, ...rest } = feedback;
  const shown = (name: string, field: unknown): unknown => {
    if (typeof field !== 'string') return field;
    return (name === 'diagnostic' || name === 'enhancedStatus' ? clean(field) : field).slice(0, TEXT_MAX);
  };
  const fields = Object.entries(rest)
    .filter(([, field]) => field !== undefined)
    .map(([name, field]) => [name, shown(name, field)]);
  return { form: 'feedback', record: kind, fields: Object.fromEntries(fields) };
}

function bytesText(value: Buffer, showsRecipients: boolean): string {
  if (showsRecipients) return printable(value.subarray(0, TEXT_MAX).toString('latin1'));
  const more = value.length > SHOWN_BYTES ? '…' : '';
  return `hex ${value.subarray(0, SHOWN_BYTES).toString('hex')}${more}, ${value.length} bytes`;
}
