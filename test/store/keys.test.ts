import fc from 'fast-check';
import { keysOf, namespaceOf } from '../../src/store/keys';
import type { TaskAddress } from '../../src/store/store';

/** The part of a key that Redis Cluster hashes: between the first `{` and the next `}`, unless that is empty. */
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

  it('of one task are in one slot, whatever the names', () => {
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

  it('of different namespaces, tasks or hashes never collide', () => {
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
        const [key, otherKey] = [one, other].map(([group, prefix, pipeline, stateId, partition, name]) =>
          keysOf(namespaceOf(group, prefix)).hash({ pipeline, stateId, partition }, name),
        );
        expect(key).not.toBe(otherKey);
      }),
    );
  });

  it('refuse a namespace with braces', () => {
    expect(() => keysOf('a{b}')).toThrow('brace');
  });
});
