import type { DeliveryId, MessageId } from '../base/ids';
import type { Millis, RetryOutcome } from './feedback';

/** The event id of an inferred expiry: whoever infers it, and however often, it is one event. */
export function expiryEventId(deliveryId: string, messageId: string): string {
  return `expiry/${deliveryId}/${messageId}`;
}

/**
 * The feedback that a timer infers from silence. It does not say when the message was relayed: what is inferred from the
 * relay must never tell against it. As a claim of the relay it comes last, since it is later than what it was inferred
 * from; so its domain, any one of the message's group, decides nothing either.
 */
export function inferredExpiry(
  deliveryId: DeliveryId,
  messageId: MessageId,
  expiredAt: Millis,
  recipientDomain: string,
): RetryOutcome {
  return {
    kind: 'RetryOutcome',
    eventId: expiryEventId(deliveryId, messageId),
    messageId,
    deliveryId,
    occurredAt: expiredAt,
    recipientDomain,
    relayedAt: null,
    attempt: 1,
    outcome: 'EXPIRED',
    bounceClass: null,
    smtpCode: null,
    enhancedStatus: null,
    diagnostic: null,
    inferred: true,
  };
}
