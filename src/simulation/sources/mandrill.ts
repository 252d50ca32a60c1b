import { answerIn, type Failure, isSuppressed, replyLine } from './replies';
import { addressOf, compact, seconds, SENDER } from './source';
import { factsOf, idsOf, type Templates, webhook } from './webhook';

/** A class without a word is left to its number. */
const DESCRIPTIONS: ReadonlyMap<number | null, string> = new Map([
  [10, 'bad_mailbox'],
  [21, 'invalid_domain'],
  [22, 'mailbox_full'],
]);

/** The word of an event, and what its message has beside what all have. */
interface Facts {
  readonly event: string;
  readonly more?: object;
}

/** The attempts that were deferred until an event. */
const deferred = (count: number): object => ({
  smtp_events: Array.from({ length: count }, () => ({ type: 'deferred', diag: '450 4.7.0 later' })),
});

function refused(event: string, feedback: Failure, deferrals: number): Facts {
  const { bounceClass } = feedback;
  const bounce_description = DESCRIPTIONS.get(bounceClass) ?? 'general';
  const diag = `smtp;${replyLine(answerIn(feedback))}`;
  return { event, more: { bgtools_code: bounceClass, bounce_description, diag, ...deferred(deferrals) } };
}

const EVENTS = {
  Relayed: () => ({ event: 'send' }),
  Delivered: ({ attempt }) => ({ event: 'delivered', more: deferred(attempt - 1) }),
  SoftBounced: (feedback) => refused('deferral', feedback, feedback.attempt),
  HardBounced: (feedback) =>
    isSuppressed(feedback)
      ? { event: 'reject', more: { reject: { reason: 'hard-bounce' } } }
      : refused('hard_bounce', feedback, feedback.attempt - 1),
  RetryOutcome: (feedback) => refused('soft_bounce', feedback, feedback.attempt - 1),
  Complained: () => ({ event: 'spam' }),
} satisfies Templates;

/** Mandrill's webhooks: events in a field of a form. */
export const MANDRILL = webhook(
  'mandrill',
  {
    contentType: 'application/x-www-form-urlencoded',
    eventsMax: 500,
    body: (events) => `mandrill_events=${encodeURIComponent(`[${events.join(',')}]`)}`,
    ...{ head: '', inFile: (event) => `${event}\n` },
  },
  (feedback, isIdentified) => {
    const { event, more } = factsOf(EVENTS, feedback) as Facts;
    const _id = compact(feedback.messageId);
    const relayedAt = 'relayedAt' in feedback ? feedback.relayedAt : feedback.occurredAt;
    const msg = {
      ...{ _id, email: addressOf(feedback), sender: SENDER, subject: 'News' },
      ...(relayedAt === null ? {} : { ts: seconds(relayedAt) }),
      ...{ metadata: idsOf(feedback, isIdentified), ...more },
    };
    return { event, _id, ts: seconds(feedback.occurredAt), msg };
  },
);
