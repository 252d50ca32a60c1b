import type { DeliveryId, MessageId } from '../base/ids';
import type { Feedback } from '../feedback/feedback';
import type { MessageAggregate } from '../status/message';
import type { MessageStatus } from '../status/projection';
import type { Expired, LookedThrough } from './expiry';
import type { RetentionDuty } from './eviction';

/** What a status task owes when it has folded everything that was there when its generation began: its barrier. */
export interface CaughtUp {
  readonly kind: 'CaughtUp';
}

/** A contribution that was folded in silence is published. */
export interface Announced {
  readonly kind: 'Announced';
  readonly deliveryId: DeliveryId;
  readonly contribution: Buffer;
}

/** A message that was folded in silence: published where its status is not what it was before (null: not known). */
export interface Restated {
  readonly kind: 'Restated';
  readonly deliveryId: DeliveryId;
  readonly messageId: MessageId;
  readonly before: MessageStatus | null;
  readonly message: MessageAggregate;
}

/** What a status task does of its own accord. */
export type StatusDuty = CaughtUp | Announced | Restated | Expired | LookedThrough | RetentionDuty;
export type StatusInput = Feedback | StatusDuty;

const DUTIES: readonly StatusInput['kind'][] = [
  'CaughtUp',
  'Announced',
  'Restated',
  'Expired',
  'LookedThrough',
  'FoldedUntil',
  'ForgetMessages',
  'ForgetDelivery',
] satisfies StatusDuty['kind'][];

export function isDuty(input: StatusInput): input is StatusDuty {
  return DUTIES.includes(input.kind);
}
