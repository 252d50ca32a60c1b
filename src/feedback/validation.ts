import { unreachable } from '../base/assert';
import { expiryEventId } from './inferred-expiry';
import type { Feedback } from './feedback';

const MAX_ID_LENGTH = 128;
const MAX_DOMAIN_LENGTH = 253;
const MAX_ATTEMPT = 1000;
const EARLIEST = Date.UTC(2000, 0, 1);
/** The exclusive upper bound of times. */
const LATEST = Date.UTC(2100, 0, 1);

/**
 * The name of the first invalid field, or null. Ids are 1–128 UTF-16 code units without control characters (Unicode Cc),
 * a delivery's also without a slash: ids become parts of keys and paths. Times lie in this century, so that seconds
 * written as milliseconds are detected.
 */
export function invalidField(feedback: Feedback): string | null {
  if (!isId(feedback.eventId) && !isInferred(feedback)) return 'eventId';
  if (!isId(feedback.messageId)) return 'messageId';
  if (!isId(feedback.deliveryId) || feedback.deliveryId.includes('/')) return 'deliveryId';
  if (!isTime(feedback.occurredAt)) return 'occurredAt';
  const domain = feedback.recipientDomain.length;
  if (domain === 0 || domain > MAX_DOMAIN_LENGTH) return 'recipientDomain';
  switch (feedback.kind) {
    case 'Relayed':
      if (!isCountOrNull(feedback.validityPeriodMs)) return 'validityPeriodMs';
      return isCountOrNull(feedback.deliverySize) ? null : 'deliverySize';
    case 'Delivered':
    case 'HardBounced':
    case 'SoftBounced':
    case 'RetryOutcome':
      if (feedback.relayedAt !== null && !isTime(feedback.relayedAt)) return 'relayedAt';
      return feedback.attempt >= 1 && feedback.attempt <= MAX_ATTEMPT ? null : 'attempt';
    case 'Complained':
      return feedback.relayedAt === null || isTime(feedback.relayedAt) ? null : 'relayedAt';
    default:
      return unreachable(feedback);
  }
}

/** Whether the event id is that of an inferred expiry, which may be longer than other ids: it contains two. */
function isInferred({ eventId, deliveryId, messageId }: Feedback): boolean {
  return eventId === expiryEventId(deliveryId, messageId);
}

function isId(id: string): boolean {
  const length = id.length;
  if (length === 0 || length > MAX_ID_LENGTH) return false;
  for (let index = 0; index < length; index += 1) {
    const unit = id.charCodeAt(index);
    if (unit < 0x20 || (unit >= 0x7f && unit <= 0x9f)) return false;
  }
  return true;
}

const isTime = (time: number): boolean => time >= EARLIEST && time < LATEST;

/** A long that a number cannot hold exactly arrives rounded, and is invalid. */
const isCountOrNull = (count: number | null): boolean =>
  count === null || (count >= 0 && count <= Number.MAX_SAFE_INTEGER);

/** Whether the key's bytes are the message's id in UTF-8. */
export function isKeyOf(key: Buffer, messageId: string): boolean {
  // Only in ASCII is UTF-8 as long as UTF-16; what is not ASCII is rare enough to be encoded.
  if (key.length !== messageId.length) {
    return key.length > messageId.length && Buffer.from(messageId, 'utf8').equals(key);
  }
  for (let index = 0; index < key.length; index += 1) {
    const byte = key[index]!;
    if (byte >= 0x80 || byte !== messageId.charCodeAt(index)) return false;
  }
  return true;
}
