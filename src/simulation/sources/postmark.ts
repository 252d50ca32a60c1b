import { iso } from '../../base/time';
import { answerIn, type Failure, isSuppressed, replyLine } from './replies';
import { addressOf, compact, SENDER } from './source';
import { factsOf, idsOf, ONE_EACH, type Templates, webhook } from './webhook';

/** Types of refusals; of `SoftBounce` the reply tells the class. */
const TYPES: ReadonlyMap<number | null, string> = new Map([
  [1, 'Unknown'],
  [10, 'HardBounce'],
  [51, 'Blocked'],
  [52, 'SpamNotification'],
  [53, 'VirusNotification'],
]);
const INVALID_DOMAIN = 21;

const bounce = (feedback: Failure, Type: string): object => ({
  ...{ RecordType: 'Bounce', Type, ID: feedback.eventId, Email: addressOf(feedback) },
  ...{ BouncedAt: iso(feedback.occurredAt), Details: `smtp;${replyLine(answerIn(feedback))}` },
});

const EVENTS: Templates = {
  Delivered: (feedback) => ({
    ...{ RecordType: 'Delivery', Recipient: addressOf(feedback) },
    ...{ DeliveredAt: iso(feedback.occurredAt), Details: '250 2.0.0 OK' },
  }),
  SoftBounced: (feedback) =>
    bounce(feedback, feedback.bounceClass === INVALID_DOMAIN ? 'DnsError' : 'Transient'),
  HardBounced: (feedback) =>
    bounce(
      feedback,
      isSuppressed(feedback) ? 'ManuallyDeactivated' : (TYPES.get(feedback.bounceClass) ?? 'SoftBounce'),
    ),
  Complained: (feedback) => ({
    ...{ RecordType: 'SpamComplaint', Type: 'SpamComplaint', ID: feedback.eventId },
    ...{ Email: addressOf(feedback), BouncedAt: iso(feedback.occurredAt) },
  }),
};

/** Postmark's webhooks. */
export const POSTMARK = webhook('postmark', ONE_EACH, (feedback, isIdentified) => ({
  ...{ MessageID: compact(feedback.messageId), From: SENDER, Subject: 'News', Tag: '' },
  Metadata: idsOf(feedback, isIdentified),
  ...factsOf(EVENTS, feedback),
}));
