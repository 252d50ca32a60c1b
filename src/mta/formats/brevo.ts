import { categoriesOf, type Cause, causeOf } from '../classify';
import { type Meaning, mtaEvent } from '../event';
import { field, isObject, type Json, text } from '../json';
import { firstTime } from '../time';
import { idsIn, readingsOf, suppressedText, unquotedIn, webhook, wordsOf } from '../webhook';

const WORDS = wordsOf({
  request: 'accepted',
  delivered: 'delivered',
  deferred: 'deferred',
  hard_bounce: 'refused',
  // Final: Brevo has ended its retries.
  soft_bounce: 'refused',
  invalid_email: 'refused',
  blocked: 'not-relayed',
  error: 'not-relayed',
  spam: 'complained',
  complaint: 'complained',
  opened: null,
  unique_opened: null,
  proxy_open: null,
  unique_proxy_open: null,
  click: null,
  unsubscribed: null,
  unsubscribe: null,
  list_addition: null,
  contact_updated: null,
  contact_deleted: null,
});

const EVENTS = categoriesOf({ invalid_email: 10, blocked: 25 });

function causeIn(event: Json, meaning: Meaning, word: string): Cause | null {
  if (meaning !== 'deferred' && meaning !== 'refused' && meaning !== 'not-relayed') return null;
  const reason = text(field(event, 'reason'));
  return causeOf({
    category: word,
    categories: EVENTS,
    text: word === 'blocked' ? suppressedText(reason) : reason,
  });
}

/** Brevo's transactional webhooks: one event, or an array of them where events are batched. */
export const brevo = webhook({
  name: 'brevo',
  identity: idsIn('X-Mailin-custom'),
  read: (event, { zone }) =>
    readingsOf(event, field(event, 'event'), WORDS, (meaning, word) => [
      mtaEvent({
        event: word,
        meaning,
        fields: isObject(event) ? unquotedIn(event, 'X-Mailin-custom') : event,
        nativeId: text(field(event, 'message-id')),
        nativeIdIsShared: true,
        recipient: text(field(event, 'email')),
        // `date` is in the zone of the account.
        occurredAt: firstTime(zone, ...['ts_epoch', 'ts_event', 'date'].map((name) => field(event, name))),
        cause: causeIn(event, meaning, word),
        messageIdHeader: text(field(event, 'message-id')),
      }),
    ]),
});
