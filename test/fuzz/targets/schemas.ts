import { isNativeError } from 'node:util/types';
import { types } from 'avsc';
import { cursorAt } from '../../../src/avro/avro';
import { constructed, resolveRecord } from '../../../src/avro/resolution';
import { boundExceeded, parseWriterSchema } from '../../../src/avro/schema';
import { INPUT_RECORDS, SCHEMAS } from '../../../src/feedback/schemas';
import { allowing, inFewWords, type Target } from '../target';

const NESTED = (levels: number): string => {
  let type: unknown = 'long';
  for (let level = 0; level < levels; level += 1) type = { type: 'array', items: ['null', type] };
  return JSON.stringify({ type: 'record', name: 'efs.feedback.Relayed', fields: [{ name: 'a', type }] });
};

/** Texts of writer schemas as a registry may return them: parsed and resolved, or refused. */
export const schemas: Target = {
  name: 'schemas',
  maxMs: 500,
  maxBytes: 128 << 10,
  async open() {
    const readers = INPUT_RECORDS.map((record) => SCHEMAS[record].type as types.RecordType);
    const bodies = [Buffer.alloc(0), Buffer.alloc(200), Buffer.alloc(200, 2), Buffer.alloc(200, 0x80)];
    return {
      seeds: [...INPUT_RECORDS.map((record) => SCHEMAS[record].text), NESTED(3), NESTED(80)].map((text) =>
        Buffer.from(text),
      ),
      run(input) {
        const parsed = allowing(isNativeError, () => parseWriterSchema(input.toString('utf8')));
        if ('refused' in parsed) return parsed.refused;
        const schema = parsed.value;
        const exceeds = boundExceeded(schema);
        if (exceeds !== null || !(schema instanceof types.RecordType))
          return inFewWords(exceeds ?? 'no record');
        const read = readers.map((reader) => resolveRecord(schema, reader, constructed(reader)));
        for (const each of read) for (const body of bodies) each?.(cursorAt(body, 0));
        return read.map((each) => (each === null ? '-' : '+')).join('');
      },
    };
  },
};
