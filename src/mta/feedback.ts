import { must, unreachable } from '../base/assert';
import { DeliveryId, MessageId } from '../base/ids';
import type { Feedback, Millis } from '../feedback/feedback';
import { qualify } from '../feedback/qualification';
import type { BounceSource, Policy, RetryResult } from '../feedback/records';
import { masked } from '../feedback/redaction';
import { FEEDBACK_TOPICS } from '../feedback/topics';
import { invalidField } from '../feedback/validation';
import { hash } from 'node:crypto';
import { domainOf, recipientDigest } from './address';
import { type Classified, type ClassStep, type ClassTables, classify } from './classify';
import type { MtaEvent, Reading, Rejection } from './event';
import { identify, type Identity, type Ids, idOf, type IdentityRules } from './identity';
import { canonicalJson } from './json';

/** What the user has set for a source. */
export interface SourceSettings {
  /** The format's name: the beginning of every event id. */
  readonly format: string;
  readonly identity: IdentityRules;
  readonly classes: ClassTables;
  /** What `Relayed` records say. */
  readonly policy: Policy | null;
  readonly validityPeriodMs: Millis | null;
  /** Whether a message that was refused before its relay fails, or is as if it had not been. */
  readonly notRelayed: 'fail' | 'drop';
}

/** What became of one event. */
export type Mapped =
  | {
      readonly outcome: 'feedback';
      readonly feedback: Feedback;
      readonly from: {
        readonly event: string;
        readonly identity: Identity['rules'];
        readonly class: ClassStep | null;
      };
    }
  | { readonly outcome: 'ignored'; readonly event: string }
  | { readonly outcome: 'dead-letter'; readonly reason: Rejection; readonly detail: string };

const DIAGNOSTIC_MAX = 1_024;
const ATTEMPT_MAX = 1_000;
const ADMIN_FAILURE = 25;
const NOT_DEFINED = 1;
/** Classes of which an asynchronous bounce is a soft one: the contract's SoftBounced with source ASYNC. */
const SOFT_CLASSES: ReadonlySet<number> = new Set([20, 21, 22, 23, 24, 40, 70]);

/** Distinguishes an event that has no id: the same content gives the same id. */
function eventIdOf(event: MtaEvent, format: string): string {
  const recipient = event.recipient === null ? '' : `#${recipientDigest(event.recipient)}`;
  if (event.eventId !== null) {
    const id = idOf(`${format}:${event.eventId}${recipient}`);
    if (id !== null) return id;
  }
  const content = hash('sha256', canonicalJson(event.fields), 'base64url');
  return `${format}:${content}${recipient}`;
}

const attemptOf = (attempt: number): number =>
  Number.isFinite(attempt) ? Math.max(1, Math.min(ATTEMPT_MAX, Math.trunc(attempt))) : 1;

/** Text for `diagnostic`: no personal data, and short. */
const diagnosticOf = (text: string | null): string | null =>
  text === null || text.trim() === '' ? null : masked(text).trim().slice(0, DIAGNOSTIC_MAX);

const ADMINISTRATIVE: Classified = { bounceClass: ADMIN_FAILURE, by: 'default' };

/** The class of an event's cause. A refusal before the relay is an administrative one unless the source names its class. */
function classOf({ cause, meaning }: MtaEvent, classes: ClassTables): Classified | null {
  if (meaning !== 'not-relayed') return cause === null ? null : classify(cause, classes);
  const classified = cause === null ? ADMINISTRATIVE : classify(cause, classes);
  return classified.by === 'number' || classified.by === 'category' ? classified : ADMINISTRATIVE;
}

type Base = Pick<Feedback, 'eventId' | 'messageId' | 'deliveryId' | 'occurredAt' | 'recipientDomain'>;

function commonOf(event: MtaEvent, { deliveryId, messageId }: Identity, format: string): Base {
  return {
    eventId: eventIdOf(event, format),
    messageId: MessageId(messageId),
    deliveryId: DeliveryId(deliveryId),
    // A time that is missing is invalid, and named so by the validation.
    occurredAt: event.occurredAt ?? -1,
    recipientDomain: domainOf(event.recipient),
  };
}

