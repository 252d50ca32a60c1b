import { iso } from '../../base/time';
import type { Feedback } from '../../feedback/feedback';
import { ABILITIES, sayableBy } from './abilities';
import { answerIn, type Failure, replyLine } from './replies';
import { addressOf, compact, messageIdHeader, SENDER, QUEUE_LOG, type SimulatedSource } from './source';

const ROUTE = 'R=dnslookup T=remote_smtp';

/** What Exim writes of an attempt: the host, and its answer. */
function answered(feedback: Failure, error = ''): string {
  const host = `H=mx.${feedback.recipientDomain} [192.0.2.7]`;
  const after = `SMTP error from remote mail server after RCPT TO:<${addressOf(feedback)}>`;
  return `${ROUTE}${error} ${host}: ${after}: ${replyLine(answerIn(feedback))}`;
}

function linesOf(feedback: Feedback, isIdentified: boolean): readonly string[] {
  const to = addressOf(feedback);
  switch (feedback.kind) {
    case 'Relayed': {
      const id = messageIdHeader(feedback, isIdentified).slice(1, -1);
      return [`<= ${SENDER} H=app.example.org [192.0.2.1] P=esmtp S=8123 id=${id} for ${to}`];
    }
    case 'SoftBounced':
      return [`== ${to} ${answered(feedback, ' defer (-45)')}`];
    case 'HardBounced':
      return [`** ${to} ${answered(feedback)}`, 'Completed'];
    case 'RetryOutcome':
      return [
        `** ${to} ${feedback.outcome === 'EXPIRED' ? `${ROUTE}: retry timeout exceeded` : answered(feedback)}`,
        'Completed',
      ];
    default:
      return [`=> ${to} ${ROUTE} H=mx.${feedback.recipientDomain} [192.0.2.7] C="250 2.0.0 OK"`, 'Completed'];
  }
}

/** An id as of Exim 4.97: the same for all lines of a message. */
function eximId({ messageId }: Feedback): string {
  const digits = compact(messageId);
  return `${digits.slice(0, 6)}-${digits.slice(6, 17)}-${digits.slice(17, 21)}`;
}

function render(feedback: Feedback, isIdentified: boolean): string {
  const stamp = iso(feedback.occurredAt).replace('T', ' ').replace('Z', ' +0000');
  return linesOf(feedback, isIdentified)
    .map((line) => `${stamp} ${eximId(feedback)} ${line}`)
    .join('\n');
}

/** Exim's main log, with recipients on arrival, milliseconds and zone. */
export const EXIM: SimulatedSource = {
  name: 'exim',
  ...QUEUE_LOG,
  sayable: sayableBy(ABILITIES.exim),
  render,
};
