import { answerIn, type Failure, isSuppressed, replyLine } from './replies';
import { addressOf, compact, messageIdHeader, seconds } from './source';
import { arrayOf, factsOf, idsOf, type Templates, webhook } from './webhook';

/** A class without a word is left to the reply. */
const CLASSIFICATIONS: ReadonlyMap<number | null, string> = new Map([
  [10, 'Invalid Address'],
  [20, 'Technical Failure'],
  [50, 'Frequency or Volume Too High'],
  [51, 'Reputation'],
  [52, 'Content'],
]);

function refused(feedback: Failure): object {
  const reply = answerIn(feedback);
  const bounce_classification = CLASSIFICATIONS.get(feedback.bounceClass) ?? 'Unclassified';
  return { reason: replyLine(reply), status: reply.status ?? '', bounce_classification };
}

const EVENTS: Templates = {
  Relayed: () => ({ event: 'processed' }),
  Delivered: () => ({ event: 'delivered', response: '250 2.0.0 OK' }),
  SoftBounced: (feedback) => ({ event: 'deferred', attempt: String(feedback.attempt), ...refused(feedback) }),
  HardBounced: (feedback) =>
    isSuppressed(feedback)
      ? { event: 'dropped', reason: 'Bounced Address', status: '5.0.0' }
      : { event: 'bounce', type: 'bounce', ...refused(feedback) },
  RetryOutcome: () => ({ event: 'bounce', type: 'expired', reason: 'unable to deliver in time', status: '' }),
  Complained: () => ({ event: 'spamreport' }),
};

/** SendGrid's event webhook. */
export const SENDGRID = webhook('sendgrid', arrayOf(500), (feedback, isIdentified) => ({
  ...{ email: addressOf(feedback), timestamp: seconds(feedback.occurredAt) },
  ...{ 'smtp-id': messageIdHeader(feedback, isIdentified), sg_event_id: feedback.eventId },
  sg_message_id: `${compact(feedback.messageId)}.recvd-5f54-1-6565c0de-1f.0`,
  ...idsOf(feedback, isIdentified),
  ...factsOf(EVENTS, feedback),
}));
