import { causeOf, type Cause } from '../classify';
import { type Meaning, type MtaEvent, mtaEvent, type Reading, unknownEvent } from '../event';
import { expiryCause } from '../expiry';
import type { ReaderSettings } from '../format';
import { at, field, isObject, type Json, list, number, text, whole } from '../json';
import { timeOf } from '../time';
import {
  headersOf,
  readingsOf,
  suppressedText,
  texts,
  unquoted,
  unquotedIn,
  webhook,
  wordsOf,
} from '../webhook';

const WORDS = wordsOf({
  accepted: 'accepted',
  delivered: 'delivered',
  failed: 'refused',
  rejected: 'not-relayed',
  complained: 'complained',
  // Of legacy posts; `dropped` also where the retries are over.
  bounced: 'refused',
  dropped: 'not-relayed',
  opened: null,
  clicked: null,
  unsubscribed: null,
  stored: null,
  list_member_uploaded: null,
  list_member_upload_error: null,
  list_uploaded: null,
});

/** Codes of Mailgun's own for a message that was not sent: the recipient has bounced, unsubscribed or complained before. */
const SUPPRESSED_CODES: ReadonlySet<number> = new Set([605, 606, 607]);
/** Codes from here on are Mailgun's own, not the receiving server's. */
const OWN_CODES = 600;

type Outcome = Pick<MtaEvent, 'meaning' | 'cause'>;

/** Why the message failed: in `delivery-status`, or among the fields of a legacy post. */
function causeIn(event: Json): Cause {
  const status = field(event, 'delivery-status');
  const { error, description, reject } = isObject(event) ? event : {};
  const code = whole(field(status, 'code')) ?? whole(field(event, 'code'));
  const said = [field(status, 'message'), field(status, 'description'), error, description];
  return causeOf({
    text: [...said, field(reject, 'reason'), field(reject, 'description')].map(text).find(Boolean) ?? null,
    enhancedStatus: text(field(status, 'enhanced-code')),
    smtpCode: code !== null && code < OWN_CODES ? code : null,
  });
}

function suppressedFor(reason: string, { text: why }: Cause): Outcome {
  const told = [reason, why].filter((each) => each !== null).join(', ');
  return { meaning: 'not-relayed', cause: causeOf({ text: suppressedText(told) }) };
}

const isSuppression = (event: Json, reason: string): boolean =>
  reason.startsWith('suppress-') || SUPPRESSED_CODES.has(whole(field(event, 'code')) ?? 0);

/** A failure that is final, whatever its word. */
function failureOf(meaning: Meaning, event: Json): Outcome {
  const reason = text(field(event, 'reason')) ?? '';
  const cause = causeIn(event);
  if (isSuppression(event, reason)) return suppressedFor(reason, cause);
  if (reason === 'old') return { meaning: 'expired', cause: expiryCause(cause.text) };
  return { meaning, cause };
}

/** Null for a failure that does not state whether it is final. */
function outcomeOf(meaning: Meaning, word: string, event: Json): Outcome | null {
  if (meaning !== 'refused' && meaning !== 'not-relayed') return { meaning, cause: null };
  const severity = field(event, 'severity');
  if (word !== 'failed' || severity === 'permanent') return failureOf(meaning, event);
  return severity === 'temporary' ? { meaning: 'deferred', cause: causeIn(event) } : null;
}

/** The id of an event is unique within a day, so its time belongs to it. */
function eventIdOf(event: Json): string | null {
  const id = text(field(event, 'id'));
  return id === null ? null : `${id}/${text(field(event, 'timestamp')) ?? ''}`;
}

function read(event: Json, { zone }: ReaderSettings): readonly Reading[] {
  return readingsOf(event, field(event, 'event'), WORDS, (meaning, word) => {
    const outcome = outcomeOf(meaning, word, event);
    if (outcome === null) return [unknownEvent(`${word}, severity ${text(field(event, 'severity')) ?? ''}`)];
    const headers = headersOf(at(event, 'message', 'headers') ?? unquoted(field(event, 'message-headers')));
    const messageId = text(field(event, 'Message-Id')) ?? headers.get('message-id') ?? null;
    return [
      mtaEvent({
        ...outcome,
        event: word,
        fields: event,
        eventId: eventIdOf(event),
        nativeId: messageId,
        nativeIdIsShared: true,
        recipient: text(field(event, 'recipient')),
        occurredAt: timeOf(field(event, 'timestamp'), zone),
        attempt: number(at(event, 'delivery-status', 'attempt-no')) ?? 1,
        envelope: texts(at(event, 'envelope', 'sender')),
        messageIdHeader: messageId,
        headers,
      }),
    ];
  });
}

/** The event of a post, `{signature, event-data}`, also as form fields; a legacy form, and an event of the API, as it is. */
function eventIn(post: Json): Json {
  const data = unquoted(field(post, 'event-data'));
  const event = data === null ? post : data;
  return isObject(event)
    ? unquotedIn(event, 'user-variables', 'delivery-status', 'message', 'envelope')
    : event;
}

/** Mailgun: webhooks as JSON, legacy webhooks as forms, and pages of the Events API. */
export const mailgun = webhook({
  name: 'mailgun',
  identity: {
    deliveryId: ['user-variables.deliveryId', 'user-variables.delivery_id', 'deliveryId', 'delivery_id'],
    messageId: ['user-variables.messageId', 'user-variables.message_id', 'messageId', 'message_id'],
  },
  events: (body) => list(field(body, 'items') ?? body).map(eventIn),
  read,
});
