import type { Feedback } from '../../feedback/feedback';
import { answerIn, type Failure, isSuppressed, replyLine } from './replies';
import { addressOf, compact, MESSAGE_ID_RULE, messageIdHeader, SENDER, type SimulatedSource } from './source';
import { factsOf, ONE_EACH, type Templates, webhook } from './webhook';

const FAILED = 'The receiving server refused it';
const ATTEMPTS_ENDED = 'Maximum number of delivery attempts (18) has been reached';

const refused = (event: string, status: string, details: string, feedback: Failure): object => ({
  ...{ event, payload: { status, details, output: replyLine(answerIn(feedback)) } },
});

const EVENTS: Templates = {
  Delivered: () => ({ event: 'MessageSent', payload: { status: 'Sent', output: '250 2.0.0 OK' } }),
  SoftBounced: (feedback) => refused('MessageDelayed', 'SoftFail', 'It is tried again', feedback),
  HardBounced: (feedback) => {
    if (feedback.source === 'ASYNC') return { event: 'MessageBounced', payload: { bounce: { id: 4_711 } } };
    if (!isSuppressed(feedback)) return refused('MessageDeliveryFailed', 'HardFail', FAILED, feedback);
    const details = 'Recipient is on the suppression list';
    return { event: 'MessageHeld', payload: { status: 'Held', details } };
  },
  RetryOutcome: (feedback) => refused('MessageDeliveryFailed', 'HardFail', ATTEMPTS_ENDED, feedback),
};

function messageOf(feedback: Feedback, isIdentified: boolean): object {
  const relayedAt = 'relayedAt' in feedback ? feedback.relayedAt : null;
  return {
    ...{ token: compact(feedback.messageId).slice(0, 12), direction: 'outgoing' },
    message_id: messageIdHeader(feedback, isIdentified).slice(1, -1),
    ...{ to: addressOf(feedback), from: SENDER, subject: 'News' },
    ...(relayedAt === null ? {} : { timestamp: relayedAt / 1_000 }),
    tag: isIdentified ? feedback.deliveryId : null,
  };
}

const POSTAL_EVENTS = webhook('postal', ONE_EACH, (feedback, isIdentified) => {
  const { event, payload } = factsOf(EVENTS, feedback) as { event: string; payload: object };
  const timestamp = feedback.occurredAt / 1_000;
  const message = messageOf(feedback, isIdentified);
  const about = event === 'MessageBounced' ? { original_message: message } : { message, timestamp };
  return { event, timestamp, uuid: feedback.eventId, payload: { ...payload, ...about } };
});

/** Postal's webhooks: the tag is the delivery. */
export const POSTAL: SimulatedSource = {
  ...POSTAL_EVENTS,
  identity: {
    deliveryId: ['payload.message.tag', 'payload.original_message.tag'],
    messageId: [MESSAGE_ID_RULE],
  },
};
