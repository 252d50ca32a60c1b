// Made from schemas/*.avsc by `npm run types`. Do not edit.

import type { DeliveryId, MessageId } from '../base/ids';

/** The fields of every input. */
export interface Common {
  /** Identifies this event; 1 to 128 UTF-16 code units. Repeats of an event change nothing. */
  readonly eventId: string;
  /** The message, unique within its delivery; 1 to 128 UTF-16 code units. Its UTF-8 bytes are the record's key. */
  readonly messageId: MessageId;
  /** The campaign send; 1 to 128 UTF-16 code units, no slash. */
  readonly deliveryId: DeliveryId;
  /** When it happened, as the mail transfer agent saw it; from 2000 up to 2100, UTC. */
  readonly occurredAt: number;
  /** Domain part of the recipient's address; 1 to 253 UTF-16 code units. */
  readonly recipientDomain: string;
}

export type Policy = 'EFS' | 'RELAY';

/** A message was handed to the mail transfer agent. */
export interface Relayed extends Common {
  readonly kind: 'Relayed';
  /** The delivery's policy, where it differs from the instance's. */
  readonly policy: Policy | null;
  /** How long the agent may retry, in milliseconds; 84 hours at most, and where absent. */
  readonly validityPeriodMs: number | null;
  /** Messages the delivery is meant to have. */
  readonly deliverySize: number | null;
}

/** The receiving server accepted the message. */
export interface Delivered extends Common {
  readonly kind: 'Delivered';
  /** When the message was relayed, where the producer knows; from 2000 up to 2100, UTC. */
  readonly relayedAt: number | null;
  /** Delivery attempt, the first is 1; at most 1000. */
  readonly attempt: number;
}

export type BounceSource = 'SYNC' | 'ASYNC';

/** The message was refused for good. */
export interface HardBounced extends Common {
  readonly kind: 'HardBounced';
  /** When the message was relayed, where the producer knows; from 2000 up to 2100, UTC. */
  readonly relayedAt: number | null;
  /** Delivery attempt, the first is 1; at most 1000. */
  readonly attempt: number;
  /** The agent's bounce class (SparkPost and Momentum numbers); 1 is undetermined. */
  readonly bounceClass: number;
  /** Reply code of the receiving server. */
  readonly smtpCode: number | null;
  /** Enhanced status code of the reply, such as 5.1.1. */
  readonly enhancedStatus: string | null;
  /** Text of the reply. */
  readonly diagnostic: string | null;
  /** How the bounce came back. */
  readonly source: BounceSource;
}

/** The message was refused for now; the agent will try again unless the source is ASYNC. */
export interface SoftBounced extends Common {
  readonly kind: 'SoftBounced';
  /** When the message was relayed, where the producer knows; from 2000 up to 2100, UTC. */
  readonly relayedAt: number | null;
  /** Delivery attempt, the first is 1; at most 1000. */
  readonly attempt: number;
  /** The agent's bounce class (SparkPost and Momentum numbers); 1 is undetermined. */
  readonly bounceClass: number;
  /** Reply code of the receiving server. */
  readonly smtpCode: number | null;
  /** Enhanced status code of the reply, such as 5.1.1. */
  readonly enhancedStatus: string | null;
  /** Text of the reply. */
  readonly diagnostic: string | null;
  /** How the bounce came back. */
  readonly source: BounceSource;
}

export type RetryResult = 'SUCCEEDED' | 'FAILED' | 'EXPIRED';

/** How the retries of a soft-bounced message ended. */
export interface RetryOutcome extends Common {
  readonly kind: 'RetryOutcome';
  /** When the message was relayed, where the producer knows; from 2000 up to 2100, UTC. */
  readonly relayedAt: number | null;
  /** Delivery attempt, the first is 1; at most 1000. */
  readonly attempt: number;
  /** How they ended. */
  readonly outcome: RetryResult;
  /** The agent's bounce class of the last attempt. */
  readonly bounceClass: number | null;
  /** Reply code of the receiving server. */
  readonly smtpCode: number | null;
  /** Enhanced status code of the reply, such as 5.1.1. */
  readonly enhancedStatus: string | null;
  /** Text of the reply. */
  readonly diagnostic: string | null;
  /** True where the service itself concluded it from the end of the validity period. */
  readonly inferred: boolean;
}

/** The recipient complained about the message, by a feedback loop of the receiving provider. */
export interface Complained extends Common {
  readonly kind: 'Complained';
  /** When the message was relayed, where the producer knows; from 2000 up to 2100, UTC. */
  readonly relayedAt: number | null;
  /** The report's Feedback-Type, such as abuse or fraud; not-spam, in any case, is no complaint. */
  readonly feedbackType: string | null;
}

/** Messages of one group of recipient domains. */
export interface DomainCounts {
  /** Messages seen. */
  relayed: number;
  /** Messages with status SENT. */
  sent: number;
  /** Messages with status FAILED. */
  failed: number;
  /** Messages with at least one synchronous soft bounce. */
  softBounced: number;
}

/** What one UTC hour of event time brought. */
export interface HourCounts {
  /** EFS: messages sent in that hour. RELAY: messages relayed in that hour whose status is SENT. */
  successes: number;
  /** Messages whose failure was decided by an event of that hour. */
  errors: number;
}

