import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as avro from 'avsc';

// The recount's own reading of the input topics: bytes in, facts or a dead letter out. It is written from the
// agreement alone and shares no code with the service, so that a mistake in one of them shows as a difference.

/** One record of an input topic as anyone can read it from the log. Topic names are without a prefix. */
export interface RawRecord {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  readonly headerCount: number;
}

export interface ReadSettings {
  readonly partitions: number;
  readonly partitioner: 'murmur2' | 'off';
  /** 262,144 where absent. */
  readonly maxValueBytes?: number;
  /** 256 where absent. */
  readonly maxHeaders?: number;
}

/** A decoded record; `type` is the record type of its topic. Fields a type lacks are absent. */
export interface Fact {
  readonly type: 'Relayed' | 'Delivered' | 'HardBounced' | 'SoftBounced' | 'RetryOutcome' | 'Complained';
  readonly eventId: string;
  readonly messageId: string;
  readonly deliveryId: string;
  readonly occurredAt: number;
  readonly recipientDomain: string;
  readonly policy?: 'EFS' | 'RELAY' | null;
  readonly validityPeriodMs?: number | null;
  readonly deliverySize?: number | null;
  readonly relayedAt?: number | null;
  readonly attempt?: number;
  readonly bounceClass?: number | null;
  readonly diagnostic?: string | null;
  readonly source?: 'SYNC' | 'ASYNC';
  readonly outcome?: 'SUCCEEDED' | 'FAILED' | 'EXPIRED';
  readonly inferred?: boolean;
  readonly feedbackType?: string | null;
}

/** Either the fact, or the reasons with which the record may be dead-lettered (more than one only for huge longs). */
type Reading = { readonly fact: Fact } | { readonly deadLettered: readonly string[] };

const TYPES: Record<string, { type: Fact['type']; schema: string }> = {
  'mta.relayed': { type: 'Relayed', schema: 'relayed' },
  'mta.delivered': { type: 'Delivered', schema: 'delivered' },
  'mta.hard-bounced': { type: 'HardBounced', schema: 'hard-bounced' },
  'mta.soft-bounced': { type: 'SoftBounced', schema: 'soft-bounced' },
  'mta.retry-outcome': { type: 'RetryOutcome', schema: 'retry-outcome' },
  'mta.complained': { type: 'Complained', schema: 'complained' },
};

const YEAR_2000 = Date.UTC(2000, 0, 1);
const YEAR_2100 = Date.UTC(2100, 0, 1);
const LONG_TOO_BIG = /potential precision loss/;

interface Reader {
  readonly decode: (body: Buffer) => object;
}

/** Null where the writer schema is another record's or cannot be resolved to ours. */
function readerFor(topic: string, writerSchema: string): Reader | null {
  const { type, schema } = TYPES[topic]!;
  const ours = JSON.parse(readFileSync(join(__dirname, '../../schemas', `${schema}.avsc`), 'utf8'));
  const reader = avro.Type.forSchema(ours, { wrapUnions: false });
  try {
    const writer = avro.Type.forSchema(JSON.parse(writerSchema));
    if (writer.typeName !== 'record' || writer.name?.split('.').pop() !== type) return null;
    const resolver = reader.createResolver(writer);
    return { decode: (body) => reader.fromBuffer(body, resolver) as object };
  } catch {
    return null;
  }
}

function goodText(text: string, atMost: number): boolean {
  return text.length >= 1 && text.length <= atMost;
}

function goodId(text: string): boolean {
  return goodText(text, 128) && !/\p{Cc}/u.test(text);
}

function goodTime(at: number): boolean {
  return at >= YEAR_2000 && at < YEAR_2100;
}

function goodAmount(amount: number | null | undefined): boolean {
  return amount === null || amount === undefined || amount >= 0;
}

