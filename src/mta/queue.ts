import type { Millis } from '../feedback/feedback';
import { type Json, list, text, whole } from './json';

/** What a log has told of one recipient of a queued message. */
export interface QueuedRecipient {
  /** How many attempts were deferred. */
  deferrals: number;
  /** Deferred, without an outcome since. */
  isOpen: boolean;
}

/** What the lines about one message in an MTA's queue have told so far. */
export interface QueuedMessage {
  messageId: string | null;
  /** Empty for the null sender of bounce mails; null where no line named it. */
  sender: string | null;
  acceptedAt: Millis | null;
  readonly headers: Map<string, string>;
  readonly recipients: Map<string, QueuedRecipient>;
}

/** Messages and recipients that are remembered, together. */
export const PLACES_MAX = 50_000;
const RECIPIENTS_MAX = 1_000;
const HEADERS_MAX = 8;
const TEXT_MAX = 1_024;

const cut = (value: string): string => value.slice(0, TEXT_MAX);

/**
 * The messages that a log of lines has named and that have not left the queue. Of more than `max` messages and recipients
 * those give way whose last line is the oldest: what is then read of them lacks what earlier lines told.
 */
export class Queue {
  readonly #max: number;
  readonly #messages = new Map<string, QueuedMessage>();
  #places = 0;

  /** `saved` is what `saved()` gave; anything else is an empty queue. */
  constructor(saved: Json, max = PLACES_MAX) {
    this.#max = max;
    for (const each of Array.isArray(saved) ? (saved as readonly Json[]) : []) {
      const [key, messageId, sender, acceptedAt, headers, recipients] = list(each);
      if (typeof key !== 'string') continue;
      const message = this.start(key);
      message.messageId = text(messageId);
      message.sender = typeof sender === 'string' ? sender : null;
      message.acceptedAt = whole(acceptedAt);
      for (const [name, value] of list(headers).map(list))
        this.addHeader(message, text(name) ?? '', text(value) ?? '');
      for (const [address, deferrals, isOpen] of list(recipients).map(list)) {
        const recipient = this.recipient(message, text(address) ?? '');
        recipient.deferrals = whole(deferrals) ?? 0;
        recipient.isOpen = isOpen === true;
      }
    }
  }

  /** What is known of a message; it becomes the latest one. */
  find(key: string): QueuedMessage | null {
    const message = this.#messages.get(key);
    if (message === undefined) return null;
    this.#messages.delete(key);
    this.#messages.set(key, message);
    return message;
  }

  /** A message of which nothing is known yet, in the place of any former one with the key. */
  start(key: string): QueuedMessage {
    this.forget(key);
    const message = {
      ...{ messageId: null, sender: null, acceptedAt: null },
      ...{ headers: new Map(), recipients: new Map() },
    };
    this.#messages.set(key, message);
    this.#take();
    return message;
  }

  forget(key: string): void {
    const message = this.#messages.get(key);
    if (message === undefined) return;
    this.#messages.delete(key);
    this.#places -= 1 + message.recipients.size;
  }

  /** The first headers of a message, by their name in lower case. */
  addHeader(message: QueuedMessage, name: string, value: string): void {
    if (message.headers.size < HEADERS_MAX) message.headers.set(cut(name).toLowerCase(), cut(value));
  }

  /** A recipient of a message that this queue holds. */
  recipient(message: QueuedMessage, address: string): QueuedRecipient {
    const known = message.recipients.get(cut(address));
    if (known !== undefined) return known;
    const recipient = { deferrals: 0, isOpen: false };
    const [oldest] = message.recipients.keys();
    if (message.recipients.size >= RECIPIENTS_MAX && oldest !== undefined) {
      message.recipients.delete(oldest);
      this.#places -= 1;
    }
    message.recipients.set(cut(address), recipient);
    this.#take();
    return recipient;
  }

  #take(): void {
    this.#places += 1;
    for (const key of this.#messages.keys()) {
      if (this.#places <= this.#max || this.#messages.size === 1) return;
      this.forget(key);
    }
  }

  /** A JSON value, from the message whose last line is the oldest to the latest one. */
  saved(): Json {
    return [...this.#messages].map(([key, { messageId, sender, acceptedAt, headers, recipients }]) => [
      ...[key, messageId, sender, acceptedAt],
      [...headers].map(([name, value]) => [name, value]),
      [...recipients].map(([address, { deferrals, isOpen }]) => [address, deferrals, isOpen]),
    ]);
  }
}
