import { MINUTE_MS } from '../../base/time';
import type { Millis } from '../../feedback/feedback';
import { categoriesOf, causeOf } from '../classify';
import { type Meaning, type Reading, unknownEvent } from '../event';
import type { LineFormat, ReaderSettings } from '../format';
import type { Queue, QueuedMessage } from '../queue';
import { acceptance, ignored, NULL_SENDER, queuedEvent, type QueuePlace, queueReader } from '../queued-event';
import { type SyslogLine, syslogLine } from '../syslog';
import {
  causeOfStatus,
  DAEMONS,
  headerIn,
  messageIdIn,
  queueIdIn,
  type StatusLine,
  statusLine,
} from './postfix-lines';

/** A line about one message in a queue. */
interface QueueLine {
  readonly line: SyslogLine;
  readonly daemon: string;
  readonly queueId: string;
  /** The host's name is part of it: one log may have lines of several hosts. */
  readonly key: string;
  readonly text: string;
}

/** Agents that deliver within the machine: to a mailbox, a command or nowhere. */
const LOCAL_AGENTS: ReadonlySet<string> = new Set(['discard', 'local', 'pipe']);
const LOOPBACK = /\[(?:127\.\d|::1\]|private\/|\/)|^(?:127\.|localhost\b)/u;
const QUEUED_AS = /queued as ([\dA-Za-z]{5,40})/u;
const ADMINISTRATIVE = categoriesOf({ 'force-expired': 25 });

const STATUSES: ReadonlyMap<string, Meaning> = new Map([
  ['sent', 'delivered'],
  ['deferred', 'deferred'],
  ['bounced', 'refused'],
  // With `soft_bounce = yes` the message stays in the queue.
  ['softbounce', 'deferred'],
]);
const PROBES: ReadonlySet<string> = new Set(['deliverable', 'undeliverable']);

/** Where the message of a line is queued. */
const placeOf = ({ line, queueId }: QueueLine): QueuePlace => ({
  nativeId: queueId,
  named: { host: line.host, queueId },
});

/** Whether the message lives on under another queue id: it was handed to a filter on this machine. */
function isFilterHop(status: StatusLine, at: QueueLine, message: QueuedMessage, queue: Queue): boolean {
  const next = QUEUED_AS.exec(status.text)?.[1];
  if (status.status !== 'sent' || next === undefined) return false;
  const after = queue.find(`${at.line.host}/${next}`);
  const isSame = after !== null && after.messageId !== null && after.messageId === message.messageId;
  if (!isSame && !LOOPBACK.test(status.relay ?? '')) return false;
  // The second cleanup is often told not to look at headers again.
  if (after !== null)
    for (const [name, value] of message.headers)
      if (!after.headers.has(name)) queue.addHeader(after, name, value);
  return true;
}

const arrival = (time: Millis | null, delay: number | null): Millis | null =>
  time === null || delay === null ? null : Math.round(time - delay * 1_000);

/** In a log that is read from its middle the queue manager's line was that of a retry: the delay says so. */
function correctArrival(message: QueuedMessage, arrivedAt: Millis | null): void {
  const { acceptedAt } = message;
  if (message.recipients.size > 0 || acceptedAt === null || arrivedAt === null) return;
  if (arrivedAt < acceptedAt - MINUTE_MS) message.acceptedAt = arrivedAt;
}

function recipientLine(at: QueueLine, queue: Queue): readonly Reading[] {
  const status = statusLine(at.text);
  if (status === null)
    return [{ rejected: 'not-parsable', detail: 'a line about a recipient has no status' }];
  const word = status.status.toLowerCase();
  if (PROBES.has(word)) return ignored('probe');
  const meaning = STATUSES.get(word);
  if (meaning === undefined) return [unknownEvent(status.status)];
  const message = queue.find(at.key) ?? queue.start(at.key);
  if (message.sender === '') return ignored(NULL_SENDER);
  if (isFilterHop(status, at, message, queue)) {
    // The message is the latest again, after the one it became.
    queue.find(at.key);
    return ignored('filter-hop');
  }
  correctArrival(message, arrival(at.line.time, status.delay));
  const isLocal = LOCAL_AGENTS.has(at.daemon) && meaning !== 'refused';
  const accepted = isLocal ? [] : acceptance(placeOf(at), message, status.to, 'queue active');
  const recipient = queue.recipient(message, status.to);
  const attempt = recipient.deferrals + 1;
  recipient.isOpen = meaning === 'deferred';
  if (meaning === 'deferred') recipient.deferrals = attempt;
  if (isLocal) return ignored(at.daemon);
  const event = queuedEvent(
    ...([placeOf(at), message, status.to] as const),
    {
      ...{ event: word, meaning, occurredAt: at.line.time, attempt },
      relayedAt: message.acceptedAt ?? arrival(at.line.time, status.delay),
      cause: meaning === 'delivered' ? null : causeOfStatus(status),
    },
    { ...status, attempt },
  );
  return [...accepted, event];
}

