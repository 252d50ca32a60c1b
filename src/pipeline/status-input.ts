import type { DeliveryId, MessageId } from '../base/ids';
import type { Feedback } from '../feedback/feedback';
import { FEEDBACK_TOPICS } from '../feedback/topics';
import type { MessageAggregate } from '../status/message';
import type { MessageStatus } from '../status/projection';
import type { Expired, ScanDone } from './expiry';
import type { EvictionCommand } from './eviction';

/** The task has folded everything up to its generation's catch-up offsets: it publishes its barrier. */
export interface CaughtUp {
  readonly kind: 'CaughtUp';
}

/** Publishes a contribution that was folded while publishing was suppressed. */
export interface Republished {
  readonly kind: 'Republished';
  readonly deliveryId: DeliveryId;
  readonly contribution: Buffer;
}

/** Publishes the status of a message folded while suppressed, where it differs from `before` (null: unknown). */
export interface StatusRepublished {
  readonly kind: 'StatusRepublished';
  readonly deliveryId: DeliveryId;
  readonly messageId: MessageId;
  readonly before: MessageStatus | null;
  readonly message: MessageAggregate;
}

/** The internal commands of a status task: inputs that come from no topic. */
export type StatusCommand = CaughtUp | Republished | StatusRepublished | Expired | ScanDone | EvictionCommand;
export type StatusInput = Feedback | StatusCommand;

const FEEDBACK_KINDS: readonly string[] = FEEDBACK_TOPICS.map(({ kind }) => kind);

export function isCommand(input: StatusInput): input is StatusCommand {
  return !FEEDBACK_KINDS.includes(input.kind);
}
