import type { Feedback } from '../feedback/feedback';
import type { Expired, LookedThrough } from './expiry';

/** What a status task owes when it has folded everything that was there when its generation began: its barrier. */
export interface CaughtUp {
  readonly kind: 'CaughtUp';
}

/** What a status task does of its own accord. */
export type StatusDuty = CaughtUp | Expired | LookedThrough;
export type StatusInput = Feedback | StatusDuty;

export function isDuty(input: StatusInput): input is StatusDuty {
  return input.kind === 'CaughtUp' || input.kind === 'Expired' || input.kind === 'LookedThrough';
}
