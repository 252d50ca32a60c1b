import { type Cause, causeOf } from '../classify';
import { type Meaning, type MtaEvent, mtaEvent } from '../event';
import { field, type Json, text } from '../json';
import { firstTime, timeOf } from '../time';
import { readingsOf, suppressedText, webhook, wordsOf } from '../webhook';

const WORDS = wordsOf({
  MessageSent: 'delivered',
  MessageDelayed: 'deferred',
  MessageDeliveryFailed: 'refused',
  MessageHeld: 'accepted',
  MessageBounced: 'bounced',
  // Statuses of a payload whose event is not named.
  Sent: 'delivered',
  SoftFail: 'deferred',
  HardFail: 'refused',
  Held: 'accepted',
  MessageLinkClicked: null,
  MessageLoaded: null,
  DomainDNSError: null,
  SendLimitApproaching: null,
  SendLimitExceeded: null,
});

/** The reply of the receiving server, else Postal's own sentence. */
const replyIn = (payload: Json | undefined): string | null =>
  text(field(payload, 'output')) ?? text(field(payload, 'details'));

/** Postal ends its retries by their number, and says so behind the sentence on the last one. */
const RETRIES_ENDED = /maximum number of delivery attempts .{0,40}reached/iu;

function outcomeOf(meaning: Meaning, payload: Json | undefined): Pick<MtaEvent, 'meaning' | 'cause'> {
  const cause = (): Cause => causeOf({ text: replyIn(payload) });
  switch (meaning) {
    case 'delivered':
      return { meaning, cause: null };
    case 'accepted': {
      // A message is held for a suppressed recipient, too.
      const details = text(field(payload, 'details')) ?? '';
      if (!/suppression list/iu.test(details.slice(0, 1_024))) return { meaning, cause: null };
      return { meaning: 'not-relayed', cause: causeOf({ text: suppressedText(details) }) };
    }
    case 'bounced':
      // Postal does not read the bounce's reason.
      return { meaning, cause: causeOf({}) };
    case 'refused':
      return RETRIES_ENDED.test(text(field(payload, 'details'))?.slice(0, 1_024) ?? '')
        ? { meaning: 'given-up', cause: causeOf({ text: text(field(payload, 'output')) }) }
        : { meaning, cause: cause() };
    default:
      return { meaning, cause: cause() };
  }
}

/** Postal's webhooks: one event a request, about one recipient. */
export const postal = webhook({
  name: 'postal',
  identity: { deliveryId: ['payload.message.tag', 'payload.original_message.tag'], messageId: [] },
  read(event, { zone }) {
    const payload = field(event, 'payload');
    const word = field(event, 'event') ?? field(payload, 'status');
    return readingsOf(event, word, WORDS, (meaning, name) => {
      const message = field(payload, 'original_message') ?? field(payload, 'message');
      return [
        mtaEvent({
          ...outcomeOf(meaning, payload),
          event: name,
          fields: event,
          eventId: text(field(event, 'uuid')),
          nativeId: text(field(message, 'token')) ?? text(field(message, 'id')),
          recipient: text(field(message, 'to')),
          occurredAt: firstTime(zone, field(payload, 'timestamp'), field(event, 'timestamp')),
          relayedAt: timeOf(field(message, 'timestamp'), zone),
          messageIdHeader: text(field(message, 'message_id')),
        }),
      ];
    });
  },
});
