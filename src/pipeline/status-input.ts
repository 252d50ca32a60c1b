import type { DeliveryId, MessageId } from '../base/ids';
import type { Feedback } from '../feedback/feedback';
import type { MessageAggregate } from '../status/message';
import type { MessageStatus } from '../status/projection';
import type { Expired, ScanDone } from './expiry';
import type { EvictionCommand } from './eviction';

/** What a status task owes when it has folded everything that was there when its generation began: its barrier. */
export interface CaughtUp {
  readonly kind: 'CaughtUp';
}

/** A contribution that was folded in silence is published. */
export interface Republished {
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
export type StatusCommand = CaughtUp | Republished | Restated | Expired | ScanDone | EvictionCommand;
export type StatusInput = Feedback | StatusCommand;

const DUTIES: readonly StatusInput['kind'][] = [
  'CaughtUp',
  'Announced',
  'Restated',
  'Expired',
  'LookedThrough',
  'FoldedUntil',
  'ForgetMessages',
  'ForgetDelivery',
] satisfies StatusCommand['kind'][];

export function isCommand(input: StatusInput): input is StatusCommand {
  return DUTIES.includes(input.kind);
}
