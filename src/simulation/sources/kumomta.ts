import { iso } from '../../base/time';
import type { Feedback } from '../../feedback/feedback';
import { ORDINARY } from '../message-history';
import { ABILITIES, sayableBy } from './abilities';
import { replyOf, type Reply } from './replies';
import { addressOf, compact, jsonFraming, SENDING_DOMAIN, seconds, type SimulatedSource } from './source';

/** The words of its classifier; a class without a word is left to the reply. */
const CATEGORIES: ReadonlyMap<number, string> = new Map([
  [10, 'InvalidRecipient'],
  [20, 'BadConnection'],
  [21, 'BadDomain'],
  [22, 'QuotaIssues'],
  [24, 'MessageExpired'],
  [40, 'ProtocolErrors'],
  [50, 'PolicyRelated'],
  [51, 'SpamBlock'],
  [52, 'SpamContent'],
  [53, 'VirusRelated'],
  [54, 'RelayDenied'],
  [70, 'TransientFailure'],
  [100, 'ChallengeResponse'],
]);
const UNCATEGORIZED = 'Uncategorized';
const ACCEPTED: Reply = { code: 250, status: '2.0.0', text: 'OK' };
const EXPIRED: Reply = { code: 551, status: '5.4.7', text: 'KumoMTA internal: message expired' };

interface Said {
  readonly type: string;
  /** Attempts before this one. */
  readonly attempts: number;
  readonly reply: Reply;
  readonly category: string;
}

const refused = (type: string, attempts: number, bounceClass: number): Said => ({
  ...{ type, attempts, reply: replyOf(bounceClass, type !== 'TransientFailure') },
  category: CATEGORIES.get(bounceClass) ?? UNCATEGORIZED,
});

const accepted = (type: string, attempts: number): Said => ({
  ...{ type, attempts, reply: ACCEPTED, category: UNCATEGORIZED },
});

function saidOf(feedback: Feedback): Said {
  switch (feedback.kind) {
    case 'Relayed':
      return accepted('Reception', 0);
    case 'Delivered':
      return accepted('Delivery', feedback.attempt - 1);
    case 'HardBounced':
    case 'SoftBounced': {
      const { bounceClass, attempt, source } = feedback;
      if (source === 'ASYNC') return refused('OOB', 0, bounceClass);
      return refused(
        feedback.kind === 'HardBounced' ? 'Bounce' : 'TransientFailure',
        attempt - 1,
        bounceClass,
      );
    }
    case 'RetryOutcome':
      return feedback.outcome === 'EXPIRED'
        ? { type: 'Expiration', attempts: feedback.attempt, reply: EXPIRED, category: UNCATEGORIZED }
        : refused('Bounce', feedback.attempt - 1, feedback.bounceClass ?? 1);
    case 'Complained':
      return accepted('Feedback', 0);
  }
}

function responseOf({ code, status, text }: Reply): object {
  const [level, subject, detail] = status?.split('.').map(Number) ?? [];
  return {
    ...{ code, content: text, command: code >= 400 ? 'RCPT TO' : null },
    enhanced_code: status === null ? null : { class: level, subject, detail },
  };
}

const VERP = `b+{messageId}.{deliveryId}@${SENDING_DOMAIN}`;

/** The envelope sender: the place of the ids that comes back with an out-of-band bounce, whose headers do not. */
const senderOf = ({ messageId, deliveryId }: Feedback, isIdentified: boolean): string =>
  isIdentified ? `b+${messageId}.${deliveryId}@${SENDING_DOMAIN}` : `b@${SENDING_DOMAIN}`;

/** A complaint returns the original with its headers. */
function reportOf(feedback: Feedback, isIdentified: boolean): object {
  if (feedback.kind !== 'Complained') return {};
  const { messageId, deliveryId, feedbackType } = feedback;
  const ids = isIdentified ? `X-Delivery-ID: ${deliveryId}\r\nX-Message-ID: ${messageId}\r\n` : '';
  return {
    feedback_report: {
      ...(feedbackType === null ? {} : { feedback_type: feedbackType }),
      ...{ version: '1', user_agent: 'feedback-loop/1.0', original_rcpto_to: [addressOf(feedback)] },
      original_message: `Subject: News\r\n${ids}\r\n`,
    },
  };
}

function render(feedback: Feedback, isIdentified: boolean): string {
  const { messageId, deliveryId, occurredAt, recipientDomain } = feedback;
  const { type, attempts, reply, category } = saidOf(feedback);
  const isAnother = type === 'OOB' || type === 'Feedback';
  const relayedAt = 'relayedAt' in feedback ? feedback.relayedAt : occurredAt;
  return JSON.stringify({
    type,
    id: isAnother ? compact(feedback.eventId) : compact(messageId),
    sender: senderOf(feedback, isIdentified && type !== 'Feedback'),
    recipient: addressOf(feedback),
    ...{ queue: recipientDomain, site: type === 'Reception' ? '' : `mx.${recipientDomain}`, size: 8_123 },
    response: responseOf(reply),
    ...(relayedAt === null ? {} : { created: seconds(relayedAt), created_time: iso(relayedAt) }),
    ...{ timestamp: seconds(occurredAt), event_time: iso(occurredAt) },
    ...{ num_attempts: attempts, bounce_classification: category },
    headers: isIdentified && !isAnother ? { 'X-Delivery-ID': deliveryId, 'X-Message-ID': messageId } : {},
    ...reportOf(feedback, isIdentified),
    ...{ meta: {}, nodeid: '5d1c2a52-7b0c-4a6e-9c1f-0d6f0f1c7a10' },
  });
}

/** Records of KumoMTA's log hooks: one object each, an array of them in a batch. */
export const KUMOMTA: SimulatedSource = {
  name: 'kumomta',
  framing: jsonFraming(500, (events) => `[${events.join(',')}]`),
  identity: {
    deliveryId: ['headers.X-Delivery-ID', `verp:${VERP}`],
    messageId: ['headers.X-Message-ID', `verp:${VERP}`],
  },
  isOrdered: false,
  mix: ORDINARY,
  sayable: sayableBy(ABILITIES.kumomta),
  render,
};
