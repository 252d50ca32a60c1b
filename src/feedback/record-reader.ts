import { types } from 'avsc';
import { constructed, type RecordMaker } from '../avro/resolution';
import { assert } from '../base/assert';
import type { FeedbackKind } from './feedback';
import { type RecordName, SCHEMAS } from './schemas';

/** The record of a topic, by this service's schema. */
export interface Reader {
  readonly fullName: string;
  readonly type: types.RecordType;
  readonly make: RecordMaker;
}

/** The reader of a record: feedback gets its `kind`, other records are unchanged. */
export function readerOf(record: RecordName, kind?: FeedbackKind): Reader {
  const { fullName, type } = SCHEMAS[record];
  assert(type instanceof types.RecordType, `${fullName} is a record`);
  return { fullName, type, make: kind === undefined ? constructed(type) : feedbackMaker(kind, type) };
}

/**
 * Makes feedback of one kind. All kinds have the same properties in the same order, undefined where a kind lacks the
 * field: one hidden class for V8, where a property access on six classes is several times as expensive.
 */
function feedbackMaker(kind: FeedbackKind, type: types.RecordType): RecordMaker {
  const defaults = type.fields.map((field) => field.defaultValue());
  const slot = (name: string): number => {
    const index = type.fields.findIndex((field) => field.name === name);
    return index < 0 ? defaults.length : index;
  };
  const [eventId, messageId, deliveryId] = [slot('eventId'), slot('messageId'), slot('deliveryId')];
  const [occurredAt, recipientDomain, relayedAt] = [
    slot('occurredAt'),
    slot('recipientDomain'),
    slot('relayedAt'),
  ];
  const [policy, validity, size] = [slot('policy'), slot('validityPeriodMs'), slot('deliverySize')];
  const [attempt, bounceClass, source] = [slot('attempt'), slot('bounceClass'), slot('source')];
  const [smtpCode, status, diagnostic] = [slot('smtpCode'), slot('enhancedStatus'), slot('diagnostic')];
  const [outcome, inferred] = [slot('outcome'), slot('inferred')];
  const feedbackType = slot('feedbackType');
  return (values) => {
    const at = (index: number): unknown => (values[index] === undefined ? defaults[index] : values[index]);
    return {
      kind,
      eventId: at(eventId),
      messageId: at(messageId),
      deliveryId: at(deliveryId),
      occurredAt: at(occurredAt),
      recipientDomain: at(recipientDomain),
      policy: at(policy),
      validityPeriodMs: at(validity),
      deliverySize: at(size),
      relayedAt: at(relayedAt),
      attempt: at(attempt),
      bounceClass: at(bounceClass),
      smtpCode: at(smtpCode),
      enhancedStatus: at(status),
      diagnostic: at(diagnostic),
      source: at(source),
      outcome: at(outcome),
      inferred: at(inferred),
      feedbackType: at(feedbackType),
    };
  };
}
