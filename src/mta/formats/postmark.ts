import { categoriesOf, type Cause, causeOf } from '../classify';
import { type Meaning, type MtaEvent, mtaEvent, type Reading } from '../event';
import { field, type Json, text } from '../json';
import { firstTime } from '../time';
import { byCategoryLast, idsIn, readingsOf, suppressedText, webhook, wordsOf } from '../webhook';

/** Record types; a bounce states its kind in `Type`. */
const WORDS = wordsOf({
  Delivery: 'delivered',
  SpamComplaint: 'complained',
  Open: null,
  Click: null,
  SubscriptionChange: null,
});

/** Types of bounces. `AutoResponder` and others like it are mails that came back, and no failures. */
const BOUNCES = wordsOf({
  Transient: 'deferred',
  DnsError: 'deferred',
  HardBounce: 'refused',
  SoftBounce: 'refused',
  SpamNotification: 'refused',
  Unknown: 'refused',
  VirusNotification: 'refused',
  BadEmailAddress: 'refused',
  Blocked: 'refused',
  DMARCPolicy: 'refused',
  ManuallyDeactivated: 'not-relayed',
  SMTPApiError: 'not-relayed',
  InboundError: 'not-relayed',
  TemplateRenderingFailed: 'not-relayed',
  SpamComplaint: 'complained',
  AutoResponder: null,
  AddressChange: null,
  ChallengeVerification: null,
  OpenRelayTest: null,
  Subscribe: null,
  Unsubscribe: null,
});

const TYPES = categoriesOf({
  Transient: 20,
  DnsError: 21,
  HardBounce: 10,
  SpamNotification: 52,
  VirusNotification: 53,
  BadEmailAddress: 10,
  Blocked: 51,
  DMARCPolicy: 50,
  ManuallyDeactivated: 25,
});
/** Full mailboxes, disabled accounts and more: the reply tells. */
const VAGUE_TYPES = categoriesOf({ SoftBounce: 20 });

function causeOfBounce(event: Json, type: string): Cause {
  const told = text(field(event, 'Details')) ?? text(field(event, 'Description'));
  const isVague = VAGUE_TYPES.has(type.toLowerCase());
  const cause = causeOf({
    category: type,
    categories: isVague ? VAGUE_TYPES : TYPES,
    text: type === 'ManuallyDeactivated' ? suppressedText(told) : told,
  });
  return isVague ? byCategoryLast(cause) : cause;
}

function reading(event: Json, zone: string, outcome: Pick<MtaEvent, 'event' | 'meaning' | 'cause'>): Reading {
  return mtaEvent({
    ...outcome,
    fields: event,
    eventId: text(field(event, 'ID')),
    nativeId: text(field(event, 'MessageID')),
    nativeIdIsShared: true,
    recipient: text(field(event, 'Email')) ?? text(field(event, 'Recipient')),
    occurredAt: firstTime(zone, field(event, 'BouncedAt'), field(event, 'DeliveredAt')),
  });
}

/** Postmark's webhooks: one event a request. */
export const postmark = webhook({
  name: 'postmark',
  identity: idsIn('Metadata', 'Tag'),
  read(event, { zone }) {
    const make = (meaning: Meaning, word: string): readonly Reading[] => {
      const isFailure = meaning !== 'delivered' && meaning !== 'complained';
      return [
        reading(event, zone, { event: word, meaning, cause: isFailure ? causeOfBounce(event, word) : null }),
      ];
    };
    return field(event, 'RecordType') === 'Bounce'
      ? readingsOf(event, field(event, 'Type'), BOUNCES, make)
      : readingsOf(event, field(event, 'RecordType'), WORDS, make);
  },
});
