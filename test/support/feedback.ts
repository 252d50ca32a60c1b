import { DeliveryId, MessageId } from '../../src/base/ids';
import type { Feedback } from '../../src/feedback/feedback';
import type {
  Complained,
  Delivered,
  HardBounced,
  Relayed,
  RetryOutcome,
  SoftBounced,
} from '../../src/feedback/records';

/** 2026-11-22T03:00:00Z, the default event time of test feedback. */
export const T0 = Date.UTC(2026, 10, 22, 3);
export const HOUR = 3_600_000;

type Given<T> = Partial<Omit<T, 'kind' | 'messageId' | 'deliveryId'>> & {
  messageId?: string;
  deliveryId?: string;
};

function common(given: { messageId?: string; deliveryId?: string }) {
  return {
    eventId: 'e',
    occurredAt: T0,
    recipientDomain: 'example.com',
    ...given,
    messageId: MessageId(given.messageId ?? 'm1'),
    deliveryId: DeliveryId(given.deliveryId ?? 'd1'),
  };
}

const reply = { relayedAt: null, attempt: 1, smtpCode: null, enhancedStatus: null, diagnostic: null };

/** Feedback for tests, by default of message `m1` of delivery `d1`, at `T0`, from `example.com`. */
export const feedback = {
  relayed: (given: Given<Relayed> = {}): Relayed => ({
    policy: null,
    validityPeriodMs: null,
    deliverySize: null,
    ...common(given),
    kind: 'Relayed',
  }),
  delivered: (given: Given<Delivered> = {}): Delivered => ({
    relayedAt: null,
    attempt: 1,
    ...common(given),
    kind: 'Delivered',
  }),
  hardBounced: (given: Given<HardBounced> = {}): HardBounced => ({
    ...reply,
    bounceClass: 10,
    source: 'SYNC',
    ...common(given),
    kind: 'HardBounced',
  }),
  softBounced: (given: Given<SoftBounced> = {}): SoftBounced => ({
    ...reply,
    bounceClass: 22,
    source: 'SYNC',
    ...common(given),
    kind: 'SoftBounced',
  }),
  retry: (given: Given<RetryOutcome> = {}): RetryOutcome => ({
    ...reply,
    outcome: 'SUCCEEDED',
    bounceClass: null,
    inferred: false,
    ...common(given),
    kind: 'RetryOutcome',
  }),
  complained: (given: Given<Complained> = {}): Complained => ({
    relayedAt: null,
    feedbackType: 'abuse',
    ...common(given),
    kind: 'Complained',
  }),
};

export type { Feedback };
