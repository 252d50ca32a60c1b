import { iso } from '../../base/time';
import type { Feedback, Millis } from '../../feedback/feedback';
import { ORDINARY } from '../message-history';
import { ABILITIES, sayableBy } from './abilities';
import { replyLine, replyOf } from './replies';
import { addressOf, SENDER, type SimulatedSource } from './source';

const COLUMNS = [
  ...[
    'type',
    'timeLogged',
    'timeQueued',
    'orig',
    'rcpt',
    'orcpt',
    'dsnAction',
    'dsnStatus',
    'dsnDiag',
    'dsnMta',
  ],
  ...[
    'bounceCat',
    'srcType',
    'srcMta',
    'dlvType',
    'dlvSourceIp',
    'dlvDestinationIp',
    'dlvSize',
    'vmta',
    'jobId',
  ],
  ...['envId', 'queue', 'feedbackType', 'header_X-Delivery-ID', 'header_X-Message-ID'],
] as const;
type Column = (typeof COLUMNS)[number];
type Cells = Partial<Record<Column, string>>;

/** A class without a category is left to the reply. */
const CATEGORIES: ReadonlyMap<number, string> = new Map([
  [10, 'bad-mailbox'],
  [20, 'no-answer-from-host'],
  [21, 'bad-domain'],
  [22, 'quota-issues'],
  [40, 'protocol-errors'],
  [50, 'policy-related'],
  [51, 'spam-related'],
  [52, 'content-related'],
  [53, 'virus-related'],
  [54, 'relaying-issues'],
]);

/** `2026-11-25 08:26:40+0000`. */
const written = (time: Millis): string => `${iso(time).slice(0, 19).replace('T', ' ')}+0000`;

function refused(type: string, bounceClass: number, dsnAction: 'failed' | 'delayed'): Cells {
  const reply = replyOf(bounceClass, dsnAction === 'failed');
  const status = reply.status ?? (dsnAction === 'failed' ? '5.0.0' : '4.0.0');
  return {
    ...{ type, dsnAction, dsnStatus: `${status} (${reply.text})`, dsnDiag: `smtp;${replyLine(reply)}` },
    bounceCat: CATEGORIES.get(bounceClass) ?? 'other',
  };
}

const EXPIRED: Cells = {
  ...{ type: 'b', dsnAction: 'failed', dsnStatus: '4.4.7 (delivery time expired)', dsnDiag: '' },
  bounceCat: 'message-expired',
};

function outcomeOf(feedback: Feedback): Cells {
  switch (feedback.kind) {
    case 'Relayed':
      return { type: 'r' };
    case 'Delivered':
      return { type: 'd', dsnAction: 'relayed', dsnStatus: '2.0.0 (success)', dsnDiag: 'smtp;250 2.0.0 OK' };
    case 'HardBounced':
    case 'SoftBounced':
      if (feedback.source === 'ASYNC') return refused('rb', feedback.bounceClass, 'failed');
      return feedback.kind === 'HardBounced'
        ? refused('b', feedback.bounceClass, 'failed')
        : refused('t', feedback.bounceClass, 'delayed');
    case 'RetryOutcome':
      return EXPIRED;
    case 'Complained':
      return { type: 'f', feedbackType: feedback.feedbackType ?? '' };
  }
}

const quoted = (cell: string): string => (/[",\r\n]/u.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell);
const rowOf = (cells: Cells): string => COLUMNS.map((column) => quoted(cells[column] ?? '')).join(',');

function render(feedback: Feedback, isIdentified: boolean): string {
  const { messageId, deliveryId, occurredAt, recipientDomain } = feedback;
  const relayedAt = 'relayedAt' in feedback ? feedback.relayedAt : occurredAt;
  const ids: Cells = { 'header_X-Delivery-ID': deliveryId, 'header_X-Message-ID': messageId };
  return rowOf({
    ...outcomeOf(feedback),
    timeLogged: written(occurredAt),
    ...(relayedAt === null ? {} : { timeQueued: written(relayedAt) }),
    ...{
      orig: SENDER,
      rcpt: addressOf(feedback),
      dsnMta: `mx.${recipientDomain} (192.0.2.7)`,
      vmta: 'vmta1',
    },
    ...{ srcType: 'smtp', dlvType: 'smtp', dlvSourceIp: '192.0.2.1', dlvSize: '8123' },
    queue: `${recipientDomain}/vmta1`,
    ...(isIdentified ? ids : {}),
  });
}

const HEAD = `${COLUMNS.join(',')}\n`;

/** Accounting files of PowerMTA. */
export const POWERMTA: SimulatedSource = {
  name: 'powermta',
  framing: {
    contentType: 'text/csv',
    eventsMax: 1_000,
    body: (events) => HEAD + events.map((event) => `${event}\n`).join(''),
    head: HEAD,
    inFile: (event) => `${event}\n`,
  },
  identity: null,
  isOrdered: false,
  mix: ORDINARY,
  sayable: sayableBy(ABILITIES.powermta),
  render,
};
