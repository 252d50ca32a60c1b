import type { SchemaRegistrar, WriterSchema } from '../../src/avro/registry';
import { parseWriterSchema } from '../../src/avro/schema';

const record = (name: string, fields: readonly object[]): string =>
  JSON.stringify({ type: 'record', name, namespace: 'efs.test', fields });
const STRING = { name: 'a', type: 'string' };
const OPTIONAL = { name: 'b', type: ['null', 'string'], default: null };
const REQUIRED = { name: 'c', type: 'string' };

/** A schema with defaults, aliases and full names. */
export function described(schema: WriterSchema | null): unknown {
  if (schema === null || schema === 'unreadable') return schema;
  return schema.schema({ exportAttrs: true });
}

/** The contract of every registry. `subjectFor` gives a subject that no other test uses. */
export function registryContract(open: () => SchemaRegistrar, subjectFor: (test: string) => string): void {
  let registry: SchemaRegistrar;
  beforeEach(() => {
    registry = open();
  });

  const registered = async (subject: string, schema: string): Promise<number> => {
    const outcome = await registry.register(subject, schema);
    if ('incompatible' in outcome) throw new Error(outcome.incompatible);
    return outcome.id;
  };

  it('a registered schema is returned by its id, which a second registration does not change', async () => {
    const subject = subjectFor('same');
    const schema = record('Same', [STRING, OPTIONAL]);
    const id = await registered(subject, schema);
    expect(described(await registry.schemaById(id))).toEqual(described(parseWriterSchema(schema)));
    expect(await registered(subject, schema)).toBe(id);
    expect(await registry.idOf(subject, schema)).toBe(id);
  });

  it('schemaById returns null for ids that were never assigned, also zero and negative ones', async () => {
    for (const id of [2_147_483_647, 0, -1, -2_147_483_648]) expect(await registry.schemaById(id)).toBeNull();
  });

  it('idOf returns null for a subject or a schema that was never registered', async () => {
    const subject = subjectFor('unknown');
    expect(await registry.idOf(subject, record('Unknown', [STRING]))).toBeNull();
    await registered(subject, record('Unknown', [STRING]));
    expect(await registry.idOf(subject, record('Unknown', [STRING, OPTIONAL]))).toBeNull();
  });

  it('compatibility is null for an unknown subject, and keeps a level set before the first registration', async () => {
    const subject = subjectFor('level');
    expect(await registry.compatibility(subject)).toBeNull();
    await registry.setCompatibility(subject, 'FULL_TRANSITIVE');
    await registered(subject, record('Level', [STRING]));
    expect(await registry.compatibility(subject)).toBe('FULL_TRANSITIVE');
    await registry.setCompatibility(subject, 'BACKWARD_TRANSITIVE');
    expect(await registry.compatibility(subject)).toBe('BACKWARD_TRANSITIVE');
  });

  it('BACKWARD_TRANSITIVE accepts a schema that reads every version, and rejects others with a reason', async () => {
    const subject = subjectFor('backward');
    await registry.setCompatibility(subject, 'BACKWARD_TRANSITIVE');
    await registered(subject, record('Backward', [STRING, REQUIRED]));
    await registered(subject, record('Backward', [STRING]));
    expect(
      await registry.register(subject, record('Backward', [STRING, { name: 'd', type: 'int' }])),
    ).toEqual({
      incompatible: expect.any(String),
    });
    expect(await registry.idOf(subject, record('Backward', [STRING, { name: 'd', type: 'int' }]))).toBeNull();
  });

  it('FULL_TRANSITIVE rejects a schema that an earlier version cannot read', async () => {
    const subject = subjectFor('full');
    await registry.setCompatibility(subject, 'FULL_TRANSITIVE');
    await registered(subject, record('Full', [STRING, REQUIRED]));
    await registered(subject, record('Full', [STRING, REQUIRED, OPTIONAL]));
    expect(await registry.register(subject, record('Full', [STRING]))).toHaveProperty('incompatible');
  });

  it('rejection gives ahead the reason for which register would reject a schema, and registers nothing', async () => {
    const subject = subjectFor('ahead');
    expect(await registry.rejection(subject, record('Ahead', [STRING]))).toBeNull();
    await registry.setCompatibility(subject, 'FULL_TRANSITIVE');
    await registered(subject, record('Ahead', [STRING, REQUIRED]));
    expect(await registry.rejection(subject, record('Ahead', [STRING, REQUIRED, OPTIONAL]))).toBeNull();
    expect(await registry.rejection(subject, record('Ahead', [STRING]))).toEqual(expect.any(String));
    expect(await registry.idOf(subject, record('Ahead', [STRING]))).toBeNull();
  });

  it('register rejects a text that is not a schema', async () => {
    expect(await registry.register(subjectFor('invalid'), '{"type":"record"}')).toHaveProperty(
      'incompatible',
    );
  });
}
