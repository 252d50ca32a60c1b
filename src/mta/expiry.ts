import { type Cause, causeOf, classify } from './classify';

const TIMED_OUT = 24;
/** What MTAs write of the end of their retries, which is no reason for it. */
const ENDED =
  /retry timeout exceeded|(?:delivery time|message) expired|returned to sender|\(?delivery[- ]expired\)?/giu;

/**
 * The cause of an expiry, where the text names one beside the end of time: the last answer of the receiving server, without
 * what says that the retries ended. Null where it does not, so that the last deferral says why.
 */
export function expiryCause(text: string | null): Cause | null {
  if (text === null) return null;
  const cause = causeOf({
    text: text
      .replace(ENDED, '')
      .replace(/[\s:;]{1,16}$/u, '')
      .trim(),
  });
  const { bounceClass, by } = classify(cause);
  return by === 'default' || bounceClass === TIMED_OUT ? null : cause;
}
