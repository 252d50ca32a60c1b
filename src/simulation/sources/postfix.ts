import { iso } from '../../base/time';
import type { Feedback, Millis } from '../../feedback/feedback';
import { ABILITIES, NOT_DEFINED, sayableBy } from './abilities';
import { type Reply, replyLine, replyOf } from './replies';
import { addressOf, messageIdHeader, SENDER, QUEUE_LOG, type SimulatedSource } from './source';

const ACCEPTED: Reply = { code: 250, status: '2.0.0', text: 'OK' };

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

type Line = readonly [program: string, text: string];

const ACTIVE: Line = ['qmgr[811]', `from=<${SENDER}>, size=8123, nrcpt=1 (queue active)`];
const EXPIRED: Line = ['qmgr[811]', `from=<${SENDER}>, status=expired, returned to sender`];
const REMOVED: Line = ['qmgr[811]', 'removed'];

function linesOf(feedback: Feedback, isIdentified: boolean): readonly Line[] {
  const attempt: Line = ['smtp[812]', attemptLine(feedback)];
  switch (feedback.kind) {
    case 'Relayed':
      return [['cleanup[810]', `message-id=${messageIdHeader(feedback, isIdentified)}`], ACTIVE];
    case 'SoftBounced':
      // A retry is announced as the first attempt is.
      return feedback.attempt > 1 ? [ACTIVE, attempt] : [attempt];
    case 'RetryOutcome':
      return feedback.outcome === 'EXPIRED' ? [EXPIRED, REMOVED] : [ACTIVE, attempt, REMOVED];
    default:
      return [attempt, REMOVED];
  }
}

function render(feedback: Feedback, isIdentified: boolean): string {
  const begin = `${stamp(feedback.occurredAt)} mx1 postfix`;
  const id = queueId(feedback, isIdentified);
  return linesOf(feedback, isIdentified)
    .map(([program, text]) => `${begin}/${program}: ${id}: ${text}`)
    .join('\n');
}

/** The log of Postfix, with the times of rsyslog and long queue ids. */
export const POSTFIX: SimulatedSource = {
  name: 'postfix',
  ...QUEUE_LOG,
  sayable: sayableBy(ABILITIES.postfix),
  render,
};
