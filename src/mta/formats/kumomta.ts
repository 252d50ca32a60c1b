import { type Cause, categoriesOf, causeOf } from '../classify';
import { type Meaning, mtaEvent, type Reading, unknownEvent } from '../event';
import type { JsonFormat, ReaderSettings } from '../format';
import { at, field, isObject, type Json, type JsonObject, list, text, whole } from '../json';
import { headersIn } from '../mail';
import { firstTime } from '../time';

/** Records about a message; the type decides, whatever the class says. */
const MEANINGS: ReadonlyMap<string, Meaning> = new Map([
  ['Reception', 'accepted'],
  ['Delivery', 'delivered'],
  ['TransientFailure', 'deferred'],
  ['Bounce', 'refused'],
  ['Expiration', 'expired'],
  ['AdminBounce', 'given-up'],
  ['OOB', 'bounced'],
  ['Feedback', 'complained'],
]);

const IGNORED: ReadonlySet<string> = new Set([
  ...['Rejection', 'Delay', 'Delayed', 'AdminRebind', 'DeferredInjectionRebind', 'XferOut', 'XferIn'],
]);

/** `num_attempts` of these counts the attempts before this one. */
const COUNTS_FORMER: ReadonlySet<string> = new Set(['Delivery', 'TransientFailure', 'Bounce']);

/** The predefined bounce classes, and an operator's `AdminBounce`. `Uncategorized` has no row: the response decides. */
const CATEGORIES = categoriesOf({
  ...{ InvalidRecipient: 10, InactiveMailbox: 10, BadDomain: 21, DNSFailure: 21, QuotaIssues: 22 },
  ...{ SpamBlock: 51, SpamRelated: 51, SpamContent: 52, ContentRelated: 52, VirusRelated: 53 },
  ...{ ProhibitedAttachment: 53, PolicyRelated: 50, AuthenticationFailed: 50, InvalidSender: 50 },
  ...{ BadConfiguration: 50, RelayDenied: 54, RelayingIssues: 54, BadConnection: 20, NoAnswerFromHost: 20 },
  ...{
    TooManyRecipients: 20,
    RoutingErrors: 21,
    MessageExpired: 24,
    TransientFailure: 70,
    ProtocolErrors: 40,
  },
  ...{ AutoReply: 60, Subscribe: 80, Unsubscribe: 90, ChallengeResponse: 100, AdminBounce: 25 },
});

const QUEUE_MAX = 512;
const ORIGINAL_MAX = 65_536;

function enhancedStatus(response: Json | undefined): string | null {
  const code = field(response, 'enhanced_code');
  const digits = ['class', 'subject', 'detail'].map((name) => whole(field(code, name)));
  return digits.includes(null) ? null : digits.join('.');
}

function causeIn(record: JsonObject, type: string): Cause | null {
  const response = field(record, 'response');
  switch (MEANINGS.get(type)) {
    case 'deferred':
    case 'refused':
    case 'given-up':
    case 'bounced':
      return causeOf({
        category: type === 'AdminBounce' ? type : text(record['bounce_classification']),
        categories: CATEGORIES,
        text: text(field(response, 'content')),
        smtpCode: whole(field(response, 'code')),
        enhancedStatus: enhancedStatus(response),
        command: text(field(response, 'command'))?.trim().split(' ', 1)[0] ?? null,
      });
    // The last deferral tells why a message has expired.
    default:
      return null;
  }
}

/** `spring` of the queue `spring:acme@example.net`. */
function campaignOf(queue: string | null): string | null {
  const name = queue?.slice(0, QUEUE_MAX) ?? '';
  const end = name.indexOf(':');
  return end > 0 && !name.slice(0, end).includes('@') ? name.slice(0, end) : null;
}

function loggedHeaders(record: JsonObject): ReadonlyMap<string, string> {
  const headers = field(record, 'headers');
  if (!isObject(headers)) return new Map();
  return new Map(
    Object.entries(headers).flatMap(([name, value]) => {
      const first = text(list(value)[0]);
      return first === null ? [] : [[name.toLowerCase(), first] as const];
    }),
  );
}

