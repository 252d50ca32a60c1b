import type { Millis } from '../../feedback/feedback';
import { type Cause, categoriesOf, causeOf } from '../classify';
import type { MtaEvent, Reading } from '../event';
import { expiryCause } from '../expiry';
import type { LineFormat, ReaderSettings } from '../format';
import type { Queue } from '../queue';
import { acceptance, ignored, NULL_SENDER, queuedEvent, type QueuePlace, queueReader } from '../queued-event';
import { syslogLine } from '../syslog';
import { timeOf } from '../time';
import { type EximLine, eximLine, type Tokens, tokensOf } from './exim-lines';

interface MessageLine extends EximLine {
  readonly occurredAt: Millis | null;
}

const LINE_MAX = 8_192;
const EXPIRED =
  /retry timeout exceeded|have been failing for a long time|after a long failure period|last tried after this message arrived/u;
const CANCELLED = /delivery cancelled by administrator/u;
/** A wait for a host that failed before, for this or another message: no attempt was made. */
const NOT_TRIED = /^retry time not reached/u;
const CATEGORIES = categoriesOf({ 'not-tried': 20, cancelled: 25 });
/** What Exim writes before the reply of another server. */
const AFTER = / after (?:pipelined )?(?:sending )?([A-Za-z]{3,7})\b.{0,1100}?: (?=[245]\d\d[ -])/u;

/** The cause in a line: the other server's reply, else Exim's own text. */
function causeIn(text: string, category: string | null = null): Cause {
  const after = AFTER.exec(text);
  if (after === null) return causeOf({ text, category, categories: CATEGORIES });
  return causeOf({
    text: text.slice(after.index + after[0].length),
    command: after[1] ?? null,
    category,
    categories: CATEGORIES,
  });
}

/** Where the message of a line is queued. */
const placeOf = ({ id }: MessageLine): QueuePlace => ({ nativeId: id, named: { id } });

function arrival(line: MessageLine, queue: Queue): readonly Reading[] {
  const tokens = tokensOf(line.rest);
  if (tokens === null) return [{ rejected: 'not-parsable', detail: 'a message arrives without a sender' }];
  const message = queue.find(line.id) ?? queue.start(line.id);
  message.sender = tokens.address === '<>' ? '' : tokens.address;
  message.messageId = tokens.values.get('id') ?? null;
  message.acceptedAt = line.occurredAt;
  if (message.sender === '') return ignored(NULL_SENDER);
  const accepted = tokens.recipients.flatMap((recipient) => {
    const found = acceptance(placeOf(line), message, recipient, '<=');
    queue.recipient(message, recipient);
    return found;
  });
  return accepted.length === 0 ? ignored('<=') : accepted;
}

type Outcome = Pick<MtaEvent, 'meaning' | 'cause'>;

/** What a line about a recipient means; null for a wait of which nothing new is known. */
function outcomeOf(flag: string, { text }: Tokens, isFirst: boolean): Outcome | null {
  if (flag !== '==' && flag !== '**') return { meaning: 'delivered', cause: null };
  if (flag === '**') {
    if (CANCELLED.test(text)) return { meaning: 'given-up', cause: causeIn(text, 'cancelled') };
    if (EXPIRED.test(text)) return { meaning: 'expired', cause: expiryCause(causeIn(text).text) };
    return { meaning: 'refused', cause: causeIn(text) };
  }
  if (!NOT_TRIED.test(text)) return { meaning: 'deferred', cause: causeIn(text) };
  return isFirst ? { meaning: 'deferred', cause: causeIn(text, 'not-tried') } : null;
}

function recipientLine(line: MessageLine, flag: string, queue: Queue): readonly Reading[] {
  const tokens = tokensOf(line.rest);
  if (tokens === null) return [{ rejected: 'not-parsable', detail: 'a line about a recipient names none' }];
  const message = queue.find(line.id) ?? queue.start(line.id);
  if (message.sender === '') return ignored(NULL_SENDER);
  if (flag === '*>') return ignored(flag);
  const to = tokens.original ?? tokens.address;
  const accepted = acceptance(placeOf(line), message, to, '<=');
  const recipient = queue.recipient(message, to);
  const outcome = outcomeOf(flag, tokens, !recipient.isOpen);
  if (outcome === null) return ignored('retry time not reached');
  const attempt = recipient.deferrals + 1;
  recipient.isOpen = outcome.meaning === 'deferred';
  if (outcome.meaning === 'deferred' && !NOT_TRIED.test(tokens.text)) recipient.deferrals = attempt;
  const shown = { address: tokens.address, ...Object.fromEntries(tokens.values), text: tokens.text, attempt };
  const given = { event: flag, occurredAt: line.occurredAt, attempt, ...outcome };
  return [...accepted, queuedEvent(placeOf(line), message, to, given, shown)];
}

/** A header that an ACL logs: `warn log_message = X-Delivery-ID: $h_X-Delivery-ID:`. */
const LOGGED_HEADER = /Warning: (X-[!-9;-~]{1,74}): (\S.{0,998})$/u;

function otherLine({ id, rest }: MessageLine, queue: Queue): readonly Reading[] {
  const [, name, value = ''] = LOGGED_HEADER.exec(rest) ?? [];
  if (name !== undefined) queue.addHeader(queue.find(id) ?? queue.start(id), name, value.trim());
  const isEnd = rest === 'Completed' || rest.startsWith('Completed ');
  if (isEnd) queue.forget(id);
  return ignored(isEnd ? 'Completed' : 'other');
}

function messageLine(line: MessageLine, queue: Queue): readonly Reading[] {
  switch (line.flag) {
    case null:
      return otherLine(line, queue);
    case '<=':
      return arrival(line, queue);
    default:
      return recipientLine(line, line.flag, queue);
  }
}

function readLine(text: string, settings: ReaderSettings, queue: Queue): readonly Reading[] {
  const written = text.slice(0, LINE_MAX).trimEnd();
  if (written === '') return [];
  // Exim writes its own date into syslog too.
  const line = eximLine(written) ?? eximLine(syslogLine(written, settings)?.text ?? '');
  if (line === null)
    return [{ rejected: 'not-parsable', detail: "the line does not begin as one of Exim's" }];
  if (line === 'other') return ignored('other');
  return messageLine({ ...line, occurredAt: timeOf(line.time, settings.zone) }, queue);
}

/** Exim's main log. */
export const exim: LineFormat = {
  name: 'exim',
  framing: 'lines',
  identity: { deliveryId: [], messageId: [] },
  open: queueReader(readLine),
};
