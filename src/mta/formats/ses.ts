import { categoriesOf, type Cause, causeOf } from '../classify';
import { type Meaning, type MtaEvent, mtaEvent, type Reading } from '../event';
import type { ReaderSettings } from '../format';
import { at, field, isObject, type Json, list, text } from '../json';
import { firstTime, timeOf } from '../time';
import { headersOf, readingsOf, recipientsOf, suppressedText, texts, webhook, wordsOf } from '../webhook';
import { isSuppression, sesBounce } from './ses-bounce';
import { carriedIn, type Carried, messagesOf } from './ses-carriers';

const WORDS = wordsOf({
  Send: 'accepted',
  Delivery: 'delivered',
  DeliveryDelay: 'deferred',
  Bounce: 'refused',
  Reject: 'not-relayed',
  'Rendering Failure': 'not-relayed',
  Complaint: 'complained',
  Open: null,
  Click: null,
  Subscription: null,
  Received: null,
  AmazonSnsSubscriptionSucceeded: null,
});

/** Where an event has its own facts, and in them its recipients. Events that are not named concern the whole message. */
const PLACES: ReadonlyMap<string, readonly [facts: string, recipients: string | null]> = new Map([
  ['Delivery', ['delivery', 'recipients']],
  ['DeliveryDelay', ['deliveryDelay', 'delayedRecipients']],
  ['Bounce', ['bounce', 'bouncedRecipients']],
  ['Complaint', ['complaint', 'complainedRecipients']],
  ['Reject', ['reject', null]],
  ['Rendering Failure', ['failure', null]],
]);

const DELAYS = categoriesOf({
  MailboxFull: 22,
  RecipientServerError: 20,
  TransientCommunicationFailure: 20,
  InternalFailure: 20,
  General: 20,
  SpamDetected: 51,
  IPFailure: 50,
  SendingDeferral: 50,
  BYOIPHostNameLookupUnavailable: 21,
});

const OWN_HOSTS = /(?:^|[.;\s])amazonses\.com\.?\s*$/iu;

type Outcome = Pick<MtaEvent, 'meaning' | 'cause'>;

/** What the receiving server answered for one recipient. */
const replyOf = (recipient: Json): Partial<Cause> => ({
  text: text(field(recipient, 'diagnosticCode')),
  enhancedStatus: text(field(recipient, 'status')),
});

/** A bounce is asynchronous where the report comes from another host than those of SES. */
function bounceOf(facts: Json | undefined, recipient: Json): Outcome {
  const outcome = sesBounce(
    text(field(facts, 'bounceType')),
    text(field(facts, 'bounceSubType')),
    replyOf(recipient),
  );
  const reporter = text(field(facts, 'reportingMTA'));
  const isFinal = outcome.meaning === 'refused' || outcome.meaning === 'given-up';
  if (!isFinal || reporter === null || OWN_HOSTS.test(reporter)) return outcome;
  return { ...outcome, meaning: 'bounced' };
}

function complaintOf(facts: Json | undefined): Outcome {
  const subType = text(field(facts, 'complaintSubType'));
  if (!isSuppression(subType)) return { meaning: 'complained', cause: null };
  // SES did not send the message, since the recipient had complained of an earlier one.
  return { meaning: 'not-relayed', cause: causeOf({ text: suppressedText(subType) }) };
}

function outcomeOf(meaning: Meaning, word: string, facts: Json | undefined, recipient: Json): Outcome {
  switch (word) {
    case 'Bounce':
      return bounceOf(facts, recipient);
    case 'Complaint':
      return complaintOf(facts);
    case 'DeliveryDelay': {
      const category = text(field(facts, 'delayType'));
      return { meaning, cause: causeOf({ ...replyOf(recipient), category, categories: DELAYS }) };
    }
    case 'Reject':
      return { meaning, cause: causeOf({ text: text(field(facts, 'reason')) }) };
    case 'Rendering Failure':
      return { meaning, cause: causeOf({ text: text(field(facts, 'errorMessage')) }) };
    default:
      return { meaning, cause: null };
  }
}

/** Recipients with what the event says of each; those of the message where the event names none and only one can be meant. */
function recipientsIn(event: Json, facts: Json | undefined, place: string | null): readonly Json[] {
  const named = place === null ? [] : list(field(facts, place));
  if (named.length > 0) return named;
  const all = texts(at(event, 'mail', 'destination'));
  return recipientsOf(place === null || all.length === 1 ? all : []);
}

/** A bounce and a complaint have an id; other events are told apart by kind, message and time. */
function eventIdOf(
  word: string,
  messageId: string | null,
  facts: Json | undefined,
  occurredAt: number | null,
) {
  const id = text(field(facts, 'feedbackId'));
  if (id !== null) return id;
  return messageId === null || occurredAt === null ? null : `${word}/${messageId}/${occurredAt}`;
}

/** What the recipients of an event share. */
function sharedBy({ event, carriedAt }: Carried, word: string, facts: Json | undefined, zone: string) {
  const mail = field(event, 'mail');
  const sentAt = field(mail, 'timestamp');
  const ofMessage = word === 'Send' || word === 'Reject' || word === 'Rendering Failure';
  const occurredAt = firstTime(zone, ofMessage ? sentAt : field(facts, 'timestamp'), carriedAt);
  const messageId = text(field(mail, 'messageId'));
  const headers = headersOf(field(mail, 'headers'));
  return {
    event: word,
    fields: event,
    eventId: eventIdOf(word, messageId, facts, occurredAt),
    nativeId: messageId,
    nativeIdIsShared: true,
    occurredAt,
    relayedAt: timeOf(sentAt, zone),
    envelope: texts(field(mail, 'source')),
    messageIdHeader: text(at(mail, 'commonHeaders', 'messageId')) ?? headers.get('message-id') ?? null,
    headers,
    feedbackType: text(field(facts, 'complaintFeedbackType')),
  };
}

function readCarried(carried: Carried, { zone }: ReaderSettings): readonly Reading[] {
  const { event } = carried;
  const kind = field(event, 'eventType') ?? field(event, 'notificationType');
  return readingsOf(event, kind, WORDS, (meaning, word) => {
    const [factsName, place] = PLACES.get(word) ?? ['', null];
    const facts = field(event, factsName);
    const shared = sharedBy(carried, word, facts, zone);
    return recipientsIn(event, facts, place).map((recipient) =>
      mtaEvent({
        ...shared,
        ...outcomeOf(meaning, word, facts, recipient),
        recipient: text(isObject(recipient) ? field(recipient, 'emailAddress') : recipient),
      }),
    );
  });
}

/**
 * Amazon SES: events of a configuration set (`eventType`) and notifications of an identity (`notificationType`), by
 * whatever carries them.
 */
export const ses = webhook({
  name: 'ses',
  identity: {
    deliveryId: ['mail.tags.deliveryId', 'mail.tags.delivery'],
    messageId: ['mail.tags.messageId', 'mail.tags.message'],
  },
  events: messagesOf,
  read(message, settings) {
    const carried = carriedIn(message);
    return 'event' in carried && 'carriedAt' in carried ? readCarried(carried, settings) : [carried];
  },
});