function fieldsAreGood(fact: Fact): boolean {
  const { relayedAt, attempt } = fact;
  return (
    (goodId(fact.eventId) || fact.eventId === `expiry/${fact.deliveryId}/${fact.messageId}`) &&
    goodId(fact.messageId) &&
    goodId(fact.deliveryId) &&
    !fact.deliveryId.includes('/') &&
    goodText(fact.recipientDomain, 253) &&
    goodTime(fact.occurredAt) &&
    (relayedAt === null || relayedAt === undefined || goodTime(relayedAt)) &&
    (attempt === undefined || (attempt >= 1 && attempt <= 1000)) &&
    goodAmount(fact.validityPeriodMs) &&
    goodAmount(fact.deliverySize)
  );
}

/** Murmur2 over the key's bytes as Kafka's Java clients compute it; signed 32 bits. */
export function murmur2(key: Buffer): number {
  const M = 0x5bd1e995;
  let hash = 0x9747b28c ^ key.length;
  const whole = key.length - (key.length % 4);
  for (let i = 0; i < whole; i += 4) {
    let k = Math.imul(key.readInt32LE(i), M);
    k = Math.imul(k ^ (k >>> 24), M);
    hash = Math.imul(hash, M) ^ k;
  }
  const rest = key.subarray(whole);
  if (rest.length > 0) {
    for (let i = rest.length - 1; i >= 0; i -= 1) hash ^= rest[i]! << (8 * i);
    hash = Math.imul(hash, M);
  }
  hash = Math.imul(hash ^ (hash >>> 13), M);
  return hash ^ (hash >>> 15);
}

/** Where a producer with Kafka's default partitioner puts a key. */
export function partitionOf(key: Buffer, partitions: number): number {
  return (murmur2(key) & 0x7fffffff) % partitions;
}

/** Returns a function that reads one record after another. Schemas by id; an id that is not there is unknown. */
export function recordReader(
  schemas: ReadonlyMap<number, string>,
  settings: ReadSettings,
): (record: RawRecord) => Reading {
  const readers = new Map<string, Reader | null>();
  const placed = new Map<string, number>();

  const cachedReader = (topic: string, id: number, schema: string): Reader | null => {
    const name = `${topic}/${id}`;
    if (!readers.has(name)) readers.set(name, readerFor(topic, schema));
    return readers.get(name)!;
  };
  const cachedPlace = (key: Buffer): number => {
    const text = key.toString('latin1');
    if (!placed.has(text)) placed.set(text, partitionOf(key, settings.partitions));
    return placed.get(text)!;
  };

  return ({ topic, partition, key, value, headerCount }) => {
    if (value === null) return { deadLettered: ['no-value'] };
    if (value.length > (settings.maxValueBytes ?? 262_144)) return { deadLettered: ['too-large'] };
    if (headerCount > (settings.maxHeaders ?? 256)) return { deadLettered: ['too-large'] };
    if (value.length < 5 || value[0] !== 0) return { deadLettered: ['not-avro'] };
    const id = value.readInt32BE(1);
    const schema = schemas.get(id);
    if (schema === undefined) return { deadLettered: ['unknown-schema'] };
    const reader = cachedReader(topic, id, schema);
    if (reader === null) return { deadLettered: ['wrong-record'] };
    let fact: Fact;
    try {
      fact = { type: TYPES[topic]!.type, ...reader.decode(value.subarray(5)) } as Fact;
    } catch (error) {
      return {
        deadLettered: LONG_TOO_BIG.test(String(error)) ? ['not-avro', 'invalid-field'] : ['not-avro'],
      };
    }
    if (!fieldsAreGood(fact)) return { deadLettered: ['invalid-field'] };
    if (key === null || !key.equals(Buffer.from(fact.messageId, 'utf8'))) {
      return { deadLettered: ['key-mismatch'] };
    }
    if (settings.partitioner === 'murmur2' && cachedPlace(key) !== partition) {
      return { deadLettered: ['wrong-partition'] };
    }
    return { fact };
  };
}
