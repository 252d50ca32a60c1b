import { answerIn, type Failure, isSuppressed } from './replies';
import { addressOf, messageIdHeader, SENDER } from './source';
import { factsOf, idsOf, ONE_EACH, type Templates, webhook } from './webhook';

function refused(feedback: Failure): object {
  const { code, status, text } = answerIn(feedback);
  const message = status === null ? text : `${status} ${text}`;
  const answer = { 'attempt-no': feedback.attempt, code, message, description: '' };
  return { 'delivery-status': status === null ? answer : { ...answer, 'enhanced-code': status } };
}

const failed = (reason: string, code: number, message: string): object => ({
  ...{ event: 'failed', severity: 'permanent', reason, 'delivery-status': { code, message } },
});

const EVENTS: Templates = {
  Relayed: () => ({ event: 'accepted' }),
  Delivered: ({ attempt }) => ({
    event: 'delivered',
    'delivery-status': { 'attempt-no': attempt, code: 250, message: 'OK' },
  }),
  SoftBounced: (feedback) => ({
    ...{ event: 'failed', severity: 'temporary', reason: 'generic' },
    ...refused(feedback),
  }),
  HardBounced: (feedback) =>
    isSuppressed(feedback)
      ? failed('suppress-bounce', 605, 'Not delivering to previously bounced address')
      : { event: 'failed', severity: 'permanent', reason: 'bounce', ...refused(feedback) },
  RetryOutcome: (feedback) =>
    feedback.outcome === 'EXPIRED'
      ? failed('old', 602, 'Too old')
      : { event: 'failed', severity: 'permanent', reason: 'generic', ...refused(feedback) },
  Complained: () => ({ event: 'complained' }),
};

/** Mailgun's webhooks, without the signature that each has in its body. */
export const MAILGUN = webhook('mailgun', ONE_EACH, (feedback, isIdentified) => {
  const recipient = addressOf(feedback);
  const messageId = messageIdHeader(feedback, isIdentified).slice(1, -1);
  const headers = { to: recipient, 'message-id': messageId, from: SENDER, subject: 'News' };
  return {
    'event-data': {
      ...{ id: feedback.eventId, timestamp: feedback.occurredAt / 1_000, recipient },
      ...{ 'user-variables': idsOf(feedback, isIdentified), tags: ['news'] },
      ...{ envelope: { sender: SENDER, targets: recipient }, message: { headers, size: 8_123 } },
      ...factsOf(EVENTS, feedback),
    },
  };
});
