import { printable } from '../base/log';
import type { Feedback } from '../feedback/feedback';

/** What the value of a record says, for people: the fields of feedback, or the beginning of bytes that are none. */
export type Preview =
  | {
      readonly form: 'feedback';
      readonly record: Feedback['kind'];
      readonly fields: Readonly<Record<string, string | number | boolean | null>>;
    }
  | { readonly form: 'bytes'; readonly text: string };

const TEXT_MAX = 200;

/** An address, as it stands in diagnostics; written so that no text makes it slow. */
const ADDRESS = /[^\s<>()[\]:;,"'@]{1,64}@[^\s<>()[\]:;,"'@]{1,253}/g;
/** Long numbers may be telephone or customer numbers. */
const LONG_NUMBER = /\d{6,}/g;

/** Text without what may be personal: addresses and long numbers become stars, and control characters go. */
export function masked(text: string): string {
  return printable(text).replace(ADDRESS, '***@***').replace(LONG_NUMBER, '***');
}

/**
 * A value as a person may see it. `feedback` is what it says, where it says any. Free text is masked unless
 * `showsRecipients`; ids and recipient domains are no recipients. Null for a record without a value.
 */
export function previewOf(
  value: Buffer | null,
  feedback: Feedback | null,
  { showsRecipients }: { readonly showsRecipients: boolean },
): Preview | null {
  if (value === null) return null;
  const clean = showsRecipients ? printable : masked;
  if (feedback === null)
    return { form: 'bytes', text: clean(value.subarray(0, TEXT_MAX).toString('latin1')) };
  const { kind, ...rest } = feedback;
  const fields = Object.entries(rest)
    .filter(([, field]) => field !== undefined)
    .map(([name, field]) => [
      name,
      name === 'diagnostic' && typeof field === 'string' ? clean(field) : field,
    ]);
  return { form: 'feedback', record: kind, fields: Object.fromEntries(fields) };
}
