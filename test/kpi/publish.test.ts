import type { Contribution, KpiChanged } from '../../src/kpi/encode';
import { changeOf, emptySum, largest, replaceContribution, supersedes } from '../../src/kpi/publish';
import { T0 } from '../support/feedback';

/** A contribution of partition 0: so many relayed, so many of them sent, from so many records of each topic. */
function share(
  relayed: number,
  sent: number,
  folded: Record<string, number>,
  given: Partial<Contribution> = {},
) {
  const revision = Object.values(folded).reduce((a, b) => a + b, 0);
  const base = { ...emptySum('d1', 1), relayed, sent, takenIntoAccount: relayed - sent, delivered: sent };
  return { ...base, revision, folded, asOf: T0 + revision, ...given };
}

function sumOf(...shares: readonly Contribution[]): Contribution {
  const sum = emptySum('d1', 1);
  shares.reduce<Contribution | null>(
    (known, latest) => (replaceContribution(sum, known, latest) ? latest : known),
    null,
  );
  return sum;
}

describe('a contribution', () => {
  it('replaces the previous one, so that nothing is counted twice', () => {
    const sum = sumOf(share(3, 1, { 0: 3, 1: 1 }), share(5, 2, { 0: 5, 1: 2 }));
    expect(sum).toMatchObject({ relayed: 5, sent: 2, revision: 7, asOf: T0 + 7 });
  });

  it.each([
    ['by an older one', share(3, 0, { 0: 3 })],
    ['by the same one', share(4, 1, { 0: 4, 1: 1 })],
    ['by one of an equal number of other records', share(5, 0, { 0: 5 })],
    ['by one of more records that lacks some of the known ones', share(9, 0, { 0: 9 })],
  ])('is not replaced %s', (_, other) => {
    const known = share(4, 1, { 0: 4, 1: 1 });
    expect(supersedes(other, known)).toBe(false);
    const sum = sumOf(known);
    expect(replaceContribution(sum, known, other)).toBe(false);
    expect(sum).toEqual(sumOf(known));
  });

  it('only adds to the facts of the delivery', () => {
    const one = share(1, 0, { 0: 1 }, { saysRelay: true, deliverySize: 9, asOf: T0 + 50 });
    const sum = sumOf(one, share(2, 0, { 0: 2 }, { saysEfs: true, deliverySize: 4 }));
    expect(sum).toMatchObject({ saysEfs: true, saysRelay: true, deliverySize: 9, asOf: T0 + 50 });
  });
});

describe('the largest announced size', () => {
  it.each([
    [null, null, null],
    [null, 0, 0],
    [3, null, 3],
    [3, 5, 5],
  ])('of %p and %p is %p', (a, b, expected) => expect(largest(a, b)).toBe(expected));
});

describe('the change published for a delivery', () => {
  const rules = { generation: 1, defaultPolicy: 'EFS' } as const;
  const sum = sumOf(share(4, 1, { 0: 4, 1: 1 }));
  const first = changeOf(sum, null, rules)!;

  it('has all KPIs the first time, without a previous revision or previous KPIs', () => {
    expect(first).toMatchObject({
      generation: 1,
      revision: 5,
      previousRevision: 0,
      previous: null,
      policy: 'EFS',
    });
    expect(first.kpis).toMatchObject({ relayed: 4, sent: 1, success: 0.25 });
  });

  it('is null where the KPIs and the policy are those last published, whatever the revision', () => {
    expect(changeOf({ ...sum, revision: 99, asOf: T0 + 99 }, first, rules)).toBeNull();
  });

  it('has the previous revision and the previous KPIs', () => {
    const next = changeOf({ ...sum, relayed: 5, takenIntoAccount: 4, revision: 6 }, first, rules)!;
    expect(next).toMatchObject({ revision: 6, previousRevision: 5, previous: first.kpis });
  });

  it('has the previous KPIs, but no previous revision, after one of another generation', () => {
    const next = changeOf({ ...sum, relayed: 5, revision: 1 }, first, { ...rules, generation: 2 })!;
    expect(next).toMatchObject({ generation: 2, revision: 1, previousRevision: 0, previous: first.kpis });
  });

  it('is published where only the policy has changed', () => {
    const published: KpiChanged = { ...first, kpis: { ...first.kpis } };
    expect(changeOf({ ...sum, saysRelay: true }, published, rules)).toMatchObject({ policy: 'RELAY' });
  });

  it.each<[string, Partial<Contribution>]>([
    ['a counter', { failed: 1 }],
    ['the size', { deliverySize: 10 }],
    ['a reason', { failedByReason: { REFUSED: 1 } }],
    ['a domain', { byDomain: { google: { relayed: 1, sent: 0, failed: 0, softBounced: 0 } } }],
    ['an hour', { throughput: { [(495_891).toString(36)]: { successes: 1, errors: 0 } } }],
  ])('is published where only %s has changed', (_, changed) => {
    expect(changeOf({ ...sum, ...changed }, first, rules)).not.toBeNull();
  });
});