function toFeedback(
  event: MtaEvent,
  common: Base,
  bounceClass: number | null,
  source: SourceSettings,
): Feedback {
  const { cause, relayedAt } = event;
  const attempt = attemptOf(event.attempt);
  const reply = {
    smtpCode: cause?.smtpCode ?? null,
    enhancedStatus: cause?.enhancedStatus ?? null,
    diagnostic: diagnosticOf(cause?.text ?? null),
  };
  const bounce = (kind: 'HardBounced' | 'SoftBounced', from: BounceSource): Feedback => ({
    kind,
    ...common,
    relayedAt,
    attempt,
    bounceClass: bounceClass ?? NOT_DEFINED,
    ...reply,
    source: from,
  });
  const retriesEnded = (outcome: RetryResult): Feedback => ({
    kind: 'RetryOutcome',
    ...common,
    relayedAt,
    attempt,
    outcome,
    bounceClass,
    ...reply,
    inferred: false,
  });
  switch (event.meaning) {
    case 'accepted': {
      const { policy, validityPeriodMs } = source;
      return { kind: 'Relayed', ...common, policy, validityPeriodMs, deliverySize: null };
    }
    case 'delivered':
      return { kind: 'Delivered', ...common, relayedAt, attempt };
    case 'deferred':
      return bounce('SoftBounced', 'SYNC');
    case 'refused':
      return attempt > 1 ? retriesEnded('FAILED') : bounce('HardBounced', 'SYNC');
    case 'given-up':
      return retriesEnded('FAILED');
    case 'expired':
      return retriesEnded('EXPIRED');
    case 'bounced':
      return bounce(SOFT_CLASSES.has(bounceClass ?? NOT_DEFINED) ? 'SoftBounced' : 'HardBounced', 'ASYNC');
    case 'not-relayed':
      return bounce('HardBounced', 'SYNC');
    case 'complained':
      return {
        kind: 'Complained',
        ...common,
        relayedAt,
        feedbackType: event.feedbackType,
      };
    default:
      return unreachable(event.meaning);
  }
}

/** Whether the class says that nothing has failed: an automatic reply, a subscription. */
const isNoFailure = (classified: Classified | null): boolean =>
  classified !== null && qualify(classified.bounceClass, null) === 'not-a-failure';

function valid(feedback: Feedback, from: Extract<Mapped, { outcome: 'feedback' }>['from']): Mapped {
  const invalid = invalidField(feedback);
  if (invalid !== null) return { outcome: 'dead-letter', reason: 'invalid-field', detail: invalid };
  return { outcome: 'feedback', feedback, from };
}

const GIVEN_IDS = { deliveryId: 'value.deliveryId', messageId: 'value.messageId' } as const;

const given = (feedback: Feedback, event: string): Mapped =>
  valid(feedback, {
    event,
    identity: GIVEN_IDS,
    class: 'bounceClass' in feedback && feedback.bounceClass !== null ? 'number' : null,
  });

/**
 * Feedback for an event of a source, or why there is none. A function of its arguments alone: the same event gives the
 * same record, byte for byte. `indexed` is what the index of native ids has for the event.
 */
export function mapReading(reading: Reading, source: SourceSettings, indexed: Ids | null = null): Mapped {
  if ('ignored' in reading) return { outcome: 'ignored', event: reading.ignored };
  if ('rejected' in reading)
    return { outcome: 'dead-letter', reason: reading.rejected, detail: reading.detail };
  if ('feedback' in reading) return given(reading.feedback, reading.event);
  const classified = classOf(reading, source.classes);
  if (isNoFailure(classified)) return { outcome: 'ignored', event: reading.event };
  if (reading.meaning === 'not-relayed' && source.notRelayed === 'drop')
    return { outcome: 'ignored', event: reading.event };
  const identity = identify(reading, source.identity, indexed);
  if ('missing' in identity) return { outcome: 'dead-letter', reason: 'unmatched', detail: identity.missing };
  const common = commonOf(reading, identity, source.format);
  const feedback = toFeedback(reading, common, classified?.bounceClass ?? null, source);
  return valid(feedback, {
    event: reading.event,
    identity: identity.rules,
    class: classified?.by ?? null,
  });
}

/** The input topic of feedback, without the tenant's prefix. */
export const topicOf = (feedback: Feedback): string =>
  must(
    FEEDBACK_TOPICS.find(({ kind }) => kind === feedback.kind),
    `no input topic takes ${feedback.kind}`,
  ).topic;

/** The JSON object that a dry run prints: a topic, a key and every field of the record by its name. */
export function printable(mapped: Mapped): object {
  if (mapped.outcome !== 'feedback') return mapped;
  const { outcome, feedback, from } = mapped;
  const { kind: _, ...value } = feedback;
  return { outcome, topic: topicOf(feedback), key: feedback.messageId, value, from };
}
