import type { Clock } from '../../src/base/clock';
import { feedbackDecoder, type FeedbackDecoderOptions } from '../../src/feedback/decode';
import type { FeedbackKind } from '../../src/feedback/feedback';
import { partitionOf } from '../../src/log/partitioner';
import { memoryRegistry, type MemoryRegistry } from '../../src/avro/registry.memory';
import { parseSchema } from '../../src/avro/schema';
import { SCHEMAS } from '../../src/feedback/schemas';
import type { LogRecord } from '../../src/log/source';
import { FEEDBACK_TOPICS } from '../../src/feedback/topics';

export const PARTITIONS = 12;
export const NOON = Date.UTC(2026, 10, 22, 12);

export const common = {
  eventId: 'event-1',
  messageId: 'message-1',
  deliveryId: 'delivery-1',
  occurredAt: NOON,
  recipientDomain: 'gmail.com',
};

/** A valid value of each kind, every optional field set. */
export const VALID: Readonly<Record<FeedbackKind, Record<string, unknown>>> = {
  Relayed: { ...common, policy: 'EFS', validityPeriodMs: 3_600_000, deliverySize: 1_000 },
  Delivered: { ...common, relayedAt: NOON - 5, attempt: 2 },
  HardBounced: {
    ...common,
    relayedAt: NOON - 5,
    attempt: 1,
    bounceClass: 10,
    smtpCode: 550,
    enhancedStatus: '5.1.1',
    diagnostic: '550 5.1.1 user unknown – déjà vu',
    source: 'ASYNC',
  },
  SoftBounced: {
    ...common,
    relayedAt: null,
    attempt: 1,
    bounceClass: -3,
    smtpCode: null,
    enhancedStatus: null,
    diagnostic: null,
    source: 'SYNC',
  },
  RetryOutcome: {
    ...common,
    relayedAt: NOON - 5,
    attempt: 1000,
    outcome: 'EXPIRED',
    bounceClass: null,
    smtpCode: 421,
    enhancedStatus: '',
    diagnostic: '',
    inferred: true,
  },
  Complained: { ...common, relayedAt: NOON - 5, feedbackType: 'abuse' },
};

export const topicOf = (kind: FeedbackKind): number =>
  FEEDBACK_TOPICS.findIndex((each) => each.kind === kind);

/** The types of the schemas by their text: most records are of a few schemas. */
const types = new Map<string, ReturnType<typeof parseSchema>>();

function typeOf(schema: string): ReturnType<typeof parseSchema> {
  const known = types.get(schema);
  if (known !== undefined) return known;
  const type = parseSchema(schema);
  types.set(schema, type);
  return type;
}

/** The wire format of a value; the schema is the topic's own by default. */
export function framed(id: number, kind: FeedbackKind, value: object, schema = SCHEMAS[kind].text): Buffer {
  const header = Buffer.alloc(5);
  header.writeInt32BE(id, 1);
  return Buffer.concat([header, typeOf(schema).toBuffer(value)]);
}

/** A record with this value, with the key and partition of a correct producer. */
export function recordOf(
  kind: FeedbackKind,
  value: Buffer | null,
  { messageId = common.messageId, ...rest }: Partial<LogRecord> & { messageId?: string } = {},
): LogRecord {
  const key = Buffer.from(messageId, 'utf8');
  return {
    topic: topicOf(kind),
    partition: partitionOf(key, PARTITIONS),
    offset: 7,
    timestamp: NOON,
    key,
    value,
    headerCount: 0,
    headers: () => [],
    ...rest,
  };
}

export interface World {
  readonly registry: MemoryRegistry;
  readonly decode: ReturnType<typeof feedbackDecoder>;
  /** The id of each kind's own schema. */
  readonly ids: Readonly<Record<FeedbackKind, number>>;
  /** Registers another schema for a kind's topic; returns its id. */
  add(kind: FeedbackKind, schema: string): Promise<number>;
  /** Decodes one record to its value, or to `reason: detail`. */
  one(record: LogRecord): Promise<unknown>;
  /** A record of this kind with some fields changed. */
  given(kind: FeedbackKind, changes?: Record<string, unknown>): LogRecord;
}

/** A decoder on a registry in memory with the inputs' schemas. The clock stands still by default. */
export async function world(options: Partial<FeedbackDecoderOptions> = {}): Promise<World> {
  const registry = memoryRegistry();
  const clock: Clock = { now: () => 0, monotonic: () => 0, sleep: () => Promise.resolve() };
  const decode = feedbackDecoder({
    registry,
    clock,
    topics: FEEDBACK_TOPICS,
    limits: { maxValueBytes: 256 * 1024, maxHeaders: 256 },
    partitioner: 'murmur2',
    partitions: PARTITIONS,
    ...options,
  });
  const ids: Record<FeedbackKind, number> = {
    Relayed: 0,
    Delivered: 0,
    HardBounced: 0,
    SoftBounced: 0,
    RetryOutcome: 0,
    Complained: 0,
  };
  const add = async (kind: FeedbackKind, schema: string): Promise<number> => {
    const registered = await registry.register(`${kind}-value`, schema);
    if ('incompatible' in registered) throw new Error(registered.incompatible);
    return registered.id;
  };
  for (const { kind } of FEEDBACK_TOPICS) ids[kind] = await add(kind, SCHEMAS[kind].text);
  return {
    registry,
    decode,
    ids,
    add,
    async one(record) {
      const { inputs, rejected } = await decode([record]);
      if (inputs.length + rejected.length !== 1)
        throw new Error('a record is in exactly one of the two lists');
      return inputs[0] ?? `${rejected[0]?.reason}: ${rejected[0]?.detail}`;
    },
    given(kind, changes = {}) {
      const value = { ...VALID[kind], ...changes };
      return recordOf(kind, framed(ids[kind], kind, value), { messageId: String(value['messageId']) });
    },
  };
}

export interface Field {
  name: string;
  type: unknown;
  default?: unknown;
}
interface RecordText {
  fields: Field[];
}

/** The schema of a kind with its fields changed. */
export function changed(
  kind: 'Relayed' | 'Delivered' | 'HardBounced',
  change: (fields: Field[]) => Field[],
): string {
  const schema = JSON.parse(SCHEMAS[kind].text) as RecordText;
  return JSON.stringify({ ...schema, fields: change(schema.fields) });
}
