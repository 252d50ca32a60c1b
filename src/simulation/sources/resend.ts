import { iso } from '../../base/time';
import { answerIn, type Failure, isSuppressed, replyLine } from './replies';
import { addressOf, compact, SENDER } from './source';
import { factsOf, idsOf, ONE_EACH, type Templates, webhook } from './webhook';

const NOT_DEFINED = 1;

const reply = (feedback: Failure): object => ({
  diagnosticCode: [`smtp; ${replyLine(answerIn(feedback))}`],
});

/** The type of an event, and what it has beside what all have. */
interface Facts {
  readonly type: string;
  readonly more?: object;
}

const bounced = (feedback: Failure, [type, subType]: readonly [string, string]): Facts => ({
  type: 'email.bounced',
  more: { bounce: { type, subType, message: 'The receiving server refused it.', ...reply(feedback) } },
});

const EVENTS = {
  Relayed: () => ({ type: 'email.sent' }),
  Delivered: () => ({ type: 'email.delivered' }),
  SoftBounced: (feedback) => ({ type: 'email.delivery_delayed', more: { delay: reply(feedback) } }),
  HardBounced: (feedback) => {
    if (isSuppressed(feedback))
      return { type: 'email.suppressed', more: { suppressed: { message: 'It has bounced before.' } } };
    const isUnclear = feedback.bounceClass === NOT_DEFINED;
    return bounced(feedback, isUnclear ? ['Undetermined', 'Undetermined'] : ['Permanent', 'General']);
  },
  RetryOutcome: (feedback) => bounced(feedback, ['Transient', 'General']),
  Complained: () => ({ type: 'email.complained' }),
} satisfies Templates;

/** Resend's webhooks. */
export const RESEND = webhook('resend', ONE_EACH, (feedback, isIdentified) => {
  const { type, more } = factsOf(EVENTS, feedback) as Facts;
  const data = {
    ...{ email_id: compact(feedback.messageId), from: SENDER, to: [addressOf(feedback)], subject: 'News' },
    ...{ tags: idsOf(feedback, isIdentified), ...more },
  };
  return { type, created_at: iso(feedback.occurredAt), data };
});
