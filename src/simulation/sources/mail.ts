import type { Feedback, Millis } from '../../feedback/feedback';
import type { Complained } from '../../feedback/records';
import { ORDINARY } from '../message-history';
import { ABILITIES, sayableBy } from './abilities';
import { type Reply, replyLine, replyOf } from './replies';
import {
  addressOf,
  compact,
  MESSAGE_ID_RULE,
  messageIdHeader,
  SENDER,
  SENDING_DOMAIN,
  type SimulatedSource,
} from './source';

const DELIVERED: Reply = { code: 250, status: '2.0.0', text: 'OK' };

interface Delivery {
  readonly action: 'failed' | 'delayed' | 'delivered';
  readonly subject: string;
  readonly reply: Reply;
}

function deliveryOf(feedback: Feedback): Delivery {
  if (feedback.kind === 'SoftBounced' && feedback.source === 'SYNC')
    return { action: 'delayed', subject: 'Delayed Mail', reply: replyOf(feedback.bounceClass, false) };
  if (feedback.kind === 'SoftBounced' || feedback.kind === 'HardBounced')
    return { action: 'failed', subject: 'Undelivered Mail', reply: replyOf(feedback.bounceClass, true) };
  return { action: 'delivered', subject: 'Successful Mail Delivery Report', reply: DELIVERED };
}

/** `Wed, 25 Nov 2026 08:26:43 +0000` (RFC 5322). */
const mailDate = (time: Millis): string => new Date(time).toUTCString().replace('GMT', '+0000');

function deliveryStatus(feedback: Feedback, { action, reply }: Delivery): readonly string[] {
  const { occurredAt, recipientDomain } = feedback;
  return [
    `Reporting-MTA: dns; mx.${recipientDomain}`,
    `Arrival-Date: ${mailDate(occurredAt)}`,
    '',
    `Final-Recipient: rfc822; ${addressOf(feedback)}`,
    `Action: ${action}`,
    `Status: ${reply.status ?? (action === 'failed' ? '5.0.0' : '4.0.0')}`,
    `Diagnostic-Code: smtp; ${replyLine(reply)}`,
    `Last-Attempt-Date: ${mailDate(occurredAt)}`,
  ];
}

function originalHeaders(feedback: Feedback, isIdentified: boolean): readonly string[] {
  return [
    `From: News <${SENDER}>`,
    `To: ${addressOf(feedback)}`,
    'Subject: News',
    `Message-ID: ${messageIdHeader(feedback, isIdentified)}`,
  ];
}

const part = (boundary: string, type: string, lines: readonly string[]): readonly string[] => [
  ...[`--${boundary}`, `Content-Type: ${type}`, ''],
  ...lines,
  '',
];

interface Report {
  readonly subject: string;
  readonly reportType: string;
  readonly lines: readonly string[];
}

function complaintReport(feedback: Complained): Report {
  const { feedbackType, occurredAt } = feedback;
  const lines = [
    ...(feedbackType === null ? [] : [`Feedback-Type: ${feedbackType}`]),
    ...['User-Agent: feedback-loop/1.0', 'Version: 1', `Original-Mail-From: <${SENDER}>`],
    ...[`Original-Rcpt-To: <${addressOf(feedback)}>`, `Arrival-Date: ${mailDate(occurredAt)}`],
  ];
  return { subject: 'Complaint about a message', reportType: 'feedback-report', lines };
}

function reportOf(feedback: Feedback): Report {
  if (feedback.kind === 'Complained') return complaintReport(feedback);
  const said = deliveryOf(feedback);
  const lines = deliveryStatus(feedback, said);
  return { subject: said.subject, reportType: 'delivery-status', lines };
}

function render(feedback: Feedback, isIdentified: boolean): string {
  const { occurredAt, recipientDomain } = feedback;
  const { subject, reportType, lines } = reportOf(feedback);
  const boundary = `report-${compact(feedback.messageId)}`;
  return [
    'Return-Path: <>',
    `Date: ${mailDate(occurredAt)}`,
    `From: Mail Delivery System <MAILER-DAEMON@mx.${recipientDomain}>`,
    `To: bounces@${SENDING_DOMAIN}`,
    `Subject: ${subject}`,
    'Auto-Submitted: auto-replied',
    'MIME-Version: 1.0',
    `Content-Type: multipart/report; report-type=${reportType}; boundary="${boundary}"`,
    '',
    ...part(boundary, 'text/plain; charset=utf-8', ['This is the mail system of the receiving server.']),
    ...part(boundary, `message/${reportType}`, lines),
    ...part(boundary, 'text/rfc822-headers', originalHeaders(feedback, isIdentified)),
    `--${boundary}--`,
    '',
  ].join('\n');
}

/** The line that begins a mail in an mbox; lines of the mail that look like it are quoted. */
const inMbox = (mail: string): string =>
  `From MAILER-DAEMON Thu Jan  1 00:00:00 1970\n${mail.replace(/^(>*From )/gmu, '>$1')}\n`;

/** Reports that receiving servers send back (RFC 3464): an mbox in a file, one mail in a request. */
export const MAIL: SimulatedSource = {
  name: 'mail',
  framing: {
    contentType: 'message/rfc822',
    eventsMax: 1,
    body: (events) => events.join(''),
    head: '',
    inFile: inMbox,
  },
  identity: { deliveryId: [MESSAGE_ID_RULE], messageId: [MESSAGE_ID_RULE] },
  isOrdered: false,
  mix: ORDINARY,
  sayable: sayableBy(ABILITIES.mail),
  render,
};
