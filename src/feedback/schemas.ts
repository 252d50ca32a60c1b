import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Type } from 'avsc';
import { must } from '../base/assert';
import { EfsError } from '../base/errors';
import { parseSchema } from '../avro/schema';
import type { Compatibility, SchemaRegistry } from '../avro/registry';
import type { FeedbackKind } from './feedback';
import { CONTRIBUTIONS_TOPIC, DELIVERY_KPI_TOPIC, FEEDBACK_TOPICS, MESSAGE_STATUS_TOPIC } from './topics';

/** A record of this service: its schema as registered, and the type that writes and reads it. */
export interface RecordSchema {
  /** With namespace, such as `efs.feedback.Relayed`. */
  readonly fullName: string;
  /** Compact JSON text. */
  readonly text: string;
  /** Times and longs are plain numbers; unions are unwrapped. */
  readonly type: Type;
  /**
   * The types before fields were added to it, the latest first: state, and topics that the service reads back, hold
   * records of those times.
   */
  readonly former: readonly Type[];
}

/** Fields added since, by the record that has them, version by version; each has a default and stands last. */
const ADDED: Readonly<Record<string, readonly string[]>>[] = [
  { Contribution: ['complained'], Kpis: ['complained'] },
  { Contribution: ['retiredFrom'] },
];

/** At the root of the package; `src/` and `dist/` lie equally deep. */
const DIRECTORY = join(__dirname, '..', '..', 'schemas');

function load(file: string): RecordSchema {
  const text = JSON.stringify(JSON.parse(readFileSync(join(DIRECTORY, `${file}.avsc`), 'utf8')));
  const type = parseSchema(text);
  const texts = new Set([text]);
  for (const fields of ADDED.toReversed()) texts.add(withoutAdded([...texts].at(-1) ?? text, fields));
  const [, ...former] = texts;
  return { fullName: type.name ?? '', text, type, former: former.map(parseSchema) };
}

/** A schema's text as it was before these fields. */
function withoutAdded(text: string, fields: (typeof ADDED)[number]): string {
  type Part = { readonly name?: string; readonly fields?: readonly { readonly name: string }[] } | null;
  return JSON.stringify(JSON.parse(text), (_, part: Part) => {
    const added = fields[part?.name ?? ''] ?? [];
    if (part?.fields === undefined || added.length === 0) return part;
    return { ...part, fields: part.fields.filter(({ name }) => !added.includes(name)) };
  });
}

export const SCHEMAS = {
  Relayed: load('relayed'),
  Delivered: load('delivered'),
  HardBounced: load('hard-bounced'),
  SoftBounced: load('soft-bounced'),
  RetryOutcome: load('retry-outcome'),
  Complained: load('complained'),
  KpiChanged: load('kpi-changed'),
  MessageStatusChanged: load('message-status-changed'),
  Contribution: load('contribution'),
} as const;

export type RecordName = keyof typeof SCHEMAS;

/** The schema that set-up registers for a topic. The topic's name is without the tenant's prefix. */
export interface TopicSchema {
  readonly topic: string;
  readonly record: RecordName;
  readonly compatibility: Compatibility;
}

/**
 * Inputs are written by others and replayed from the beginning: the reader must read every earlier version. Outputs are
 * also read by others, whose readers may be older than the records.
 */
export const TOPIC_SCHEMAS: readonly TopicSchema[] = [
  ...FEEDBACK_TOPICS.map(
    ({ topic, kind }) => ({ topic, record: kind, compatibility: 'BACKWARD_TRANSITIVE' }) as const,
  ),
  { topic: CONTRIBUTIONS_TOPIC, record: 'Contribution', compatibility: 'FULL_TRANSITIVE' },
  { topic: DELIVERY_KPI_TOPIC, record: 'KpiChanged', compatibility: 'FULL_TRANSITIVE' },
  { topic: MESSAGE_STATUS_TOPIC, record: 'MessageStatusChanged', compatibility: 'FULL_TRANSITIVE' },
];

/** The subject that holds a topic's value schema. */
export const subjectOf = (prefix: string, topic: string): string => `${prefix}${topic}-value`;

/** The records of the inputs. */
export const INPUT_RECORDS: readonly FeedbackKind[] = FEEDBACK_TOPICS.map(({ kind }) => kind);
/** The records that the service writes, beside dead letters. */
export const WRITTEN_RECORDS = [
  'KpiChanged',
  'MessageStatusChanged',
  'Contribution',
  'RetryOutcome',
] as const;

/** The ids of their schemas in the registry. */
export type WrittenIds = Readonly<Record<(typeof WRITTEN_RECORDS)[number], number>>;

/** Looks up the ids of records' schemas. Throws `schema-missing` naming the subject; `registry-unavailable`. */
export async function schemaIds<Name extends RecordName>(
  registry: SchemaRegistry,
  prefix: string,
  names: readonly Name[],
): Promise<Readonly<Record<Name, number>>> {
  const ids: Partial<Record<Name, number>> = {};
  for (const name of names) {
    const found = TOPIC_SCHEMAS.find(({ record }) => record === name);
    const subject = subjectOf(prefix, must(found, `${name} is a record of a topic`).topic);
    const id = await registry.idOf(subject, SCHEMAS[name].text);
    if (id === null) throw new EfsError('schema-missing', `subject ${subject} is not registered`);
    ids[name] = id;
  }
  return ids as Record<Name, number>;
}
