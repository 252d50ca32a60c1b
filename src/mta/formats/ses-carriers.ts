import type { Reading } from '../event';
import { at, field, isObject, type Json, list, text } from '../json';
import { unquoted } from '../webhook';

/** An event of SES, and the time that what carried it states. */
export interface Carried {
  readonly event: Json;
  readonly carriedAt: Json | undefined;
}

/** Carriers inside of each other: an SQS message that holds an SNS notification that holds the event. */
const CARRIERS_MAX = 4;
const CONFIRMATIONS: ReadonlySet<string> = new Set(['SubscriptionConfirmation', 'UnsubscribeConfirmation']);
/** What SES publishes to a topic when an event destination is created. */
const GREETING = /^\s*Successfully validated SNS topic/u;

/** Events of EventBridge by their detail type, for a detail that does not state its type. */
const DETAIL_TYPES: ReadonlyMap<string, string> = new Map([
  ['Email Sent', 'Send'],
  ['Email Delivered', 'Delivery'],
  ['Email Delivery Delayed', 'DeliveryDelay'],
  ['Email Bounced', 'Bounce'],
  ['Email Complaint Received', 'Complaint'],
  ['Email Rejected', 'Reject'],
  ['Email Rendering Failed', 'Rendering Failure'],
  ['Email Opened', 'Open'],
  ['Email Clicked', 'Click'],
  ['Email Subscribed', 'Subscription'],
]);

/** The lines of a record of Firehose, which its HTTP destination writes in base64; the record itself where it has no data. */
function linesOf(record: Json): readonly Json[] {
  const data = field(record, 'data');
  if (typeof data !== 'string') return [record];
  const lines = Buffer.from(data, 'base64').toString('utf8').split('\n');
  return lines.filter((line) => line.trim() !== '');
}

/** The messages of a request's body: SQS, Lambda and Firehose give several in one object. */
export function messagesOf(body: Json): readonly Json[] {
  const records = field(body, 'records');
  if (Array.isArray(records)) return list(records).flatMap(linesOf);
  const several = field(body, 'Records') ?? field(body, 'Messages');
  return Array.isArray(several) ? list(several) : list(body);
}

function ofEventBridge(event: Json, detail: Json): Json {
  if (!isObject(detail) || field(detail, 'eventType') !== undefined) return detail;
  const eventType = DETAIL_TYPES.get(text(field(event, 'detail-type')) ?? '');
  return eventType === undefined ? detail : { ...detail, eventType };
}

/** What a carrier holds; undefined where the value is no carrier. */
function contentOf(value: Json): Json | undefined {
  const detail = field(value, 'detail');
  if (field(value, 'detail-type') !== undefined && detail !== undefined) return ofEventBridge(value, detail);
  const { Message, Sns, Body, body } = isObject(value) ? value : {};
  return [Message, Sns, Body, body].find((each) => typeof each === 'string' || isObject(each));
}

function ofText(value: string): Reading {
  if (GREETING.test(value)) return { ignored: 'greeting' };
  return { rejected: 'not-parsable', detail: 'the message is no JSON' };
}

/**
 * The event of SES inside of a notification of SNS (its message is a text), a message of SQS, a record of Lambda, or an
 * event of EventBridge; the event itself where nothing carries it. A reading where there is no event.
 */
export function carriedIn(message: Json): Carried | Reading {
  let value = message;
  let carriedAt: Json | undefined;
  for (let depth = 0; depth <= CARRIERS_MAX; depth += 1) {
    value = unquoted(value);
    if (typeof value === 'string') return ofText(value);
    const type = text(field(value, 'Type')) ?? '';
    if (CONFIRMATIONS.has(type)) return { ignored: type };
    if (field(value, 'eventType') !== undefined || field(value, 'notificationType') !== undefined) break;
    const content = contentOf(value);
    if (content === undefined) break;
    carriedAt = at(value, 'Timestamp') ?? at(value, 'time') ?? carriedAt;
    value = content;
  }
  return { event: value, carriedAt };
}
