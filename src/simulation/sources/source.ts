import type { Feedback, Millis } from '../../feedback/feedback';
import type { Delivered, HardBounced, Relayed, RetryOutcome } from '../../feedback/records';
import { weighted } from '../dice';
import { ORDINARY, type OutcomeMix } from '../message-history';

/** What a source writes its events as in a file, and in the body of a request. */
export interface Framing {
  readonly contentType: string;
  /** Most events of one request; null where a source is no use in pieces. */
  readonly eventsMax: number | null;
  /** A whole body. */
  body(events: readonly string[]): string;
  /** What a file begins with. */
  readonly head: string;
  /** An event in a file. */
  inFile(event: string): string;
}

/** Rules with which a source's ids are found, as `efs ingest` takes them. */
export interface SourceIdentity {
  readonly deliveryId: readonly string[];
  readonly messageId: readonly string[];
}

/** A mail transfer agent or provider whose events are simulated. Pure. */
export interface SimulatedSource {
  /** The name of its format. */
  readonly name: string;
  readonly framing: Framing;
  /** Null where the customary places of the format suffice. */
  readonly identity: SourceIdentity | null;
  /** Whether events of one message only make sense together and in their order, as lines of a log do. */
  readonly isOrdered: boolean;
  /** The outcomes of the messages that it sends. */
  readonly mix: OutcomeMix;
  /** The feedback that is left when the source has said it: its times, classes and kinds. Null for what it never says. */
  sayable(feedback: Feedback): Feedback | null;
  /** What the source writes for sayable feedback, with or without the ids. */
  render(feedback: Feedback, isIdentified: boolean): string;
}

/** NDJSON in files, and `body` in requests. */
export const jsonFraming = (eventsMax: number, body: Framing['body']): Framing => ({
  contentType: 'application/json',
  eventsMax,
  body,
  head: '',
  inFile: (event) => `${event}\n`,
});

/** The lines of a log, which are no use in pieces unless a source says otherwise. */
export const LINES: Framing = {
  contentType: 'text/plain',
  eventsMax: null,
  body: (events) => events.map((event) => `${event}\n`).join(''),
  head: '',
  inFile: (event) => `${event}\n`,
};

/** A log has the receipt of every message, and at least one attempt. */
const LOGGED: OutcomeMix = {
  ...ORDINARY,
  relaysLost: 0,
  firstAttempt: weighted([
    ['delivered', 905],
    ['hard', 35],
    ['soft', 60],
  ]),
};

/** No source says a policy, a validity period or a size. */
export const relayedOnly = (feedback: Relayed): Relayed => ({
  ...feedback,
  policy: null,
  validityPeriodMs: null,
  deliverySize: null,
});

/** The success that ended retries, as a delivery. */
export function delivery({ outcome: _, ...feedback }: RetryOutcome): Delivered {
  const { eventId, messageId, deliveryId, occurredAt, recipientDomain, relayedAt, attempt } = feedback;
  return {
    kind: 'Delivered',
    ...{ eventId, messageId, deliveryId, occurredAt, recipientDomain, relayedAt, attempt },
  };
}

/** The failure that ended retries, as the refusal of a source that does not count its attempts. */
export function refusal(
  { outcome: _, inferred: __, ...feedback }: RetryOutcome,
  bounceClass: number,
): HardBounced {
  return { ...feedback, kind: 'HardBounced', attempt: 1, bounceClass, source: 'SYNC' };
}

const floored = (time: Millis): Millis => time - (time % 1_000);

/** The feedback with its times in whole seconds. */
export function inSeconds<Each extends Feedback>(feedback: Each): Each {
  const relayedAt = 'relayedAt' in feedback ? feedback.relayedAt : null;
  return {
    ...feedback,
    occurredAt: floored(feedback.occurredAt),
    ...(relayedAt === null ? {} : { relayedAt: floored(relayedAt) }),
  };
}

export const seconds = (time: Millis): number => Math.floor(time / 1_000);

/** The address that the message went to: the same for all of its events. */
export const addressOf = ({ messageId, recipientDomain }: Feedback): string =>
  `r-${messageId.slice(0, 8)}@${recipientDomain}`;

export const SENDING_DOMAIN = 'send.example.org';
export const SENDER = `news@${SENDING_DOMAIN}`;

/** The Message-ID of a message; without its ids one that says nothing. */
export const messageIdHeader = ({ messageId, deliveryId }: Feedback, isIdentified: boolean): string =>
  isIdentified
    ? `<${messageId}.${deliveryId}@${SENDING_DOMAIN}>`
    : `<${compact(messageId)}@${SENDING_DOMAIN}>`;

/** The pattern that finds the ids in `messageIdHeader`, as a rule for both. */
export const MESSAGE_ID_RULE = `message-id:<{messageId}.{deliveryId}@${SENDING_DOMAIN}>`;

/** What the logs of MTAs have in common whose lines follow each other by queue id, and name a message by its Message-ID. */
export const QUEUE_LOG = {
  framing: LINES,
  identity: { deliveryId: [MESSAGE_ID_RULE], messageId: [MESSAGE_ID_RULE] },
  isOrdered: true,
  mix: LOGGED,
} as const satisfies Partial<SimulatedSource>;

/** The source's own id of a message. */
export const compact = (messageId: string): string => messageId.replaceAll('-', '');
