import type { DeliveryId, MessageId } from '../base/ids';
import type { Millis } from './feedback';
import type { RetryOutcome } from './records';

/** The event id of an inferred expiry. It is deterministic: repeated inferences are one event. */
export function expiryEventId(deliveryId: string, messageId: string): string {
  return `expiry/${deliveryId}/${messageId}`;
}

/**
 * The feedback that a timer infers where no outcome arrived. It has no `relayedAt`: an inference from the relay must never
 * contradict the relay. As evidence of the relay it ranks last, because it is later than the feedback it was inferred
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
