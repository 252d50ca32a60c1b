import { types } from 'avsc';
import { parseWriterSchema } from '../../src/avro/schema';

/** Records in records, two of each, with a default: in full it has 2^`levels` records. */
function doubling(levels: number): string {
  let inner: unknown = 'null';
  for (let level = levels; level > 0; level--) {
    const isLast = level === levels;
    const fields = [
      { name: 'a', type: inner, default: isLast ? null : {} },
      { name: 'b', type: isLast ? 'null' : `R${level + 1}`, default: isLast ? null : {} },
    ];
    inner = { type: 'record', name: `R${level}`, fields };
  }
  return JSON.stringify(inner);
}

const record = (name: string, type: unknown): string =>
  JSON.stringify({ type: 'record', name, fields: [{ name: 'f', type }] });

describe('a writer’s schema', () => {
  test('whose defaults double 200 times is parsed', () => {
    expect(parseWriterSchema(doubling(200)).name).toBe('R1');
  });

  test('with a default that is no value of its type is parsed: a writer’s default has no meaning', () => {
    const text = JSON.stringify({
      type: 'record',
      name: 'A',
      fields: [{ name: 'f', type: 'int', default: 'x' }],
    });
    expect(parseWriterSchema(text)).toBeInstanceOf(types.RecordType);
  });

  test.each(['constructor', 'toString', '__proto__', 'hasOwnProperty'])(
    'with a type that is named %s is parsed, and refused where no such type is defined',
    (name) => {
      expect(parseWriterSchema(record(name, 'int')).name).toBe(name);
      expect(() => parseWriterSchema(JSON.stringify(name))).toThrow('undefined type name');
      expect(() => parseWriterSchema(record('A', name))).toThrow('undefined type name');
      expect(() => parseWriterSchema(JSON.stringify({ type: name, typeName: 'int' }))).toThrow(
        'unknown type',
      );
      expect(() => parseWriterSchema(record('A', { type: name, typeName: 'valueOf' }))).toThrow(
        'unknown type',
      );
    },
  );
});
