import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { SCHEMAS, TOPIC_SCHEMAS } from '../../src/feedback/schemas';

describe('the records', () => {
  it('in TypeScript are generated from the schemas, and up to date', () => {
    const generator = join(__dirname, '..', '..', 'scripts', 'generate-types.mjs');
    expect(() => execFileSync(process.execPath, [generator, '--check'], { stdio: 'pipe' })).not.toThrow();
  });

  it.each(TOPIC_SCHEMAS)(
    'of $topic are $record, in the namespace of inputs or outputs',
    ({ topic, record }) => {
      const namespace = topic.startsWith('mta.') ? 'efs.feedback' : 'efs.kpi';
      expect(SCHEMAS[record].fullName).toBe(`${namespace}.${record}`);
    },
  );

  it.each(Object.entries(SCHEMAS))(
    'of %s document every field, and every optional field has the default null',
    (_, { text }) => {
      const check = (schema: unknown): void => {
        if (typeof schema !== 'object' || schema === null) return;
        if (Array.isArray(schema)) return schema.forEach(check);
        const { type, fields, items, values } = schema as Record<string, unknown>;
        for (const field of (fields as Record<string, unknown>[] | undefined) ?? []) {
          expect(field['doc']).toEqual(expect.any(String));
          if (Array.isArray(field['type']))
            expect([field['type'][0], field['default']]).toEqual(['null', null]);
          check(field['type']);
        }
        [type, items, values].forEach(check);
      };
      check(JSON.parse(text));
    },
  );
});
