import type { SchemaRegistrar } from '../../avro/registry';
import {
  type RecordName,
  SCHEMAS,
  subjectOf,
  TOPIC_SCHEMAS,
  type TopicSchema,
  WRITTEN_RECORDS,
} from '../../feedback/schemas';
import { incompatibility, levelMismatch } from '../schema-levels';
import { failed, type Finding, ok, orOk, problem, warning } from './finding';

export interface RegistryDeps {
  readonly registrar: Pick<SchemaRegistrar, 'compatibility' | 'idOf' | 'rejection'>;
  readonly prefix: string;
}

/** Checks the registry and every subject of the service. */
export async function checkRegistry(deps: RegistryDeps): Promise<readonly Finding[]> {
  try {
    const subjects = await Promise.all(TOPIC_SCHEMAS.map((schema) => subjectFindings(deps, schema)));
    const schemas = subjects.flatMap(({ schema }) => schema);
    const levels = subjects.flatMap(({ level }) => level);
    return [
      ok('registry', 'it answers'),
      ...orOk('schemas', schemas, `${subjects.length} schemas are registered`),
      ...orOk('schema-levels', levels, 'they fit'),
    ];
  } catch (error) {
    return [failed('registry', error)];
  }
}

const isWritten = (record: RecordName): boolean =>
  (WRITTEN_RECORDS as readonly RecordName[]).includes(record);

/** A worker takes the ids of what it writes; the schemas of the other inputs are for those who write these. */
async function subjectFindings(
  { registrar, prefix }: RegistryDeps,
  { topic, record, compatibility }: TopicSchema,
): Promise<{ schema: readonly Finding[]; level: readonly Finding[] }> {
  const subject = subjectOf(prefix, topic);
  const { text } = SCHEMAS[record];
  const mismatch = levelMismatch(subject, await registrar.compatibility(subject), compatibility);
  const level =
    mismatch === null ? [] : [warning('schema-levels', mismatch, '`efs setup` refuses until that is done')];
  if ((await registrar.idOf(subject, text)) !== null) return { schema: [], level };
  const reason = await registrar.rejection(subject, text);
  const judge = isWritten(record) ? problem : warning;
  const schema =
    reason === null
      ? judge('schemas', `subject ${subject} does not have the schema of ${record}`, 'run `efs setup`')
      : judge('schemas', incompatibility(subject, record, reason), 'then run `efs setup`');
  return { schema: [schema], level };
}
