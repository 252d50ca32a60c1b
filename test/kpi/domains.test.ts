import { domainGroups } from '../../src/kpi/domains';

const GIVEN = [
  { name: 'yahoo', domains: ['aol.com', 'yahoo.com'] },
  { name: 'a1', domains: ['one.example'] },
];

describe('the domain groups', () => {
  const groups = domainGroups(GIVEN);

  it.each([
    ['yahoo.com', 'yahoo'],
    ['AOL.com', 'yahoo'],
    ['One.Example', 'a1'],
    ['gmail.com', 'other'],
    ['sub.yahoo.com', 'other'],
    ['__proto__', 'other'],
    ['constructor', 'other'],
  ])('put %s into %s', (domain, name) => {
    expect(groups.nameOf(groups.indexOf(domain))).toBe(name);
  });

  it('are numbered in the order of their names', () => {
    expect([0, 1, 2].map((index) => groups.nameOf(index))).toEqual(['a1', 'other', 'yahoo']);
    expect(() => groups.nameOf(3)).toThrow('no domain group has the index 3');
  });

  it('are refused with a repeated name or the name "other"', () => {
    expect(() => domainGroups([...GIVEN, { name: 'a1', domains: [] }])).toThrow('unique');
    expect(() => domainGroups([{ name: 'other', domains: [] }])).toThrow('unique');
  });

  it('have equal fingerprints where they are equal, and different ones otherwise', () => {
    expect(domainGroups(GIVEN).fingerprint).toBe(groups.fingerprint);
    expect(domainGroups([]).fingerprint).not.toBe(groups.fingerprint);
  });

  it('are at most 256 with "other": one byte holds the index', () => {
    const many = (count: number) => Array.from({ length: count }, (_, i) => ({ name: `g${i}`, domains: [] }));
    expect(() => domainGroups(many(255))).not.toThrow();
    expect(() => domainGroups(many(256))).toThrow('at most');
  });
});
