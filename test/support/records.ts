import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as avro from 'avsc';
import type { Feedback, FeedbackKind } from '../../src/feedback/feedback';
import { type Fact, partitionOf, type RawRecord } from '../recount/read';

// Feedback as producers write it: Avro bytes in the Confluent wire format, keyed by the message, partitioned by murmur2.

const TOPICS: Record<FeedbackKind, string> = {
  Relayed: 'mta.relayed',
  Delivered: 'mta.delivered',
  HardBounced: 'mta.hard-bounced',
  SoftBounced: 'mta.soft-bounced',
  RetryOutcome: 'mta.retry-outcome',
  Complained: 'mta.complained',
};

/** Without blanks, as set-up registers it: producers and service then share one id. */
const schemaText = (topic: string): string =>
  JSON.stringify(
    JSON.parse(readFileSync(join(__dirname, '../../schemas', `${topic.slice('mta.'.length)}.avsc`), 'utf8')),
  );

/** Schema ids of the inputs' own schemas, by topic. */
export const SCHEMA_IDS: Readonly<Record<string, number>> = Object.fromEntries(
  Object.values(TOPICS).map((topic, index) => [topic, index + 1]),
);

/** Schemas by id, as a registry would answer. */
export const SCHEMAS: ReadonlyMap<number, string> = new Map(
  Object.entries(SCHEMA_IDS).map(([topic, id]) => [id, schemaText(topic)]),
);

const writers = new Map(
  [...SCHEMAS].map(([id, text]) => [id, avro.Type.forSchema(JSON.parse(text), { wrapUnions: false })]),
);

/** The five bytes before a record's body. */
export function wireHeader(schemaId: number): Buffer {
  const header = Buffer.alloc(5);
  header.writeInt32BE(schemaId, 1);
  return header;
}

/** One feedback as a record's value. */
export function encoded(feedback: Feedback): Buffer {
  const id = SCHEMA_IDS[TOPICS[feedback.kind]]!;
  return Buffer.concat([wireHeader(id), writers.get(id)!.toBuffer(feedback)]);
}

/** A record without its offset: what a producer writes, with its partition. */
export type Produced = Omit<RawRecord, 'offset'>;

/** One feedback as a producer writes it to a log of `partitions` partitions. */
export function produced(feedback: Feedback, partitions: number): Produced {
  const key = Buffer.from(feedback.messageId, 'utf8');
  return {
    topic: TOPICS[feedback.kind],
    partition: partitionOf(key, partitions),
    key,
    value: encoded(feedback),
    headerCount: 0,
  };
}

/** Adds the offsets that a log would assign. */
export function withOffsets(records: readonly Produced[]): RawRecord[] {
  const deps = new Map<string, number>();
  return records.map((record) => {
    const place = `${record.topic}/${record.partition}`;
    const offset = deps.get(place) ?? 0;
    deps.set(place, offset + 1);
    return { ...record, offset };
  });
}

/** Feedback as the recount represents it. */
export function factOf({ kind, ...fields }: Feedback): Fact {
  return { type: kind, ...fields };
}
