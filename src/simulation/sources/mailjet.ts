import { answerIn, type Failure, isSuppressed, replyLine } from './replies';
import { addressOf, compact, seconds } from './source';
import { arrayOf, factsOf, idsOf, type Templates, webhook } from './webhook';

/** A class without a word is left to the reply. */
const ERRORS: ReadonlyMap<number | null, string> = new Map([
  [10, 'user unknown'],
  [20, 'connection issue'],
  [21, 'invalid domain'],
  [22, 'quota exceeded'],
  [40, 'protocol issue'],
  [50, 'policy issue'],
  [51, 'sender blocked'],
  [52, 'content blocked'],
  [54, 'relay/access denied'],
]);

const bounce = (feedback: Failure, note: string): object => ({
  ...{ event: 'bounce', blocked: false, hard_bounce: note === '' },
  ...{ error: ERRORS.get(feedback.bounceClass) ?? '', comment: `${replyLine(answerIn(feedback))}${note}` },
});

const EVENTS: Templates = {
  Delivered: () => ({ event: 'sent', smtp_reply: 'sent (250 2.0.0 OK)' }),
  SoftBounced: (feedback) => bounce(feedback, ' (temporary)'),
  HardBounced: (feedback) =>
    isSuppressed(feedback)
      ? { event: 'blocked', error: 'preblocked', error_related_to: 'mailjet' }
      : bounce(feedback, ''),
  Complained: ({ recipientDomain }) => ({ event: 'spam', source: recipientDomain }),
};

/** Mailjet's events, grouped. */
export const MAILJET = webhook('mailjet', arrayOf(500), (feedback, isIdentified) => ({
  ...{ time: seconds(feedback.occurredAt), email: addressOf(feedback), customcampaign: '' },
  ...{ Message_GUID: compact(feedback.messageId), CustomID: '' },
  Payload: isIdentified ? JSON.stringify(idsOf(feedback, true)) : '',
  ...factsOf(EVENTS, feedback),
}));
