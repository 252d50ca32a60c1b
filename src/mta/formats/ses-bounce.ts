import { categoriesOf, type Cause, causeOf } from '../classify';
import type { Meaning } from '../event';
import { expiryCause } from '../expiry';
import { byCategoryLast, suppressedText } from '../webhook';

const SUPPRESSED: ReadonlySet<string> = new Set([
  'Suppressed',
  'OnAccountSuppressionList',
  'OnTenantSuppressionList',
  'UnsubscribedRecipient',
  'EmailValidationSuppressed',
]);

/** Sub-types that name a reason. */
const SUB_TYPES = categoriesOf({
  ...Object.fromEntries([...SUPPRESSED].map((word) => [word, 25])),
  MailboxFull: 22,
  MessageTooLarge: 23,
  ContentRejected: 52,
  AttachmentRejected: 53,
});

/** Types, where the sub-type is a general one: the reply knows better. */
const TYPES = categoriesOf({ Permanent: 10, Transient: 20 });

/** Whether SES did not send the message, because of what it knows of the recipient. */
export const isSuppression = (subType: string | null): boolean => SUPPRESSED.has(subType ?? '');

/**
 * What a bounce of SES means by its type and sub-type; Resend has the same words. A bounce is final, a transient one
 * too: SES had retried until then.
 */
export function sesBounce(
  type: string | null,
  subType: string | null,
  reply: Partial<Cause>,
): { readonly meaning: Meaning; readonly cause: Cause | null } {
  const bySubType = { ...reply, category: subType, categories: SUB_TYPES };
  if (isSuppression(subType))
    return {
      meaning: 'not-relayed',
      cause: causeOf({ ...bySubType, text: suppressedText(reply.text ?? subType) }),
    };
  if (subType === 'CustomTimeoutExceeded')
    return { meaning: 'expired', cause: expiryCause(reply.text ?? null) };
  const meaning = type === 'Transient' ? 'given-up' : 'refused';
  if (SUB_TYPES.has(subType?.toLowerCase() ?? '')) return { meaning, cause: causeOf(bySubType) };
  return { meaning, cause: byCategoryLast(causeOf({ ...reply, category: type, categories: TYPES })) };
}
