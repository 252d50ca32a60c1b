import fc from 'fast-check';
import { assignPartitions, type Member } from '../../src/log/assigner';

const memberArbitrary = fc.record({
  id: fc.stringMatching(/^[a-z]{1,3}$/),
  owned: fc.uniqueArray(fc.integer({ min: -1, max: 25 }), { maxLength: 12 }),
  generation: fc.integer({ min: 0, max: 3 }),
});
const membersArbitrary = fc.uniqueArray(memberArbitrary, {
  selector: ({ id }) => id,
  minLength: 1,
  maxLength: 7,
});
const partitionsArbitrary = fc.integer({ min: 0, max: 24 });
const all = (count: number): number[] => Array.from({ length: count }, (_, partition) => partition);
const rejoin = (assigned: ReadonlyMap<string, readonly number[]>): Member[] =>
  [...assigned].map(([id, owned]) => ({ id, owned, generation: 9 }));
const flat = (assigned: ReadonlyMap<string, readonly number[]>): number[] =>
  [...assigned.values()].flat().sort((a, b) => a - b);

test('every partition is assigned to exactly one member, in balance', () => {
  fc.assert(
    fc.property(membersArbitrary, partitionsArbitrary, (members, partitions) => {
      const assigned = assignPartitions(members, partitions);
      expect([...assigned.keys()].sort()).toEqual(members.map(({ id }) => id).sort());
      expect(flat(assigned)).toEqual(all(partitions));
      const sizes = [...assigned.values()].map((owned) => owned.length);
      expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThanOrEqual(1);
    }),
  );
});

test('the assignment does not depend on the order of the members', () => {
  fc.assert(
    fc.property(membersArbitrary, partitionsArbitrary, (members, partitions) => {
      const forwards = assignPartitions(members, partitions);
      const backwards = assignPartitions([...members].reverse(), partitions);
      expect([...forwards].sort()).toEqual([...backwards].sort());
    }),
  );
});

test('a balanced assignment does not change', () => {
  fc.assert(
    fc.property(membersArbitrary, partitionsArbitrary, (members, partitions) => {
      const assigned = assignPartitions(members, partitions);
      expect(assignPartitions(rejoin(assigned), partitions)).toEqual(assigned);
    }),
  );
});

test('only the partitions of a member that leaves move', () => {
  fc.assert(
    fc.property(membersArbitrary, partitionsArbitrary, (members, partitions) => {
      const before = assignPartitions(members, partitions);
      const stay = rejoin(before).slice(1);
      fc.pre(stay.length > 0);
      const after = assignPartitions(stay, partitions);
      for (const { id, owned } of stay) expect(after.get(id)).toEqual(expect.arrayContaining([...owned]));
    }),
  );
});

test('partitions move only to a member that joins', () => {
  fc.assert(
    fc.property(membersArbitrary, partitionsArbitrary, (members, partitions) => {
      const before = assignPartitions(members, partitions);
      const after = assignPartitions(
        [...rejoin(before), { id: 'new', owned: [], generation: 0 }],
        partitions,
      );
      for (const [id, owned] of before)
        expect(owned).toEqual(expect.arrayContaining([...(after.get(id) ?? [])]));
    }),
  );
});

test('of two owners of a partition the later group generation wins, then the lesser id', () => {
  const owner = (id: string, generation: number): Member => ({ id, owned: [0, 1], generation });
  expect(assignPartitions([owner('a', 1), owner('b', 2)], 2).get('b')).toContain(0);
  expect([...assignPartitions([owner('b', 1), owner('a', 1)], 2)]).toEqual([
    ['a', [0]],
    ['b', [1]],
  ]);
});

test('the assignment without members is empty', () => {
  expect(assignPartitions([], 4).size).toBe(0);
});