/** What the record tells of the original message, and its recipients. */
function originalOf(record: JsonObject, type: string) {
  const report = field(record, 'feedback_report');
  switch (type) {
    // Id, queue, headers and meta are those of the bounce mail; its recipient was the original's sender.
    case 'OOB':
      return { recipients: list(record['recipient']), senders: [record['sender']], fields: record };
    case 'Feedback': {
      const trace = field(report, 'supplemental_trace');
      const named = list(field(report, 'original_rcpto_to'));
      const original = text(field(report, 'original_message'))?.slice(0, ORIGINAL_MAX) ?? '';
      // Of several headers with one name the first counts.
      const headers = new Map(
        headersIn(original)
          .toReversed()
          .map(({ key, value }) => [key, value]),
      );
      return {
        recipients: named.length > 0 ? named : list(field(trace, 'recipient')),
        senders: [field(report, 'original_mail_from')],
        fields: { ...record, meta: isObject(trace) ? trace : {}, headers: Object.fromEntries(headers) },
        headers,
      };
    }
    default: {
      const campaign = campaignOf(text(record['queue']));
      return {
        recipients: list(record['recipient']),
        senders: [record['sender']],
        fields: campaign === null || 'campaign' in record ? record : { ...record, campaign },
        headers: loggedHeaders(record),
        nativeId: text(record['id']),
      };
    }
  }
}

function eventIdOf(record: JsonObject, type: string): string | null {
  const id = text(record['id']);
  const time = text(record['event_time']) ?? text(record['timestamp']);
  return id === null || time === null ? null : `${type}:${id}:${text(record['num_attempts']) ?? 0}:${time}`;
}

function readRecord(record: JsonObject, type: string, meaning: Meaning, { zone }: ReaderSettings): Reading[] {
  const { recipients, senders, ...original } = originalOf(record, type);
  const ofOriginal = 'nativeId' in original;
  const headers = original.headers ?? new Map<string, string>();
  const attempts = whole(record['num_attempts']) ?? 0;
  const event = mtaEvent({
    event: type,
    meaning,
    ...original,
    headers,
    // A batch of recipients is one message with one id.
    nativeIdIsShared: true,
    eventId: eventIdOf(record, type),
    occurredAt: firstTime(zone, record['event_time'], record['timestamp']),
    relayedAt: ofOriginal ? firstTime(zone, record['created_time'], record['created']) : null,
    attempt: COUNTS_FORMER.has(type) ? attempts + 1 : attempts,
    cause: causeIn(record, type),
    envelope: senders.flatMap((sender) => text(sender) ?? []),
    messageIdHeader: headers.get('message-id') ?? null,
    feedbackType: text(at(record, 'feedback_report', 'feedback_type')),
  });
  const named = recipients.length > 0 ? recipients.map(text) : [null];
  return named.map((recipient) => ({ ...event, recipient }));
}

/** Log records of KumoMTA: lines of its log files, and what `log_hooks` posts: one object, or an array of a batch. */
export const kumomta: JsonFormat = {
  name: 'kumomta',
  framing: 'json',
  isLog: true,
  identity: {
    deliveryId: [
      ...['meta.deliveryId', 'meta.delivery_id', 'header:X-Delivery-ID', 'header:X-Campaign-ID'],
      ...['meta.campaign', 'campaign'],
    ],
    messageId: ['meta.messageId', 'meta.message_id'],
  },
  events: list,
  read(record, settings) {
    if (!isObject(record)) return [{ rejected: 'not-parsable', detail: 'a record is no object' }];
    const type = text(record['type']);
    const meaning = MEANINGS.get(type ?? '');
    if (type === null || (meaning === undefined && !IGNORED.has(type))) return [unknownEvent(type)];
    // Messages that carry log records to a hook are not messages of a sender.
    if (meaning === undefined || record['reception_protocol'] === 'LogRecord') return [{ ignored: type }];
    return readRecord(record, type, meaning, settings);
  },
};
