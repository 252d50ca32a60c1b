import { categoriesOf, causeOf, type Cause } from '../classify';
import { type Meaning, type MtaEvent, mtaEvent } from '../event';
import { expiryCause } from '../expiry';
import { field, type Json, number, text } from '../json';
import { timeOf } from '../time';
import { byCategoryLast, readingsOf, suppressedText, webhook, wordsOf } from '../webhook';

const WORDS = wordsOf({
  processed: 'accepted',
  delivered: 'delivered',
  deferred: 'deferred',
  bounce: 'refused',
  dropped: 'not-relayed',
  spamreport: 'complained',
  open: null,
  click: null,
  unsubscribe: null,
  group_unsubscribe: null,
  group_resubscribe: null,
  account_status_change: null,
});

/** `bounce_classification`; `Unclassified` says nothing. */
const CLASSIFICATIONS = categoriesOf({
  'Invalid Address': 10,
  Content: 52,
  Reputation: 51,
  'Frequency or Volume Too High': 50,
  'Technical Failure': 20,
});
/** A mailbox may be unavailable since it is full: the reply tells. */
const VAGUE_CLASSIFICATIONS = categoriesOf({ 'Mailbox Unavailable': 10 });
const DROPS = categoriesOf({ Invalid: 10 });
const SUPPRESSIONS: ReadonlySet<string> = new Set([
  'bounced address',
  'unsubscribed address',
  'spam reporting address',
]);

function replyOf(event: Json): Cause {
  const category = text(field(event, 'bounce_classification'));
  const isVague = VAGUE_CLASSIFICATIONS.has(category?.toLowerCase() ?? '');
  const cause = causeOf({
    category,
    categories: isVague ? VAGUE_CLASSIFICATIONS : CLASSIFICATIONS,
    text: text(field(event, 'reason')) ?? text(field(event, 'response')),
    enhancedStatus: text(field(event, 'status')),
  });
  return isVague ? byCategoryLast(cause) : cause;
}

function dropOf(event: Json): Cause {
  const reason = text(field(event, 'reason'));
  const isSuppressed = SUPPRESSIONS.has(reason?.toLowerCase() ?? '');
  return causeOf({
    category: reason,
    categories: DROPS,
    text: isSuppressed ? suppressedText(reason) : reason,
  });
}

function outcomeOf(meaning: Meaning, event: Json): Pick<MtaEvent, 'meaning' | 'cause'> {
  switch (meaning) {
    case 'deferred':
      return { meaning, cause: replyOf(event) };
    case 'refused':
      // `blocked` is a refusal too; `expired` ends the retries of up to 72 hours.
      return field(event, 'type') === 'expired'
        ? { meaning: 'expired', cause: expiryCause(text(field(event, 'reason'))) }
        : { meaning, cause: replyOf(event) };
    case 'not-relayed':
      return { meaning, cause: dropOf(event) };
    default:
      return { meaning, cause: null };
  }
}

/** The id that the API returned as `X-Message-Id`: what stands before the first dot of `sg_message_id`. */
const messageIdOf = (event: Json): string | null =>
  text(field(event, 'sg_message_id'))?.split('.', 1)[0] ?? null;

/** SendGrid's event webhook: an array of events, each with the unique arguments of its message among its own fields. */
export const sendgrid = webhook({
  name: 'sendgrid',
  identity: { deliveryId: ['deliveryId', 'delivery_id'], messageId: ['messageId', 'message_id'] },
  read: (event, { zone }) =>
    readingsOf(event, field(event, 'event'), WORDS, (meaning, word) => [
      mtaEvent({
        ...outcomeOf(meaning, event),
        event: word,
        fields: event,
        eventId: text(field(event, 'sg_event_id')),
        nativeId: messageIdOf(event),
        nativeIdIsShared: true,
        recipient: text(field(event, 'email')),
        occurredAt: timeOf(field(event, 'timestamp'), zone),
        attempt: number(field(event, 'attempt')) ?? 1,
        messageIdHeader: text(field(event, 'smtp-id')),
      }),
    ]),
});
