import { iso } from '../../base/time';
import type { Feedback, Millis } from '../../feedback/feedback';
import { isNoFailure, type Reply, replyLine, replyOf, wordedClass } from './replies';
import {
  addressOf,
  delivery,
  MESSAGE_ID_RULE,
  messageIdHeader,
  relayedOnly,
  SENDER,
  type SimulatedSource,
} from './source';

const NOT_DEFINED = 1;
const ACCEPTED: Reply = { code: 250, status: '2.0.0', text: 'OK' };

/** Bounces that come back later, and complaints, are mails of their own: a log does not tell what they are about. */
function sayable(feedback: Feedback): Feedback | null {
  switch (feedback.kind) {
    case 'Relayed':
      return relayedOnly(feedback);
    case 'Delivered':
      return feedback;
    case 'HardBounced':
    case 'SoftBounced': {
      const { bounceClass, diagnostic, source } = feedback;
      if (source === 'ASYNC' || isNoFailure(bounceClass)) return null;
      return { ...feedback, bounceClass: wordedClass(bounceClass, diagnostic) };
    }
    case 'RetryOutcome':
      if (feedback.outcome === 'SUCCEEDED') return delivery(feedback);
      if (feedback.outcome === 'EXPIRED') return { ...feedback, bounceClass: null };
      return {
        ...feedback,
        bounceClass: wordedClass(feedback.bounceClass ?? NOT_DEFINED, feedback.diagnostic),
      };
    default:
      return null;
  }
}

/** The digits of long queue ids have no vowels. */
const DIGITS = '0123456789BCDFGH';

/** A long queue id: the same for all lines of a message, and another for one without ids. */
function queueId({ messageId }: Feedback, isIdentified: boolean): string {
  const digits = [...messageId.replaceAll('-', '')].map((digit) => DIGITS[Number.parseInt(digit, 16)] ?? '0');
  return `${isIdentified ? '4' : '5'}${digits.slice(0, 15).join('')}z${digits.slice(15, 19).join('')}`;
}

interface Said {
  readonly status: 'sent' | 'deferred' | 'bounced';
  readonly reply: Reply;
}

function saidOf(feedback: Feedback): Said {
  switch (feedback.kind) {
    case 'SoftBounced':
      return { status: 'deferred', reply: replyOf(feedback.bounceClass, false) };
    case 'HardBounced':
    case 'RetryOutcome':
      return { status: 'bounced', reply: replyOf(feedback.bounceClass ?? NOT_DEFINED, true) };
    default:
      return { status: 'sent', reply: ACCEPTED };
  }
}

/** The time since the message was accepted, in seconds; unknown where only the outcome is. */
function delay(feedback: Feedback): string {
  const relayedAt = ('relayedAt' in feedback ? feedback.relayedAt : null) ?? feedback.occurredAt;
  return ((feedback.occurredAt - relayedAt) / 1_000).toFixed(2);
}

function attemptLine(feedback: Feedback): string {
  const { status, reply } = saidOf(feedback);
  const { recipientDomain } = feedback;
  const host = `mx.${recipientDomain}[192.0.2.7]`;
  const dsn = reply.status ?? (status === 'deferred' ? '4.0.0' : '5.0.0');
  const answer =
    status === 'sent'
      ? replyLine(reply)
      : `host ${host} said: ${replyLine(reply)} (in reply to RCPT TO command)`;
  return [
    `to=<${addressOf(feedback)}>, relay=${host}:25, delay=${delay(feedback)}, delays=0.1/0/1.2/1.5, `,
    `dsn=${dsn}, status=${status} (${answer})`,
  ].join('');
}

/** `2026-11-25T08:26:43.120000+00:00`, as rsyslog writes it. */
const stamp = (time: Millis): string => iso(time).replace(/Z$/u, '000+00:00');

function linesOf(feedback: Feedback): readonly (readonly [program: string, text: string])[] {
  if (feedback.kind === 'Relayed')
    return [['qmgr[811]', `from=<${SENDER}>, size=8123, nrcpt=1 (queue active)`]];
  if (feedback.kind === 'RetryOutcome' && feedback.outcome === 'EXPIRED')
    return [['qmgr[811]', `from=<${SENDER}>, status=expired, returned to sender`]];
  return [['smtp[812]', attemptLine(feedback)]];
}

/** Each event with the line that names its Message-ID, as in a log that is read from wherever it begins. */
function render(feedback: Feedback, isIdentified: boolean): string {
  const named = ['cleanup[810]', `message-id=${messageIdHeader(feedback, isIdentified)}`] as const;
  return [named, ...linesOf(feedback)]
    .map(([program, text]) =>
      [
        stamp(feedback.occurredAt),
        'mx1',
        `postfix/${program}:`,
        `${queueId(feedback, isIdentified)}:`,
        text,
      ].join(' '),
    )
    .join('\n');
}

/** The log of Postfix, with the times of rsyslog and long queue ids. */
export const POSTFIX: SimulatedSource = {
  name: 'postfix',
  framing: {
    contentType: 'text/plain',
    eventsMax: null,
    body: (events) => events.map((event) => `${event}\n`).join(''),
    head: '',
    inFile: (event) => `${event}\n`,
  },
  identity: { deliveryId: [MESSAGE_ID_RULE], messageId: [MESSAGE_ID_RULE] },
  isOrdered: true,
  sayable,
  render,
};
