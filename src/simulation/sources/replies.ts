import type { HardBounced, RetryOutcome, SoftBounced } from '../../feedback/records';

/** What a receiving server answers. */
export interface Reply {
  readonly code: number;
  /** Null where the answer has no enhanced status (RFC 3463). */
  readonly status: string | null;
  readonly text: string;
}

interface Wording {
  /** The enhanced status without its first digit. */
  readonly detail: string | null;
  readonly text: string;
}

/** A text for each bounce class that a text can say, such that its reader concludes the same class. */
const WORDINGS: ReadonlyMap<number, Wording> = new Map([
  [1, { detail: null, text: 'unclear answer' }],
  [10, { detail: '1.1', text: 'no such user' }],
  [20, { detail: '4.1', text: 'connection refused' }],
  [21, { detail: '4.4', text: 'domain not found' }],
  [22, { detail: '2.2', text: 'mailbox full' }],
  [23, { detail: '3.4', text: 'message too large' }],
  [24, { detail: '4.7', text: 'message expired' }],
  [25, { detail: '7.1', text: 'recipient address was suppressed due to customer policy' }],
  [40, { detail: '5.0', text: 'mail loop detected' }],
  [50, { detail: '7.0', text: 'rate limit exceeded' }],
  [51, { detail: '7.1', text: 'listed by a block list' }],
  [52, { detail: '7.1', text: 'message looks like spam' }],
  [53, { detail: '7.0', text: 'attachment not allowed' }],
  [54, { detail: '7.1', text: 'relaying denied' }],
  [100, { detail: '7.1', text: 'challenge-response: confirm that you sent it' }],
]);

const UNCLEAR = 1;
/** Classes of which no text tells, and the one of the same reason and type; 15 is the nearest in being hard. */
const NEAREST: ReadonlyMap<number, number> = new Map([
  [15, 10],
  [30, 1],
  [70, 40],
]);
const NOT_A_FAILURE: ReadonlySet<number> = new Set([60, 80, 90]);
const ADMINISTRATIVE = 25;
const POLICY = 50;

/** Whether nothing has failed: an automatic reply, a subscription. */
export const isNoFailure = (bounceClass: number | null): boolean =>
  bounceClass !== null && NOT_A_FAILURE.has(bounceClass);

/** The class that a text can say instead of one. Administrative refusals other than suppressions are those of a policy. */
export function wordedClass(bounceClass: number, diagnostic: string | null): number {
  if (bounceClass === ADMINISTRATIVE) return /suppressed/iu.test(diagnostic ?? '') ? ADMINISTRATIVE : POLICY;
  const nearest = NEAREST.get(bounceClass) ?? bounceClass;
  return WORDINGS.has(nearest) ? nearest : UNCLEAR;
}

/** The answer that says a class of `wordedClass`: for now, or for good. */
export function replyOf(bounceClass: number, isFinal: boolean): Reply {
  const { detail, text } = WORDINGS.get(bounceClass) ?? { detail: null, text: 'unclear answer' };
  // 550 and 450 mean something by themselves; an unclear answer must not.
  const code = (isFinal ? 500 : 400) + (bounceClass === UNCLEAR ? 0 : 50);
  return { code, status: detail === null ? null : `${isFinal ? 5 : 4}.${detail}`, text };
}

/** `550 5.1.1 no such user`. */
export const replyLine = ({ code, status, text }: Reply): string =>
  status === null ? `${code} ${text}` : `${code} ${status} ${text}`;

/** Feedback of a refusal, or of retries that failed. */
export type Failure = HardBounced | SoftBounced | RetryOutcome;

/** The answer that an event about a failure has in it. */
export const answerIn = (feedback: Failure): Reply =>
  replyOf(feedback.bounceClass ?? UNCLEAR, feedback.kind !== 'SoftBounced' || feedback.source === 'ASYNC');

/** Whether the source did not send the message, since it knows its recipient. */
export const isSuppressed = (feedback: Failure): boolean =>
  feedback.kind === 'HardBounced' && feedback.source === 'SYNC' && feedback.bounceClass === ADMINISTRATIVE;
