import { type MtaEvent, mtaEvent, type Reading } from './event';
import type { LineReader, ReaderSettings } from './format';
import type { Json } from './json';
import { Queue, type QueuedMessage } from './queue';

/*
 * What the logs of Exim and of Postfix have in common: lines about one message in a queue, of which several together are
 * an event.
 */

/** The outcome of mail without an envelope sender: bounces of the MTA's own. */
export const NULL_SENDER = 'null-sender';

export const ignored = (word: string): readonly Reading[] => [{ ignored: word }];

/** The match that begins at a place of a text, by a sticky pattern. */
export function matchedAt(pattern: RegExp, text: string, place: number): RegExpExecArray | null {
  pattern.lastIndex = place;
  return pattern.exec(text);
}

/** Where a message is queued: its id there, and what says so among the fields of its events. */
export interface QueuePlace {
  readonly nativeId: string;
  readonly named: object;
}

/** An event about a recipient of a queued message; `shown` are fields of the line beside those of all events. */
export function queuedEvent(
  { nativeId, named }: QueuePlace,
  message: QueuedMessage,
  recipient: string,
  given: Pick<MtaEvent, 'event' | 'meaning' | 'occurredAt'> & Partial<MtaEvent>,
  shown: object = {},
): MtaEvent {
  const { messageId, sender } = message;
  // Later lines may add headers.
  const headers = new Map(message.headers);
  const known = { from: sender, to: recipient, messageId, headers: Object.fromEntries(headers) };
  return mtaEvent({
    fields: { event: given.event, time: given.occurredAt, ...named, ...known, ...shown },
    nativeId,
    nativeIdIsShared: true,
    recipient,
    relayedAt: message.acceptedAt,
    envelope: sender === null ? [] : [sender],
    messageIdHeader: messageId,
    headers,
    ...given,
  });
}

/** The acceptance of a message, an event of its own for each recipient: at the first line that names the recipient. */
export function acceptance(
  place: QueuePlace,
  message: QueuedMessage,
  recipient: string,
  event: string,
): readonly Reading[] {
  const { acceptedAt: occurredAt } = message;
  if (occurredAt === null || message.recipients.has(recipient)) return [];
  return [queuedEvent(place, message, recipient, { event, meaning: 'accepted', occurredAt })];
}

/** Opens a reader of lines that keeps its queue between them. */
export const queueReader =
  (read: (line: string, settings: ReaderSettings, queue: Queue) => readonly Reading[]) =>
  (settings: ReaderSettings, saved: Json): LineReader<string> => {
    const queue = new Queue(saved);
    return { read: (line) => read(line, settings, queue), saved: () => queue.saved() };
  };
