import { must } from '../base/assert';
import type { FailureType, Reason } from './records';

/** Campaign's number of each reason; it decides ties between outcomes of the same time, kind and class. */
export const REASON_NUMBERS = {
  NOT_DEFINED: 0,
  USER_UNKNOWN: 1,
  INVALID_DOMAIN: 2,
  UNREACHABLE: 3,
  ACCOUNT_DISABLED: 4,
  MAILBOX_FULL: 5,
  QUARANTINED: 9,
  REFUSED: 20,
} as const satisfies Record<Reason, number>;

/** The meaning of a bounce class: the reason and type of the failure, or that the message did not fail. */
export type Qualification = { readonly reason: Reason; readonly type: FailureType } | 'not-a-failure';

const NOT_DEFINED: Qualification = { reason: 'NOT_DEFINED', type: 'IGNORED' };
const SUPPRESSED: Qualification = { reason: 'QUARANTINED', type: 'IGNORED' };

/** Momentum's and SparkPost's bounce classes. A class without a row is `NOT_DEFINED`, never an error. */
const CLASSES: ReadonlyMap<number, Qualification> = new Map<number, Qualification>([
  [1, NOT_DEFINED],
  [10, { reason: 'USER_UNKNOWN', type: 'HARD' }],
  [15, { reason: 'REFUSED', type: 'HARD' }],
  [20, { reason: 'UNREACHABLE', type: 'SOFT' }],
  [21, { reason: 'INVALID_DOMAIN', type: 'SOFT' }],
  [22, { reason: 'MAILBOX_FULL', type: 'SOFT' }],
  [23, { reason: 'REFUSED', type: 'IGNORED' }],
  [24, { reason: 'UNREACHABLE', type: 'IGNORED' }],
  [25, { reason: 'REFUSED', type: 'IGNORED' }],
  [30, NOT_DEFINED],
  [40, { reason: 'UNREACHABLE', type: 'IGNORED' }],
  [50, { reason: 'REFUSED', type: 'IGNORED' }],
  [51, { reason: 'REFUSED', type: 'IGNORED' }],
  [52, { reason: 'REFUSED', type: 'IGNORED' }],
  [53, { reason: 'REFUSED', type: 'IGNORED' }],
  [54, { reason: 'REFUSED', type: 'SOFT' }],
  [60, 'not-a-failure'],
  [70, { reason: 'UNREACHABLE', type: 'IGNORED' }],
  [80, 'not-a-failure'],
  [90, 'not-a-failure'],
  [100, { reason: 'REFUSED', type: 'SOFT' }],
]);

const ADMIN_FAILURE = 25;

/**
 * Maps a bounce class to Campaign's reason and failure type. Total: defined for every number.
 * `diagnostic` is the MTA's text; it matters only for class 25, where a suppressed address is a quarantined one.
 */
export function qualify(bounceClass: number, diagnostic: string | null): Qualification {
  if (bounceClass === ADMIN_FAILURE && diagnostic !== null && /suppressed/i.test(diagnostic))
    return SUPPRESSED;
  return CLASSES.get(bounceClass) ?? NOT_DEFINED;
}

const NO_COMPLAINT = 'not-spam';

/**
 * Whether a report of this `feedbackType` is a complaint. Any is, also one without a type, but for `not-spam`: the recipient
 * has said that the message is wanted. Types compare in lower case, as RFC 5965 has them.
 */
export const isComplaint = (feedbackType: string | null): boolean =>
  feedbackType?.toLowerCase() !== NO_COMPLAINT;

/** The reason that carries a number; the number must be one of `REASON_NUMBERS`. */
export function reasonOf(number: number): Reason {
  return must(REASONS_BY_NUMBER.get(number), `no reason has the number ${number}`);
}

const REASONS_BY_NUMBER: ReadonlyMap<number, Reason> = new Map(
  (Object.keys(REASON_NUMBERS) as Reason[]).map((reason) => [REASON_NUMBERS[reason], reason]),
);

/** The failure type of a stored bounce class that is a failure. */
export function failureTypeOf(bounceClass: number): FailureType {
  const qualification = CLASSES.get(bounceClass) ?? NOT_DEFINED;
  return qualification === 'not-a-failure' ? 'IGNORED' : qualification.type;
}
