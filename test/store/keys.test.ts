import fc from 'fast-check';
import { keysOf, namespaceOf } from '../../src/store/keys';
import type { TaskAddress } from '../../src/store/store';

/** What Redis Cluster hashes of a key: between the first `{` and the next `}`, if anything stands there. */
const tagOf = (key: string): string => /^[^{]*\{([^}]+)\}/.exec(key)?.[1] ?? key;

const task: TaskAddress = { stateId: 3, pipeline: 'status', partition: 11 };
const text = fc.string({ unit: 'grapheme', maxLength: 20 });
const braces = fc.string({ unit: fc.constantFrom('{', '}', ':', '/', '%', 'a'), maxLength: 8 });

describe('keys', () => {
  it('are short and begin with efs:', () => {
    const keys = keysOf(namespaceOf('efs', ''));
    expect(keys.task(task)).toBe('efs:efs:{3.s.11}:t');
    expect(keys.outbox({ ...task, pipeline: 'kpi' })).toBe('efs:efs:{3.k.11}:o');
    expect(keys.hash(task, 'm/d1/0')).toBe('efs:efs:{3.s.11}:h:m/d1/0');
    expect(keys.active).toBe('efs:efs:{generations}:active');
  });

  it('put all of a task into one slot, whatever the names', () => {
    fc.assert(
      fc.property(
        fc.oneof(text, braces),
        fc.oneof(text, braces),
        fc.oneof(text, braces),
        (group, prefix, name) => {
          const keys = keysOf(namespaceOf(group, prefix));
          const all = [keys.task(task), keys.outbox(task), keys.hash(task, name)];
          expect(all.map(tagOf)).toEqual(['3.s.11', '3.s.11', '3.s.11']);
        },
      ),
    );
  });

  it('never meet: not of two namespaces, tasks or hashes', () => {
    const place = fc.tuple(
      fc.oneof(text, braces),
      fc.oneof(text, braces),
      fc.constantFrom('status' as const, 'kpi' as const),
      fc.nat({ max: 12 }),
      fc.nat({ max: 12 }),
      fc.oneof(text, braces),
    );
    fc.assert(
      fc.property(place, place, (one, other) => {
        fc.pre(JSON.stringify(one) !== JSON.stringify(other));
        const [key, otherKey] = [one, other].map(([group, prefix, pipeline, generation, partition, name]) =>
          keysOf(namespaceOf(group, prefix)).hash({ pipeline, stateId: generation, partition }, name),
        );
        expect(key).not.toBe(otherKey);
      }),
    );
  });

  it('take no namespace with braces', () => {
    expect(() => keysOf('a{b}')).toThrow('brace');
  });
});
