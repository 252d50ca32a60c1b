import type { Feedback } from '../../feedback/feedback';
import { SCHEMAS } from '../../feedback/schemas';
import { FEEDBACK_TOPICS } from '../../feedback/topics';
import { type Reading, type Rejection, REJECTIONS } from '../event';
import type { JsonFormat } from '../format';
import { field, isObject, type Json, type JsonObject, list, parseJson, text } from '../json';
import { timeOf } from '../time';

/** Gives a field's value in a record, or undefined where it is of another type. */
type Convert = (value: Json) => Json | undefined;

interface RecordField {
  readonly name: string;
  readonly convert: Convert;
  /** What an absent field is; undefined for one that must be there. */
  readonly absent: Json | undefined;
}

const INT_MAX = 2 ** 31;
const WRITTEN_TIME = /^\d{4}-\d{2}-\d{2}T/u;

const whole = (value: Json, bound: number): Json | undefined =>
  typeof value === 'number' && Number.isInteger(value) && Math.abs(value) < bound ? value : undefined;

/** Milliseconds, or ISO 8601. Seconds are no time here: the bounds of the contract refuse them. */
const time: Convert = (value) =>
  typeof value === 'string' && WRITTEN_TIME.test(value)
    ? (timeOf(value) ?? undefined)
    : whole(value, Number.MAX_SAFE_INTEGER);

const CONVERSIONS: Readonly<Record<string, Convert>> = {
  string: (value) => (typeof value === 'string' ? value : undefined),
  boolean: (value) => (typeof value === 'boolean' ? value : undefined),
  int: (value) => whole(value, INT_MAX),
  long: (value) => whole(value, Number.MAX_SAFE_INTEGER),
  'timestamp-millis': time,
};

const oneOf =
  (symbols: readonly Json[]): Convert =>
  (value) =>
    symbols.includes(value) ? value : undefined;

/** The conversion to a type of an Avro schema. */
function conversionTo(type: Json | undefined): Convert {
  if (Array.isArray(type)) return conversionTo((type as Json[]).find((each) => each !== 'null'));
  const symbols = field(type, 'symbols');
  if (symbols !== undefined) return oneOf(list(symbols));
  const name = text(field(type, 'logicalType')) ?? text(field(type, 'type')) ?? text(type) ?? '';
  return CONVERSIONS[name] ?? (() => undefined);
}

/** The fields of a record, as its schema states them. */
const fieldsOf = (schema: string): readonly RecordField[] =>
  list(field(parseJson(schema), 'fields')).map((each) => ({
    name: text(field(each, 'name')) ?? '',
    convert: conversionTo(field(each, 'type')),
    absent: field(each, 'default'),
  }));

const RECORDS = new Map(
  FEEDBACK_TOPICS.map(({ topic, kind }) => [topic as string, { kind, fields: fieldsOf(SCHEMAS[kind].text) }]),
);

const rejected = (reason: Rejection, detail: string): Reading => ({ rejected: reason, detail });

/** What a dry run prints beside feedback, as it was. */
function readSetAside(line: JsonObject): Reading | null {
  const outcome = line['outcome'];
  if (outcome === 'ignored') return { ignored: (text(line['event']) ?? outcome).slice(0, 64) };
  if (outcome !== 'dead-letter') return null;
  const reason = REJECTIONS.find((each) => each === line['reason']) ?? 'not-parsable';
  return rejected(reason, (text(line['detail']) ?? 'no detail').slice(0, 1_024));
}

function readRecord(topic: string, value: JsonObject, key: Json | undefined): Reading {
  const record = RECORDS.get(topic);
  if (record === undefined)
    return rejected('unknown-event', `the topic ${JSON.stringify(topic.slice(0, 64))} is not known`);
  const feedback: Record<string, Json> = { kind: record.kind };
  for (const { name, convert, absent } of record.fields) {
    const stated = field(value, name) ?? null;
    const converted = stated === null ? absent : convert(stated);
    if (converted === undefined) return rejected('invalid-field', name);
    feedback[name] = converted;
  }
  if (key !== undefined && key !== feedback['messageId']) return rejected('invalid-field', 'key');
  return { feedback: feedback as unknown as Feedback, event: topic };
}

/**
 * Records of the input topics as JSON: lines of `{"topic", "value"}`, as a dry run prints them. The value has the record's
 * fields by name; times in milliseconds or ISO 8601; an absent field has the default of its schema. A topic has no prefix.
 */
export const efs: JsonFormat = {
  name: 'efs',
  framing: 'json',
  isLog: true,
  identity: { deliveryId: [], messageId: [] },
  events: list,
  read(line) {
    if (!isObject(line)) return [rejected('not-parsable', 'a line is no object')];
    const setAside = readSetAside(line);
    if (setAside !== null) return [setAside];
    const [topic, value] = [text(line['topic']), line['value']];
    if (topic === null || !isObject(value)) return [rejected('not-parsable', 'no topic, or no value')];
    return [readRecord(topic, value, line['key'])];
  },
};
