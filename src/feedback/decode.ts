import { types } from 'avsc';
import type { Clock } from '../base/clock';
import { EfsError } from '../base/errors';
import type { Feedback, FeedbackKind } from './feedback';
import { partitionOf } from '../log/partitioner';
import type { Contribution } from './records';
import { FRAME_BYTES, frameFault, schemaIdIn } from '../avro/frame';
import { boundExceeded } from '../avro/schema';
import type { SchemaRegistry, WriterSchema } from '../avro/registry';
import { type Read, resolveRecord } from '../avro/resolution';
import { type Reader, readerOf } from './record-reader';
import type { LogRecord } from '../log/source';
import { FEEDBACK_TOPICS } from './topics';
import { invalidField, isKeyOf } from './validation';
import { type Cursor, cursorAt, isFinished } from '../avro/avro';
import { writerSchemaCache } from '../avro/writer-schema-cache';

/** Why a record is dead-lettered; the first reason that applies, in this order (docs/records.md). */
export const DEAD_LETTER_REASONS = [
  'batch-unreadable',
  'no-value',
  'too-large',
  'not-avro',
  'unknown-schema',
  'wrong-record',
  'invalid-field',
  'key-mismatch',
  'wrong-partition',
  'retired-delivery',
] as const;
export type DeadLetterReason = (typeof DEAD_LETTER_REASONS)[number];

/** A record that is not folded, and why. */
export interface Rejected {
  readonly record: LogRecord;
  readonly reason: DeadLetterReason;
  /** For the dead letter's header only: it may quote the record. */
  readonly detail: string;
}

/** The result of a batch: each record is in exactly one of the two, in the batch's order. */
export interface Decoded<Input> {
  readonly inputs: readonly Input[];
  readonly rejected: readonly Rejected[];
}

/** Decodes bytes to values. Waits only for schemas that are not cached; throws `registry-unavailable`. */
export type Decoder<Input> = (records: readonly LogRecord[]) => Promise<Decoded<Input>>;

/** Bounds on a record, checked before it is decoded. */
export interface RecordLimits {
  readonly maxValueBytes: number;
  readonly maxHeaders: number;
}

export interface DecoderOptions {
  readonly registry: SchemaRegistry;
  readonly limits: RecordLimits;
  readonly clock: Clock;
}

export interface FeedbackDecoderOptions extends DecoderOptions {
  /** The kind of feedback of each topic, by index. */
  readonly topics: readonly { readonly kind: FeedbackKind }[];
  /** How producers choose a record's partition; `off` disables the check. */
  readonly partitioner: 'murmur2' | 'off';
  /** Number of partitions of each topic. */
  readonly partitions: number;
}

/** A decoder of the input topics. Its output is valid: later stages do not check fields again. */
export function feedbackDecoder(options: FeedbackDecoderOptions): Decoder<Feedback> {
  const readers = options.topics.map(({ kind }) => readerOf(kind, kind));
  const checksPartition = options.partitioner === 'murmur2';
  const check = (record: LogRecord, feedback: Feedback): Problem | null => {
    const field = invalidField(feedback);
    if (field !== null) return { reason: 'invalid-field', detail: field };
    const { key } = record;
    if (key === null || !isKeyOf(key, feedback.messageId)) {
      return { reason: 'key-mismatch', detail: key === null ? 'no key' : 'the key is not the messageId' };
    }
    if (!checksPartition) return null;
    const home = partitionOf(key, options.partitions);
    if (home === record.partition) return null;
    return { reason: 'wrong-partition', detail: `the key belongs to partition ${home}` };
  };
  return decoder(options, readers, check, (_, feedback) => feedback);
}

/** A contribution, and where the log has it. */
export interface LoggedContribution extends Contribution {
  readonly offset: number;
}

/**
 * A decoder of the service's own contributions, topic index 0. It checks only the Avro encoding. Throws `batch-unreadable`:
 * the service alone writes them, and none may be left out.
 */
export function contributionDecoder(options: DecoderOptions): Decoder<LoggedContribution> {
  const decode = decoder<Contribution, LoggedContribution>(
    options,
    [readerOf('Contribution')],
    () => null,
    ({ offset }, contribution) => Object.assign(contribution, { offset }),
  );
  return async (records) => {
    for (const { unreadable } of records)
      if (unreadable !== undefined) throw new EfsError('batch-unreadable', unreadable);
    return decode(records);
  };
}

/**
 * Reads a value as feedback of any topic, without validation: for people who inspect dead letters. Null where it is not
 * feedback. Throws `registry-unavailable`.
 */
export function feedbackPeek(
  options: Pick<DecoderOptions, 'registry' | 'clock'>,
): (value: Buffer) => Promise<Feedback | null> {
  const readers = FEEDBACK_TOPICS.map(({ kind }) => readerOf(kind, kind));
  const { known, fetch } = writerSchemaCache({ ...options, prepare: (schema) => writerOf(schema, readers) });
  return async (value) => {
    if (frameFault(value) !== null) return null;
    const id = schemaIdIn(value);
    const writer = known(id);
    const read = (writer === undefined ? await fetch(id) : writer)?.read ?? null;
    if (read === null) return null;
    const cursor = cursorAt(value, FRAME_BYTES);
    const feedback = read(cursor) as Feedback;
    return isFinished(cursor) && !cursor.unresolved ? feedback : null;
  };
}

