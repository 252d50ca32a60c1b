import type { Feedback, Millis } from '../feedback/feedback';
import type { Cause } from './classify';

/**
 * What an event means for its message, whichever source says it:
 * - `accepted`: the MTA has taken the message.
 * - `delivered`: the receiving server has taken it, at the first attempt or a later one.
 * - `deferred`: refused for now; the MTA tries again.
 * - `refused`: refused for good by the receiving server, at whichever attempt.
 * - `given-up`: the MTA ended its retries for another reason than time.
 * - `expired`: the MTA ended its retries because of time.
 * - `bounced`: a bounce that came back after the message had been accepted (out of band).
 * - `not-relayed`: refused before the MTA relayed it: suppressed, rejected by a policy, not generated.
 * - `complained`: the recipient has complained (feedback loop).
 *
 * The type of the event decides, never its status code: a refusal with a 4xx code can be final.
 */
export type Meaning =
  | 'accepted'
  | 'delivered'
  | 'deferred'
  | 'refused'
  | 'given-up'
  | 'expired'
  | 'bounced'
  | 'not-relayed'
  | 'complained';

/** One event about one message to one recipient, in the terms that all sources share. */
export interface MtaEvent {
  /** The source's own word: `out_of_band`, `TransientFailure`. */
  readonly event: string;
  readonly meaning: Meaning;
  /** What field paths of identity rules are looked up in; also what identifies an event without an id. */
  readonly fields: unknown;
  /** The source's id of the event, where it has one that stays the same when the event is sent again. */
  readonly eventId: string | null;
  /** The source's id of the message. */
  readonly nativeId: string | null;
  /** Whether one `nativeId` may stand for several recipients. */
  readonly nativeIdIsShared: boolean;
  /** The recipient's address, `Name <address>`, or a bare domain; null where the event does not say. */
  readonly recipient: string | null;
  /** When it happened, by the event alone; null where the event has no valid time. */
  readonly occurredAt: Millis | null;
  /** When the MTA accepted the message, where the event says so. */
  readonly relayedAt: Millis | null;
  /** The delivery attempt, from 1; 1 where the event does not say. */
  readonly attempt: number;
  /** Why it was deferred or failed; null where the event names no cause. */
  readonly cause: Cause | null;
  /** Envelope senders, and recipients of a bounce mail: where VERP may be. */
  readonly envelope: readonly string[];
  /** The Message-ID of the message, with or without angle brackets. */
  readonly messageIdHeader: string | null;
  /** Headers of the message, or of the original that was returned, by their name in lower case. */
  readonly headers: ReadonlyMap<string, string>;
  /** Only of complaints: `abuse`, `fraud`, `not-spam` and others (RFC 5965). */
  readonly feedbackType: string | null;
}

/** Why an event, or a whole input, cannot become feedback. */
export const REJECTIONS = ['not-parsable', 'unknown-event', 'unmatched', 'invalid-field'] as const;
export type Rejection = (typeof REJECTIONS)[number];

/** What a mapper makes of a part of its input. */
export type Reading =
  | MtaEvent
  /** Feedback that is complete as it is: its identity and its class are not looked for. */
  | { readonly feedback: Feedback; readonly event: string }
  /** Known, and no feedback: an open, a click, a heartbeat. `ignored` is the source's word. */
  | { readonly ignored: string }
  | { readonly rejected: Rejection; readonly detail: string };

const NO_HEADERS: ReadonlyMap<string, string> = new Map();

/** An event with everything absent that `given` does not name. */
export function mtaEvent(
  given: Pick<MtaEvent, 'event' | 'meaning' | 'fields'> & Partial<MtaEvent>,
): MtaEvent {
  return {
    eventId: null,
    nativeId: null,
    nativeIdIsShared: false,
    recipient: null,
    occurredAt: null,
    relayedAt: null,
    attempt: 1,
    cause: null,
    envelope: [],
    messageIdHeader: null,
    headers: NO_HEADERS,
    feedbackType: null,
    ...given,
  };
}

/** A reading for a word that the source's documentation does not name. */
export const unknownEvent = (word: unknown): Reading => ({
  rejected: 'unknown-event',
  detail:
    typeof word === 'string'
      ? `the event ${JSON.stringify(word.slice(0, 64))} is not known`
      : 'the event has no type',
});
