import type { DeliveryId, MessageId } from '../base/ids';

/** Milliseconds since 1970, UTC. */
export type Millis = number;

export type PolicyName = 'EFS' | 'RELAY';
export type BounceSource = 'SYNC' | 'ASYNC';
export type RetryResult = 'SUCCEEDED' | 'FAILED' | 'EXPIRED';

interface Common {
  readonly eventId: string;
  readonly messageId: MessageId;
  readonly deliveryId: DeliveryId;
  readonly occurredAt: Millis;
  readonly recipientDomain: string;
}

export interface Relayed extends Common {
  readonly kind: 'Relayed';
  readonly policy: PolicyName | null;
  readonly validityPeriodMs: number | null;
  readonly deliverySize: number | null;
}

export interface Delivered extends Common {
  readonly kind: 'Delivered';
  readonly relayedAt: Millis | null;
  readonly attempt: number;
}

interface Bounced extends Common {
  readonly relayedAt: Millis | null;
  readonly attempt: number;
  readonly bounceClass: number;
  readonly smtpCode: number | null;
  readonly enhancedStatus: string | null;
  readonly diagnostic: string | null;
  readonly source: BounceSource;
}

export interface HardBounced extends Bounced {
  readonly kind: 'HardBounced';
}

export interface SoftBounced extends Bounced {
  readonly kind: 'SoftBounced';
}

export interface RetryOutcome extends Common {
  readonly kind: 'RetryOutcome';
  readonly relayedAt: Millis | null;
  readonly attempt: number;
  readonly outcome: RetryResult;
  readonly bounceClass: number | null;
  readonly smtpCode: number | null;
  readonly enhancedStatus: string | null;
  readonly diagnostic: string | null;
  readonly inferred: boolean;
}

/** One event about one message, decoded and valid. */
export type Feedback = Relayed | Delivered | HardBounced | SoftBounced | RetryOutcome;
export type FeedbackKind = Feedback['kind'];
