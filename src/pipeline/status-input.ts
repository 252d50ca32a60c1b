import type { Feedback } from '../feedback/feedback';
import type { Expired, LookedThrough } from './expiry';
import type { RetentionDuty } from './forgetting';

/** What a status task owes when it has folded everything that was there when its generation began: its barrier. */
export interface CaughtUp {
  readonly kind: 'CaughtUp';
}

/** What a status task does of its own accord. */
export type StatusDuty = CaughtUp | Expired | LookedThrough | RetentionDuty;
export type StatusInput = Feedback | StatusDuty;

export function isDuty(input: StatusInput): input is StatusDuty {
  switch (input.kind) {
    case 'CaughtUp':
    case 'Expired':
    case 'LookedThrough':
    case 'FoldedUntil':
    case 'ForgetMessages':
    case 'ForgetDelivery':
      return true;
    default:
      return false;
  }
}
