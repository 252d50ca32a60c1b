import type { DeadLetterReason, RecordLimits } from '../feedback/decode';
import type { Feedback } from '../feedback/feedback';
import type { RecordHeader } from '../log/source';
import { FEEDBACK_TOPICS } from '../feedback/topics';
import type { Dice } from './dice';
import { weighted } from './dice';
import type { Encode } from '../feedback/encode';
import type { FeedbackRecord, TrafficRecord } from './record';

interface PoisonInput {
  readonly record: FeedbackRecord;
  readonly encode: Encode;
  readonly source: Dice;
  readonly limits: RecordLimits;
  /** A value one byte over the limit, made once. */
  readonly longValue: Buffer;
}

/** One way to corrupt a record, and the reason for which the decoder must then reject it. */
interface Poison {
  readonly name: string;
  readonly reason: DeadLetterReason;
  /** Relative frequency. Bulky ones are rare. */
  readonly weight: number;
  corrupt(input: PoisonInput): Partial<TrafficRecord>;
}

/** A schema id that no registry has assigned. */
const UNKNOWN_ID = Buffer.from([0, 0x7f, 0xff, 0xff, 0xff]);

const value = ({ record }: PoisonInput): Buffer => record.value as Buffer;

const garbage: readonly ((bytes: Buffer) => Buffer)[] = [
  () => Buffer.alloc(0),
  () => Buffer.from('{"messageId":"json, not Avro"}'),
  (bytes) => bytes.subarray(0, 3),
  (bytes) => bytes.subarray(0, bytes.length - 1),
  (bytes) => Buffer.concat([bytes, Buffer.from([0])]),
];

const invalid: readonly ((feedback: Feedback) => Feedback)[] = [
  (feedback) => ({ ...feedback, deliveryId: `${feedback.deliveryId}/x` as Feedback['deliveryId'] }),
  (feedback) => ({ ...feedback, deliveryId: '' as Feedback['deliveryId'] }),
  (feedback) => ({ ...feedback, messageId: 'm'.repeat(129) as Feedback['messageId'] }),
  (feedback) => ({ ...feedback, messageId: `${feedback.messageId}\u0007` as Feedback['messageId'] }),
  (feedback) => ({ ...feedback, recipientDomain: '' }),
  (feedback) => ({ ...feedback, occurredAt: 0 }),
  (feedback) => ({ ...feedback, occurredAt: Math.floor(feedback.occurredAt / 1000) }),
  (feedback) => {
    if (feedback.kind === 'Relayed') return { ...feedback, validityPeriodMs: -1 };
    return feedback.kind === 'Complained' ? { ...feedback, relayedAt: 0 } : { ...feedback, attempt: 0 };
  },
];

const pick = <T>(source: Dice, list: readonly T[]): T => list[source.below(list.length)] as T;

const manyHeaders = (count: number): RecordHeader[] =>
  Array.from({ length: count }, (_, i) => ({ name: Buffer.from(`h${i}`), value: Buffer.from('x') }));

const POISONS: readonly Poison[] = [
  { name: 'tombstone', reason: 'no-value', weight: 10, corrupt: () => ({ value: null }) },
  {
    name: 'long value',
    reason: 'too-large',
    weight: 0.1,
    corrupt: ({ longValue }) => ({ value: longValue }),
  },
  {
    name: 'many headers',
    reason: 'too-large',
    weight: 0.5,
    corrupt: ({ limits }) => ({ headers: manyHeaders(limits.maxHeaders + 1) }),
  },
  {
    name: 'garbage',
    reason: 'not-avro',
    weight: 20,
    corrupt: (input) => ({ value: pick(input.source, garbage)(value(input)) }),
  },
  {
    name: 'unknown schema id',
    reason: 'unknown-schema',
    weight: 10,
    corrupt: (input) => ({ value: Buffer.concat([UNKNOWN_ID, value(input).subarray(5)]) }),
  },
  {
    name: 'record of another topic',
    reason: 'wrong-record',
    weight: 10,
    corrupt: ({ record }) => ({ topic: (record.topic + 1) % FEEDBACK_TOPICS.length }),
  },
  {
    name: 'invalid field',
    reason: 'invalid-field',
    weight: 20,
    corrupt: ({ source, encode, record }) => ({ value: encode(pick(source, invalid)(record.feedback)) }),
  },
  {
    name: 'key of another message',
    reason: 'key-mismatch',
    weight: 10,
    corrupt: ({ record }) => ({ key: Buffer.from(`not-${record.feedback.messageId}`) }),
  },
  { name: 'no key', reason: 'key-mismatch', weight: 5, corrupt: () => ({ key: null }) },
  { name: 'wrong partition', reason: 'wrong-partition', weight: 10, corrupt: () => ({ misplaced: true }) },
];

const byWeight = weighted(POISONS.map((poison) => [poison, poison.weight] as const));

/**
 * Makes corrupted copies of records: the first copies use every poison once, the others are drawn by weight. The original
 * is never lost, so the totals of the valid records do not depend on the poison among them.
 */
export function poisoner(source: Dice, encode: Encode, limits: RecordLimits) {
  const longValue = Buffer.alloc(limits.maxValueBytes + 1);
  let made = 0;
  return (record: FeedbackRecord): TrafficRecord => {
    const poison = POISONS[made++] ?? byWeight(source);
    const corrupted = poison.corrupt({ record, encode, source, limits, longValue });
    return { ...record, ...corrupted, feedback: null, poison: poison.reason };
  };
}
