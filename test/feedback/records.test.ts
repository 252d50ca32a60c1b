import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import type * as feedback from '../../src/feedback/feedback';
import type * as records from '../../src/feedback/records';
import type * as kpi from '../../src/kpi/encode';
import { SCHEMAS, TOPIC_SCHEMAS } from '../../src/feedback/schemas';

/** The record without what only the code has: its kind and the brands of its ids. */
type Plain<T> = { [K in Exclude<keyof T, 'kind'>]: Unbranded<T[K]> };
type Unbranded<T> = T extends { readonly __id: string } ? string : T;
type Same<A, B> = [A] extends [B] ? ([B] extends [A] ? true : false) : false;

/** Does not compile unless the schemas and the code's types agree. */
const AGREE: {
  Relayed: Same<Plain<feedback.Relayed>, records.Relayed>;
  Delivered: Same<Plain<feedback.Delivered>, records.Delivered>;
  HardBounced: Same<Plain<feedback.HardBounced>, records.HardBounced>;
  SoftBounced: Same<Plain<feedback.SoftBounced>, records.SoftBounced>;
  RetryOutcome: Same<Plain<feedback.RetryOutcome>, records.RetryOutcome>;
  MessageStatusChanged: Same<kpi.MessageStatusChanged, records.MessageStatusChanged>;
  KpiChanged: Same<keyof kpi.KpiChanged, keyof records.KpiChanged>;
  Kpis: Same<keyof kpi.KpiChanged['kpis'], keyof records.Kpis>;
  Contribution: Same<keyof kpi.Contribution, keyof records.Contribution>;
} = {
  Relayed: true,
  Delivered: true,
  HardBounced: true,
  SoftBounced: true,
  RetryOutcome: true,
  MessageStatusChanged: true,
  KpiChanged: true,
  Kpis: true,
  Contribution: true,
};

describe('the records', () => {
  it('in TypeScript agree with the schemas and are up to date', () => {
    expect(Object.values(AGREE)).not.toContain(false);
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
