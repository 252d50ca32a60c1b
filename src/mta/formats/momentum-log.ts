import { type Cause, causeOf } from '../classify';
import { type Meaning, mtaEvent, type Reading, unknownEvent } from '../event';
import { expiryCause } from '../expiry';
import type { LineFormat, ReaderSettings } from '../format';
import { type Json, list, number, text, whole } from '../json';
import { timeOf } from '../time';

/** Columns after the type, by type. */
const COLUMNS: Readonly<Record<string, readonly string[]>> = {
  R: ['local', 'domain', 'senderLocal', 'senderDomain', 'ip', 'size', 'protocol', 'bindingGroup', 'binding'],
  D: ['domain', 'size', 'bindingGroup', 'binding', 'retries', 'age', 'ip'],
  T: ['domain', 'size', 'bindingGroup', 'binding', 'stage', 'retries', 'age', 'ip', 'reply'],
  P: ['domain', 'size', 'bindingGroup', 'binding', 'stage', 'retries', 'age', 'ip', 'reply'],
  B: [
    ...['local', 'domain', 'senderLocal', 'senderDomain', 'bindingGroup', 'binding'],
    ...['stage', 'class', 'size', 'ip', 'reply'],
  ],
  F: ['local', 'domain', 'binding', 'bindingGroup', 'feedbackType', 'reporter', 'userString'],
};
/** Last columns that take the rest of the line: they may contain `@`. */
const TAKES_REST: ReadonlySet<string> = new Set(['reply', 'userString']);
const BEFORE_TYPE = ['time', 'id', 'batchId', 'connectionId'];

const MEANINGS: Readonly<Record<string, Meaning>> = {
  R: 'accepted',
  D: 'delivered',
  T: 'deferred',
  P: 'refused',
  B: 'refused',
  F: 'complained',
};

/** Transfers to another node, and heartbeats. */
const IGNORED: ReadonlySet<string> = new Set(['X', 'M', 'M1']);
const OUT_OF_BAND = '21';
/** The protocol of a bounce mail that Momentum has made itself; the reader keeps it in place of the sender. */
const INTERNAL = 'internal';
/** During and after RCPT TO. */
const RCPT_STAGES: ReadonlySet<string> = new Set(['4', '5']);
const EXPIRED = /5\.4\.7 \[internal\]|exceeded max time|message timeout/iu;
const TYPE_AT = 4;
const LINE_MAX = 16_384;
/** Messages whose addresses are kept until their outcome; the oldest are forgotten first. */
const OPEN_MAX = 100_000;

type Columns = Readonly<Record<string, string>>;

function columnsOf(parts: readonly string[], type: string, before: readonly string[]): Columns {
  const names = [...before, 'type', ...(COLUMNS[type] ?? [])];
  return Object.fromEntries(
    names.map((name, index) => [
      name,
      TAKES_REST.has(name) ? parts.slice(index).join('@') : (parts[index] ?? ''),
    ]),
  );
}

const address = (local: string | undefined, domain: string | undefined): string | null =>
  domain === undefined || domain === '' ? null : `${local ?? ''}@${domain}`;

function meaningOf(type: string, { stage, reply }: Columns): Meaning | undefined {
  const meaning = MEANINGS[type];
  if (meaning !== 'refused') return meaning;
  if (type === 'B' && stage === OUT_OF_BAND) return 'bounced';
  return EXPIRED.test(reply ?? '') ? 'expired' : meaning;
}

function causeIn(columns: Columns, meaning: Meaning): Cause | null {
  const reply = text(columns['reply']);
  const bounceClass = whole(columns['class']);
  if (columns['reply'] === undefined) return null;
  if (meaning === 'expired' && bounceClass === null) return expiryCause(reply);
  const command = RCPT_STAGES.has(columns['stage'] ?? '') ? 'RCPT' : null;
  return causeOf({ number: bounceClass, text: reply, command });
}

/** When the message was received: the line's time without the seconds since then. */
function relayedAt(occurredAt: number | null, { age }: Columns, zone: string): number | null {
  const seconds = number(age);
  return occurredAt === null || seconds === null || seconds < 0
    ? null
    : timeOf(Math.round(occurredAt - seconds * 1_000), zone);
}

/** A message that was received: its envelope sender, or `INTERNAL`. */
type Open = Map<string, string>;

/** The sender of the line, or of the reception of the same message. */
function senderOf(columns: Columns, open: Open): string | null {
  const { id = '', type = '' } = columns;
  const stated =
    columns['protocol'] === INTERNAL ? INTERNAL : address(columns['senderLocal'], columns['senderDomain']);
  const sender = stated ?? open.get(id) ?? null;
  if (type === 'R' && sender !== null) open.set(id, sender);
  if (type === 'D' || type === 'P') open.delete(id);
  if (open.size > OPEN_MAX) open.delete(open.keys().next().value ?? '');
  return sender;
}

function readLine(line: string, open: Open, { zone }: ReaderSettings): Reading {
  const parts = line.slice(0, LINE_MAX).replace(/\r$/u, '').split('@');
  const isComplaint = parts[2] === 'F';
  const type = isComplaint ? 'F' : (parts[TYPE_AT] ?? '');
  if (!/^\d+$/u.test(parts[0] ?? '') || type === '')
    return { rejected: 'not-parsable', detail: 'no line of a Momentum log' };
  if (IGNORED.has(type)) return { ignored: type };
  if (!Object.hasOwn(COLUMNS, type)) return unknownEvent(type);
  const columns = columnsOf(parts, type, isComplaint ? ['time', 'id'] : BEFORE_TYPE);
  const meaning = meaningOf(type, columns);
  if (meaning === undefined) return unknownEvent(type);
  const sender = senderOf(columns, open);
  if (sender === INTERNAL) return { ignored: INTERNAL };
  const { id = '', time = '', domain = '' } = columns;
  const occurredAt = timeOf(time, zone);
  return mtaEvent({
    event: type,
    meaning,
    fields: { ...columns, sender },
    eventId: `${type}:${id}:${time}:${columns['retries'] ?? ''}`,
    // What Momentum knows of a complaint is in X-MSFBL, which has no message id: the logged one is the report's.
    nativeId: meaning === 'complained' ? null : text(id),
    // Deliveries and failures name the domain alone: the id of an event is the same for all its lines.
    recipient: text(domain),
    occurredAt,
    relayedAt: relayedAt(occurredAt, columns, zone),
    attempt: (whole(columns['retries']) ?? 0) + 1,
    cause: causeIn(columns, meaning),
    envelope: sender === null ? [] : [sender],
    feedbackType: text(columns['feedbackType']),
  });
}

const savedPairs = (saved: Json): [string, string][] =>
  list(saved).flatMap((pair) => {
    const [id, sender] = list(pair).map(text);
    return typeof id === 'string' && typeof sender === 'string' ? [[id, sender] as [string, string]] : [];
  });

/** The logs `mainlog`, `bouncelog` and `fbllog` of Momentum, apart or together; times in seconds or microseconds. */
export const momentumLog: LineFormat = {
  name: 'momentum-log',
  framing: 'lines',
  identity: { deliveryId: [], messageId: [] },
  open(settings, saved) {
    const open: Open = new Map(savedPairs(saved));
    return {
      read: (line) => (line.trim() === '' ? [] : [readLine(line, open, settings)]),
      saved: () => [...open],
    };
  },
};
