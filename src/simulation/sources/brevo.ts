import { answerIn, isSuppressed, replyLine } from './replies';
import { addressOf, compact, seconds, SENDING_DOMAIN } from './source';
import { arrayOf, factsOf, idsOf, type Templates, webhook } from './webhook';

const INVALID_RECIPIENT = 10;

const EVENTS: Templates = {
  Relayed: () => ({ event: 'request' }),
  Delivered: () => ({ event: 'delivered' }),
  SoftBounced: (feedback) => ({ event: 'deferred', reason: replyLine(answerIn(feedback)) }),
  HardBounced: (feedback) => {
    if (isSuppressed(feedback)) return { event: 'blocked', reason: 'blocked : due to blacklist user' };
    const event = feedback.bounceClass === INVALID_RECIPIENT ? 'hard_bounce' : 'soft_bounce';
    return { event, reason: replyLine(answerIn(feedback)) };
  },
  Complained: () => ({ event: 'spam' }),
};

/** Brevo's transactional webhooks, batched. */
export const BREVO = webhook('brevo', arrayOf(500), (feedback, isIdentified) => ({
  ...{ email: addressOf(feedback), subject: 'News', tags: ['news'] },
  'message-id': `<${compact(feedback.messageId)}@${SENDING_DOMAIN}>`,
  ...{ ts_event: seconds(feedback.occurredAt), ts_epoch: feedback.occurredAt },
  ...(isIdentified ? { 'X-Mailin-custom': JSON.stringify(idsOf(feedback, true)) } : {}),
  ...factsOf(EVENTS, feedback),
}));
