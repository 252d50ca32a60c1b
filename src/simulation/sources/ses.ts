import { iso } from '../../base/time';
import type { Feedback } from '../../feedback/feedback';
import { ORDINARY } from '../message-history';
import { ABILITIES, NOT_DEFINED, sayableBy } from './abilities';
import { replyLine, replyOf } from './replies';
import { addressOf, compact, jsonFraming, SENDER, type SimulatedSource } from './source';

const SUPPRESSED = 25;

/** Types of delays that name a reason; for others the reply does. */
const DELAYS: ReadonlyMap<number, string> = new Map([
  [20, 'TransientCommunicationFailure'],
  [22, 'MailboxFull'],
  [50, 'IPFailure'],
  [51, 'SpamDetected'],
]);

const recipient = (feedback: Feedback, bounceClass: number, action: 'failed' | 'delayed'): object => {
  const reply = replyOf(bounceClass, action === 'failed');
  return {
    emailAddress: addressOf(feedback),
    action,
    status: reply.status ?? (action === 'failed' ? '5.0.0' : '4.0.0'),
    diagnosticCode: `smtp; ${replyLine(reply)}`,
  };
};

type Bounce = Extract<Feedback, { kind: 'HardBounced' | 'SoftBounced' | 'RetryOutcome' }>;

/** The type and sub-type of a bounce: retries end in a transient one. */
function bounceTypes(feedback: Bounce, bounceClass: number): readonly [type: string, subType: string] {
  if (feedback.kind === 'RetryOutcome')
    return ['Transient', feedback.outcome === 'EXPIRED' ? 'CustomTimeoutExceeded' : 'General'];
  if (bounceClass === SUPPRESSED && feedback.source === 'SYNC')
    return ['Permanent', 'OnAccountSuppressionList'];
  return bounceClass === NOT_DEFINED ? ['Undetermined', 'Undetermined'] : ['Permanent', 'General'];
}

function bounceOf(feedback: Bounce): object {
  const { occurredAt, recipientDomain, bounceClass } = feedback;
  const [bounceType, bounceSubType] = bounceTypes(feedback, bounceClass ?? NOT_DEFINED);
  const isAsync = feedback.kind !== 'RetryOutcome' && feedback.source === 'ASYNC';
  const address = addressOf(feedback);
  return {
    eventType: 'Bounce',
    bounce: {
      ...{ bounceType, bounceSubType, timestamp: iso(occurredAt), feedbackId: feedback.eventId },
      bouncedRecipients: [
        bounceClass === null ? { emailAddress: address } : recipient(feedback, bounceClass, 'failed'),
      ],
      reportingMTA: isAsync ? `dns; mx.${recipientDomain}` : 'dns; a8-31.smtp-out.amazonses.com',
      ...(isAsync ? {} : { remoteMtaIp: '192.0.2.7' }),
    },
  };
}

function factsOf(feedback: Feedback): object {
  const timestamp = iso(feedback.occurredAt);
  switch (feedback.kind) {
    case 'Relayed':
      return { eventType: 'Send', send: {} };
    case 'Delivered': {
      const reply = { smtpResponse: '250 2.0.0 OK', remoteMtaIp: '192.0.2.7', processingTimeMillis: 1_200 };
      return { eventType: 'Delivery', delivery: { timestamp, recipients: [addressOf(feedback)], ...reply } };
    }
    case 'SoftBounced': {
      const { bounceClass, source } = feedback;
      if (source === 'ASYNC') return bounceOf(feedback);
      const delayType = DELAYS.get(bounceClass) ?? 'Undetermined';
      const delayedRecipients = [recipient(feedback, bounceClass, 'delayed')];
      return { eventType: 'DeliveryDelay', deliveryDelay: { timestamp, delayType, delayedRecipients } };
    }
    case 'HardBounced':
    case 'RetryOutcome':
      return bounceOf(feedback);
    case 'Complained': {
      const { feedbackType, eventId: feedbackId } = feedback;
      const complainedRecipients = [{ emailAddress: addressOf(feedback) }];
      const type = feedbackType === null ? {} : { complaintFeedbackType: feedbackType };
      return { eventType: 'Complaint', complaint: { timestamp, feedbackId, complainedRecipients, ...type } };
    }
  }
}

function render(feedback: Feedback, isIdentified: boolean): string {
  const { messageId, deliveryId, occurredAt } = feedback;
  const relayedAt = 'relayedAt' in feedback ? feedback.relayedAt : occurredAt;
  const tags = isIdentified ? { delivery: [deliveryId], message: [messageId] } : {};
  const mail = {
    ...(relayedAt === null ? {} : { timestamp: iso(relayedAt) }),
    ...{ source: SENDER, messageId: `0100${compact(messageId)}-000000` },
    ...{ destination: [addressOf(feedback)], headersTruncated: false },
    tags: { ...tags, 'ses:configuration-set': ['main'] },
  };
  return JSON.stringify({ ...factsOf(feedback), mail });
}

/** Events of a configuration set of Amazon SES, as Firehose writes them. */
export const SES: SimulatedSource = {
  name: 'ses',
  framing: jsonFraming(500, (events) => events.map((event) => `${event}\n`).join('')),
  identity: null,
  isOrdered: false,
  mix: ORDINARY,
  sayable: sayableBy(ABILITIES.ses),
  render,
};
