import { type Cause, categoriesOf, causeOf } from '../classify';
import { type Meaning, mtaEvent, type Reading, unknownEvent } from '../event';
import type { ReaderSettings } from '../format';
import { at, field, isObject, type Json, type JsonObject, list, parseJson, text, whole } from '../json';
import { firstTime, timeOf } from '../time';
import { idsIn, webhook } from '../webhook';

/** `send` says that the message has left the queue, `delivered` that the receiving server has taken it. */
const MEANINGS: ReadonlyMap<string, Meaning> = new Map([
  ['send', 'accepted'],
  ['delivered', 'delivered'],
  ['deferral', 'deferred'],
  ['hard_bounce', 'refused'],
  ['soft_bounce', 'refused'],
  ['reject', 'not-relayed'],
  ['spam', 'complained'],
]);

/** Engagement, inbound mail, and changes of the lists, which have a `type` instead of an `event`. */
const IGNORED: ReadonlySet<string> = new Set([
  ...['open', 'click', 'unsub', 'inbound', 'whitelist', 'blacklist', 'allowlist', 'denylist'],
]);

const CATEGORIES = categoriesOf({ bad_mailbox: 10, invalid_domain: 21, mailbox_full: 22 });

/** Reasons of a rejection that are entries of the account's list of rejected addresses. */
const SUPPRESSIONS: ReadonlySet<string> = new Set(['hard-bounce', 'soft-bounce', 'spam', 'unsub', 'custom']);

function rejectionText(msg: Json | undefined): string | null {
  const reason = text(at(msg, 'reject', 'reason')) ?? text(field(msg, 'reject'));
  return reason !== null && SUPPRESSIONS.has(reason) ? `suppressed: ${reason}` : reason;
}

const deferrals = (msg: Json | undefined): Json[] =>
  list(field(msg, 'smtp_events')).filter((each) => text(field(each, 'type')) === 'deferred');

function causeIn(msg: Json | undefined, meaning: Meaning): Cause | null {
  switch (meaning) {
    case 'deferred':
    case 'refused':
      return causeOf({
        number: whole(field(msg, 'bgtools_code')),
        category: text(field(msg, 'bounce_description')),
        categories: CATEGORIES,
        text: text(field(msg, 'diag')) ?? text(field(deferrals(msg).at(-1), 'diag')),
      });
    case 'not-relayed':
      return causeOf({ text: rejectionText(msg) });
    default:
      return null;
  }
}

function readEvent(event: JsonObject, word: string, meaning: Meaning, { zone }: ReaderSettings): Reading {
  const msg = field(event, 'msg');
  const id = text(field(msg, '_id')) ?? text(event['_id']);
  const former = deferrals(msg).length;
  const time = text(event['ts']) ?? text(field(msg, 'ts'));
  return mtaEvent({
    event: word,
    meaning,
    fields: event,
    // The id of an event is that of its message.
    eventId: id === null || time === null ? null : `${word}:${id}:${time}`,
    nativeId: id,
    recipient: text(field(msg, 'email')),
    occurredAt: firstTime(zone, event['ts'], field(msg, 'ts')),
    relayedAt: timeOf(field(msg, 'ts'), zone),
    attempt: meaning === 'deferred' ? former : former + 1,
    cause: causeIn(msg, meaning),
  });
}

/** The events in the form field; the body itself where the field is not JSON, which `read` rejects. */
function eventsOf(body: Json): readonly Json[] {
  const events = field(body, 'mandrill_events');
  if (typeof events !== 'string') return list(events ?? body);
  try {
    return list(parseJson(events));
  } catch {
    return [body];
  }
}

/** Webhooks of Mandrill (Mailchimp Transactional): the form field `mandrill_events`, or its JSON array by itself. */
export const mandrill = webhook({
  name: 'mandrill',
  identity: idsIn('msg.metadata'),
  events: eventsOf,
  read(event, settings) {
    if (!isObject(event)) return [{ rejected: 'not-parsable', detail: 'an event is no object' }];
    if (Object.hasOwn(event, 'mandrill_events'))
      return [{ rejected: 'not-parsable', detail: 'mandrill_events is not JSON' }];
    const word = text(event['event']) ?? text(event['type']);
    if (word !== null && IGNORED.has(word)) return [{ ignored: word }];
    const meaning = MEANINGS.get(word ?? '');
    return [
      word === null || meaning === undefined ? unknownEvent(word) : readEvent(event, word, meaning, settings),
    ];
  },
});