interface Problem {
  readonly reason: DeadLetterReason;
  readonly detail: string;
}

/** A writer schema: the topic whose record it is (−1 for none), and its reader, where one exists. */
interface Writer {
  readonly name: string;
  readonly topic: number;
  readonly read: Read | null;
  /** The bound that it exceeds, for which it is not read. */
  readonly exceeds?: string | null;
}

/**
 * The implementation of both decoders. It waits only for schemas that are not cached: they are requested one after the
 * other, so that a flood of made-up ids does not become a flood of requests.
 */
function decoder<Value, Input>(
  { registry, clock, limits }: DecoderOptions,
  readers: readonly Reader[],
  check: (record: LogRecord, value: Value) => Problem | null,
  inputOf: (record: LogRecord, value: Value) => Input,
): Decoder<Input> {
  const { known, fetch } = writerSchemaCache({
    registry,
    clock,
    prepare: (schema) => writerOf(schema, readers),
  });
  return async (records) => {
    const inputs: Input[] = [];
    const rejected: Rejected[] = [];
    const reject = (record: LogRecord, { reason, detail }: Problem): void => {
      rejected.push({ record, reason, detail });
    };
    for (const record of records) {
      const { value } = record;
      const unframed = frameProblem(record, limits);
      if (value === null || unframed !== null) {
        reject(record, unframed ?? NO_VALUE);
        continue;
      }
      const id = schemaIdIn(value);
      let writer = known(id);
      if (writer === undefined) writer = await fetch(id);
      if (writer === null || writer.read === null || writer.topic !== record.topic) {
        reject(record, schemaProblem(writer, id, readers[record.topic]));
        continue;
      }
      const cursor = cursorAt(value, FRAME_BYTES);
      const read = writer.read(cursor) as Value;
      const problem = isFinished(cursor) && !cursor.unresolved ? check(record, read) : bodyProblem(cursor);
      if (problem === null) inputs.push(inputOf(record, read));
      else reject(record, problem);
    }
    return { inputs, rejected };
  };
}

const NO_VALUE: Problem = { reason: 'no-value', detail: 'a record without a value' };

/** Problems that are visible without the schema. */
function frameProblem(record: LogRecord, limits: RecordLimits): Problem | null {
  const { value, headerCount, unreadable } = record;
  if (unreadable !== undefined) return { reason: 'batch-unreadable', detail: unreadable };
  if (value === null) return NO_VALUE;
  if (value.length > limits.maxValueBytes) {
    return { reason: 'too-large', detail: `${value.length} bytes, at most ${limits.maxValueBytes}` };
  }
  if (headerCount > limits.maxHeaders) {
    return { reason: 'too-large', detail: `${headerCount} headers, at most ${limits.maxHeaders}` };
  }
  const fault = frameFault(value);
  return fault === null ? null : { reason: 'not-avro', detail: fault };
}

function schemaProblem(writer: Writer | null, id: number, reader: Reader | undefined): Problem {
  if (writer === null) return { reason: 'unknown-schema', detail: `the registry has no schema ${id}` };
  const expected = reader?.fullName ?? 'no record';
  const why = writer.exceeds ? `: ${writer.exceeds}` : '';
  const problem =
    writer.name === expected ? `cannot be read as ${expected}${why}` : `is ${writer.name}, not ${expected}`;
  return { reason: 'wrong-record', detail: `schema ${id} ${problem}` };
}

/** A body that does not match its schema, or has a value that this service's schema cannot represent. */
function bodyProblem(cursor: Cursor): Problem {
  if (isFinished(cursor)) {
    return {
      reason: 'wrong-record',
      detail: 'holds a symbol or a branch of a union that this service does not know',
    };
  }
  const isLonger = !cursor.malformed && cursor.position < cursor.bytes.length;
  return {
    reason: 'not-avro',
    detail: isLonger ? 'bytes left over' : 'truncated, or no value of its schema',
  };
}

/** The name of an unnamed or unreadable schema in details. */
const NO_RECORD: Writer = { name: 'no record', topic: -1, read: null };
const MAX_NAME_LENGTH = 200;

/** Prepares any schema that the registry has under an id. */
function writerOf(schema: WriterSchema, readers: readonly Reader[]): Writer {
  if (!(schema instanceof types.RecordType)) return NO_RECORD;
  const fullName = schema.name ?? '';
  const topic = readers.findIndex((reader) => reader.fullName === fullName);
  const reader = readers[topic];
  const exceeds = boundExceeded(schema);
  const read =
    reader === undefined || exceeds !== null ? null : resolveRecord(schema, reader.type, reader.make);
  return { name: fullName.slice(0, MAX_NAME_LENGTH), topic, read, exceeds };
}