/** The figures of a delivery. */
export interface Kpis {
  /** Messages seen. */
  readonly relayed: number;
  /** Largest size announced for the delivery. */
  readonly deliverySize: number | null;
  /** Messages with status TAKEN_INTO_ACCOUNT. */
  readonly takenIntoAccount: number;
  /** Messages with status SENT. */
  readonly sent: number;
  /** Messages with status FAILED. */
  readonly failed: number;
  /** Messages whose deciding outcome is a success. */
  readonly delivered: number;
  /** sent / relayed; null under policy EFS until something has been heard of the messages. */
  readonly success: number | null;
  /** Failed by a synchronous bounce. */
  readonly failedByHardBounce: number;
  /** Failed by an asynchronous bounce. */
  readonly failedByAsyncBounce: number;
  /** Failed by the last retry. */
  readonly failedByRetry: number;
  /** Failed by the end of the validity period. */
  readonly failedByExpiry: number;
  /** Messages with at least one synchronous soft bounce. */
  readonly softBounced: number;
  /** Of those, without an outcome yet. */
  readonly waitingForRetry: number;
  /** Of those, with a success as outcome. */
  readonly recovered: number;
  /** Failed messages by reason; zeros are left out. */
  readonly failedByReason: Readonly<Record<string, number>>;
  /** By group of recipient domains; what is all zero is left out. */
  readonly byDomain: Readonly<Record<string, DomainCounts>>;
  /** By UTC hour such as 2026-11-22T03Z; what is all zero is left out. */
  readonly throughput: Readonly<Record<string, HourCounts>>;
  /** Messages with at least one complaint. */
  readonly complained: number;
}

/** The figures of a delivery changed. The key is the deliveryId. */
export interface KpiChanged {
  /** The campaign send. */
  readonly deliveryId: string;
  /** The state it was computed from; another generation is another, complete count. */
  readonly generation: number;
  /** Feedback folded so far; rises within a generation. */
  readonly revision: number;
  /** Revision of the record published before; 0 at first, or where that one was of another generation. */
  readonly previousRevision: number;
  /** The delivery's policy. */
  readonly policy: Policy;
  /** Latest occurredAt that is contained. */
  readonly asOf: number;
  /** The figures now. */
  readonly kpis: Kpis;
  /** The figures published before. */
  readonly previous: Kpis | null;
}

export type Status = 'TAKEN_INTO_ACCOUNT' | 'SENT' | 'FAILED';

export type Reason =
  | 'NOT_DEFINED'
  | 'USER_UNKNOWN'
  | 'INVALID_DOMAIN'
  | 'UNREACHABLE'
  | 'ACCOUNT_DISABLED'
  | 'MAILBOX_FULL'
  | 'QUARANTINED'
  | 'REFUSED';

export type FailureType = 'HARD' | 'SOFT' | 'IGNORED';

/** Status, reason or failure type of a message changed. The key is deliveryId/messageId. */
export interface MessageStatusChanged {
  /** The campaign send. */
  readonly deliveryId: string;
  /** The message. */
  readonly messageId: string;
  /** The state it was computed from. */
  readonly generation: number;
  /** When what decides the status happened. */
  readonly occurredAt: number;
  /** The status now. */
  readonly status: Status;
  /** The status before; null for a message not seen before. */
  readonly previousStatus: Status | null;
  /** Reason of the failure or of the last soft bounce. */
  readonly reason: Reason | null;
  /** Type of the failure or of the last soft bounce. */
  readonly failureType: FailureType | null;
}

/** Internal: what the messages of one partition add to the figures of one delivery, in absolute numbers. */
export interface Contribution {
  /** The state it was computed from. */
  generation: number;
  /** The partition whose messages are counted. */
  partition: number;
  /** The campaign send; null where the record is a barrier: this partition has caught up. */
  deliveryId: string | null;
  /** Feedback of the delivery folded in this partition. */
  revision: number;
  /** Latest occurredAt that is contained. */
  asOf: number;
  /** A Relayed record of the delivery names policy EFS. */
  saysEfs: boolean;
  /** A Relayed record of the delivery names policy RELAY. */
  saysRelay: boolean;
  /** Largest size announced for the delivery. */
  deliverySize: number | null;
  /** Messages seen. */
  relayed: number;
  /** Messages with status TAKEN_INTO_ACCOUNT. */
  takenIntoAccount: number;
  /** Messages with status SENT. */
  sent: number;
  /** Messages with status FAILED. */
  failed: number;
  /** Messages whose deciding outcome is a success. */
  delivered: number;
  /** Failed by a synchronous bounce. */
  failedByHardBounce: number;
  /** Failed by an asynchronous bounce. */
  failedByAsyncBounce: number;
  /** Failed by the last retry. */
  failedByRetry: number;
  /** Failed by the end of the validity period. */
  failedByExpiry: number;
  /** Messages with at least one synchronous soft bounce. */
  softBounced: number;
  /** Of those, without an outcome yet. */
  waitingForRetry: number;
  /** Of those, with a success as outcome. */
  recovered: number;
  /** Failed messages by reason; zeros are left out. */
  failedByReason: Record<string, number>;
  /** By group of recipient domains; what is all zero is left out. */
  byDomain: Record<string, DomainCounts>;
  /** By UTC hour, as the hours since 1970 in base 36; what is all zero is left out. */
  throughput: Record<string, HourCounts>;
  /** How much of the revision is from each input topic, by the topic's index; zeros are left out. */
  folded: Record<string, number>;
  /** Written up to version 0.1 only: not null where the record counts nothing but says that the delivery is retired. */
  retiredAt: number | null;
  /** Messages with at least one complaint. */
  complained: number;
  /** Not null where the delivery is retired in this partition, and the record is its last one: by an input topic's index, the offset from which on feedback is late. */
  retiredFrom: Record<string, number> | null;
}
