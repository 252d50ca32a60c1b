import { type Cause, causeOf } from '../classify';
import { type Meaning, mtaEvent, type Reading, unknownEvent } from '../event';
import { expiryCause } from '../expiry';
import type { ReaderSettings } from '../format';
import { field, isObject, type Json, type JsonObject, number, text, whole } from '../json';
import { timeOf } from '../time';
import { idsIn, webhook } from '../webhook';

/** The meaning of each type that concerns a message; `inband` and `reception` are the words of Signals. */
const MEANINGS: ReadonlyMap<string, Meaning> = new Map([
  ['injection', 'accepted'],
  ['reception', 'accepted'],
  ['delivery', 'delivered'],
  ['delay', 'deferred'],
  ['bounce', 'refused'],
  ['inband', 'refused'],
  ['out_of_band', 'bounced'],
  ['policy_rejection', 'not-relayed'],
  ['generation_failure', 'not-relayed'],
  ['generation_rejection', 'not-relayed'],
  ['spam_complaint', 'complained'],
]);

/** Types of engagement, of inbound relays, of A/B tests and of the ingest API. */
const IGNORED: ReadonlySet<string> = new Set([
  ...['open', 'initial_open', 'click', 'amp_open', 'amp_initial_open', 'amp_click'],
  ...['list_unsubscribe', 'link_unsubscribe', 'sms_status'],
  ...['relay_injection', 'relay_rejection', 'relay_delivery', 'relay_tempfail', 'relay_permfail'],
  ...['ab_test_completed', 'ab_test_cancelled', 'ingest_success', 'ingest_error'],
]);
const IGNORED_WRAPPERS: ReadonlySet<string> = new Set(['ingest_event', 'relay_event', 'ab_test_event']);

/** The MTA's own reply where it ends the retries because of time; the class is that of the last deferral. */
const EXPIRED = /5\.4\.7 \[internal\]|exceeded max time|message timeout/iu;

const TEXT_MAX = 2_048;
const NO_FIELDS: JsonObject = {};

function meaningOf(type: string, reply: string | null): Meaning | undefined {
  const meaning = MEANINGS.get(type);
  return meaning === 'refused' && EXPIRED.test(reply?.slice(0, TEXT_MAX) ?? '') ? 'expired' : meaning;
}

function causeIn(event: JsonObject, meaning: Meaning, reply: string | null): Cause | null {
  if (meaning === 'accepted' || meaning === 'delivered' || meaning === 'complained') return null;
  const bounceClass = whole(event['bounce_class']);
  if (meaning === 'expired' && bounceClass === null) return expiryCause(reply);
  return causeOf({ number: bounceClass, text: reply, smtpCode: whole(event['error_code']) });
}

/** When the message was injected: stated, or the event's time without the time in the queue, which is in milliseconds. */
function relayedAt(event: JsonObject, occurredAt: number | null, zone: string): number | null {
  const stated = timeOf(event['injection_time'], zone);
  const queued = number(event['queue_time']);
  if (stated !== null || occurredAt === null || queued === null || queued < 0) return stated;
  return timeOf(occurredAt - queued, zone);
}

function readEvent(event: JsonObject, { zone }: ReaderSettings): Reading {
  const type = text(event['type']);
  if (type === null || IGNORED.has(type)) return type === null ? unknownEvent(type) : { ignored: type };
  const reply = text(event['raw_reason']) ?? text(event['reason']);
  const meaning = meaningOf(type, reply);
  if (meaning === undefined) return unknownEvent(type);
  const occurredAt = timeOf(event['timestamp'], zone);
  const sender = text(event['msg_from']);
  return mtaEvent({
    event: type,
    meaning,
    fields: event,
    eventId: text(event['event_id']),
    nativeId: text(event['message_id']),
    recipient: text(event['rcpt_to']) ?? text(event['raw_rcpt_to']) ?? text(event['routing_domain']),
    occurredAt,
    relayedAt: relayedAt(event, occurredAt, zone),
    attempt: (whole(event['num_retries']) ?? 0) + 1,
    cause: causeIn(event, meaning, reply),
    envelope: sender === null ? [] : [sender],
    feedbackType: meaning === 'complained' ? text(event['fbtype']) : null,
  });
}

function readWrapped(wrapper: string, value: Json, settings: ReaderSettings): Reading {
  const event = isObject(value) ? value : NO_FIELDS;
  if (IGNORED_WRAPPERS.has(wrapper))
    return { ignored: IGNORED.has(text(event['type']) ?? '') ? String(event['type']) : wrapper };
  return readEvent(event, settings);
}

/**
 * Webhooks of SparkPost and of Momentum 4 and later: an array of `{"msys": {"message_event": {…}}}`, also one such object,
 * and the lines of Signals. `{"msys": {}}` is the ping of a new webhook.
 */
export const sparkpost = webhook({
  name: 'sparkpost',
  identity: idsIn('rcpt_meta', 'campaign_id', 'transmission_id'),
  read(event, settings) {
    if (!isObject(event)) return [{ rejected: 'not-parsable', detail: 'an event is no object' }];
    const envelope = field(event, 'msys');
    if (envelope === undefined) return [readEvent(event, settings)];
    if (!isObject(envelope)) return [{ rejected: 'not-parsable', detail: 'msys is no object' }];
    const wrapped = Object.entries(envelope);
    if (wrapped.length === 0) return [{ ignored: 'ping' }];
    return wrapped.map(([wrapper, value]) => readWrapped(wrapper, value, settings));
  },
});
