import type { Feedback } from '../feedback/feedback';
import { qualify } from '../feedback/qualification';

/** The reason and type that a record's bounce class stands for: `MAILBOX_FULL, SOFT`. */
export function reasonText(feedback: Extract<Feedback, { bounceClass: unknown }>): string {
  const qualification = qualify(feedback.bounceClass ?? 1, feedback.diagnostic);
  return qualification === 'not-a-failure' ? 'no failure' : `${qualification.reason}, ${qualification.type}`;
}
