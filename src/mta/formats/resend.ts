import { causeOf } from '../classify';
import { type Meaning, type MtaEvent, mtaEvent } from '../event';
import { at, field, isObject, type Json, text } from '../json';
import { timeOf } from '../time';
import {
  headersOf,
  idsIn,
  namedValues,
  readingsOf,
  recipientsOf,
  suppressedText,
  texts,
  webhook,
  wordsOf,
} from '../webhook';
import { sesBounce } from './ses-bounce';

const WORDS = wordsOf({
  'email.sent': 'accepted',
  'email.delivered': 'delivered',
  'email.delivery_delayed': 'deferred',
  'email.bounced': 'refused',
  'email.failed': 'not-relayed',
  'email.suppressed': 'not-relayed',
  'email.complained': 'complained',
  'email.opened': null,
  'email.clicked': null,
  'email.scheduled': null,
  'email.received': null,
  'contact.created': null,
  'contact.updated': null,
  'contact.deleted': null,
  'domain.created': null,
  'domain.updated': null,
  'domain.deleted': null,
});

type Outcome = Pick<MtaEvent, 'meaning' | 'cause'>;

/** What the receiving server answered, else Resend's own sentence. */
const replyIn = (facts: Json | undefined): string | null =>
  texts(field(facts, 'diagnosticCode'))[0] ?? text(field(facts, 'message')) ?? text(field(facts, 'reason'));

function outcomeOf(meaning: Meaning, word: string, data: Json | undefined): Outcome {
  switch (word) {
    case 'email.bounced': {
      const bounce = field(data, 'bounce');
      return sesBounce(text(field(bounce, 'type')), text(field(bounce, 'subType')), {
        text: replyIn(bounce),
      });
    }
    case 'email.delivery_delayed':
      return { meaning, cause: causeOf({ text: replyIn(field(data, 'delay')) }) };
    case 'email.failed':
      return { meaning, cause: causeOf({ text: replyIn(field(data, 'failed')) }) };
    case 'email.suppressed':
      return { meaning, cause: causeOf({ text: suppressedText(replyIn(field(data, 'suppressed'))) }) };
    default:
      return { meaning, cause: null };
  }
}

/** The event with its tags as an object: Resend writes them so, or as a list of `{name, value}`. */
function withTags(event: Json): Json {
  const data = field(event, 'data');
  const tags = field(data, 'tags');
  if (!isObject(event) || !isObject(data) || !Array.isArray(tags)) return event;
  return { ...event, data: { ...data, tags: namedValues(tags) } };
}

/** Resend's webhooks: one event a request, which may concern several recipients and does not say which. */
export const resend = webhook({
  name: 'resend',
  identity: idsIn('data.tags', 'data.broadcast_id'),
  read: (event, { zone }) =>
    readingsOf(event, field(event, 'type'), WORDS, (meaning, word) => {
      const data = field(event, 'data');
      const headers = headersOf(field(data, 'headers'));
      const shared = {
        ...outcomeOf(meaning, word, data),
        event: word,
        fields: withTags(event),
        nativeId: text(field(data, 'email_id')),
        nativeIdIsShared: true,
        occurredAt: timeOf(field(event, 'created_at'), zone),
        messageIdHeader: text(field(data, 'message_id')) ?? headers.get('message-id') ?? null,
        headers,
      };
      return recipientsOf(texts(at(data, 'to'))).map((recipient) => mtaEvent({ ...shared, recipient }));
    }),
});