/** The end of a message's time names no recipient: it is that of all who are still deferred. */
function expiry(at: QueueLine, word: string, queue: Queue): readonly Reading[] {
  const message = queue.find(at.key);
  if (message?.sender === '' || at.text.startsWith('from=<>')) return ignored(NULL_SENDER);
  const open = [...(message?.recipients ?? [])].filter(([, { isOpen }]) => isOpen);
  if (message === null || open.length === 0)
    return [{ rejected: 'unmatched', detail: `no deferred recipient of ${at.queueId} is known` }];
  const forced = causeOf({ category: word, categories: ADMINISTRATIVE, text: 'force-expired' });
  return open.map(([to, recipient]) => {
    recipient.isOpen = false;
    const attempt = recipient.deferrals;
    const ended = { event: word, occurredAt: at.line.time, attempt } as const;
    return word === 'expired'
      ? queuedEvent(placeOf(at), message, to, { ...ended, meaning: 'expired' })
      : queuedEvent(placeOf(at), message, to, { ...ended, meaning: 'given-up', cause: forced });
  });
}

const SENDER = /^from=<((?:"(?:[^"\\]|\\.){0,320}"|[^"<>]){0,998})>, /u;
const ENDED = /^status=((?:force-)?expired)\b/u;

function queueManagerLine(at: QueueLine, queue: Queue): readonly Reading[] {
  const sender = SENDER.exec(at.text);
  if (sender === null) return ignored(at.daemon);
  const rest = at.text.slice(sender[0].length);
  const ended = ENDED.exec(rest)?.[1];
  if (ended !== undefined) return expiry(at, ended, queue);
  if (!rest.endsWith('(queue active)')) return ignored(at.daemon);
  const message = queue.find(at.key) ?? queue.start(at.key);
  message.sender = sender[1] ?? '';
  // The line comes again with every retry.
  message.acceptedAt ??= at.line.time;
  return ignored('queue active');
}

/** The message that is being received; a queue id that has been active before is used again for another one. */
function received(at: QueueLine, queue: Queue): QueuedMessage {
  const known = queue.find(at.key);
  return known === null || known.acceptedAt !== null ? queue.start(at.key) : known;
}

function cleanupLine(at: QueueLine, queue: Queue): readonly Reading[] {
  const header = headerIn(at.text);
  if (header !== null) queue.addHeader(received(at, queue), ...header);
  else if (at.text.startsWith('message-id=')) received(at, queue).messageId ??= messageIdIn(at.text);
  else if (/^(?:milter-)?(?:reject|discard): /u.test(at.text)) queue.forget(at.key);
  return ignored(at.daemon);
}

function queueLine(at: QueueLine, queue: Queue): readonly Reading[] {
  if (at.text.startsWith('to=<')) return recipientLine(at, queue);
  if (at.text === 'removed') {
    queue.forget(at.key);
    return ignored('removed');
  }
  if (/^(?:client=|uid=\d)/u.test(at.text)) queue.start(at.key);
  if (at.daemon.endsWith('qmgr')) return queueManagerLine(at, queue);
  return at.daemon === 'cleanup' ? cleanupLine(at, queue) : ignored(at.daemon);
}

function readLine(text: string, settings: ReaderSettings, queue: Queue): readonly Reading[] {
  if (text.trim() === '') return [];
  const line = syslogLine(text, settings);
  if (line === null)
    return [{ rejected: 'not-parsable', detail: 'the line does not begin as one of syslog' }];
  const [, daemon = ''] = /\/([^/]+)$/u.exec(line.program) ?? [];
  if (!DAEMONS.has(daemon)) return ignored('other');
  const found = queueIdIn(line.text);
  if (found === null) return ignored(daemon);
  const { queueId, rest } = found;
  return queueLine({ line, daemon, queueId, key: `${line.host}/${queueId}`, text: rest }, queue);
}

/** Postfix's log, from syslog or a `maillog_file`. */
export const postfix: LineFormat = {
  name: 'postfix',
  framing: 'lines',
  identity: { deliveryId: [], messageId: [] },
  open: queueReader(readLine),
};
