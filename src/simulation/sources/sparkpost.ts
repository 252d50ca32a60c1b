import { iso } from '../../base/time';
import type { Feedback } from '../../feedback/feedback';
import { ORDINARY } from '../message-history';
import { ABILITIES, NOT_DEFINED, sayableBy } from './abilities';
import { type Reply, replyLine, replyOf, wordedClass } from './replies';
import { addressOf, compact, jsonFraming, seconds, SENDER, type SimulatedSource } from './source';

const EXPIRED: Reply = {
  code: 554,
  status: '5.4.7',
  text: '[internal] exceeded max time without delivery',
};
function typeOf(feedback: Feedback): string {
  switch (feedback.kind) {
    case 'Relayed':
      return 'injection';
    case 'Delivered':
      return 'delivery';
    case 'HardBounced':
    case 'SoftBounced':
      if (feedback.source === 'ASYNC') return 'out_of_band';
      return feedback.kind === 'HardBounced' ? 'bounce' : 'delay';
    case 'RetryOutcome':
      return 'bounce';
    case 'Complained':
      return 'spam_complaint';
  }
}

/** All values are texts. */
function reasonOf(feedback: Feedback): object {
  if (!('bounceClass' in feedback)) return {};
  const { bounceClass, diagnostic } = feedback;
  const number = bounceClass ?? NOT_DEFINED;
  const isExpiry = feedback.kind === 'RetryOutcome' && feedback.outcome === 'EXPIRED';
  const reply = isExpiry
    ? EXPIRED
    : replyOf(wordedClass(number, diagnostic), feedback.kind !== 'SoftBounced');
  const reason = replyLine(reply);
  return { bounce_class: String(number), error_code: String(reply.code), reason, raw_reason: reason };
}

function render(feedback: Feedback, isIdentified: boolean): string {
  const { messageId, deliveryId, occurredAt, recipientDomain } = feedback;
  const relayedAt = 'relayedAt' in feedback ? feedback.relayedAt : null;
  const address = addressOf(feedback);
  const event = {
    type: typeOf(feedback),
    ...{ event_id: feedback.eventId, message_id: compact(messageId), msg_from: SENDER, msg_size: '8123' },
    ...{
      rcpt_to: address.toLowerCase(),
      raw_rcpt_to: address,
      routing_domain: recipientDomain.toLowerCase(),
    },
    rcpt_meta: isIdentified ? { deliveryId, messageId } : {},
    ...(relayedAt === null ? {} : { injection_time: iso(relayedAt) }),
    ...('attempt' in feedback ? { num_retries: String(feedback.attempt - 1) } : {}),
    ...('feedbackType' in feedback && feedback.feedbackType !== null
      ? { fbtype: feedback.feedbackType }
      : {}),
    ...reasonOf(feedback),
    timestamp: String(seconds(occurredAt)),
  };
  return JSON.stringify({ msys: { message_event: event } });
}

/** Webhooks of SparkPost. */
export const SPARKPOST: SimulatedSource = {
  name: 'sparkpost',
  framing: jsonFraming(350, (events) => `[${events.join(',')}]`),
  identity: null,
  isOrdered: false,
  mix: ORDINARY,
  sayable: sayableBy(ABILITIES.sparkpost),
  render,
};
