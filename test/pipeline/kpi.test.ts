import { SCHEMAS } from '../../src/feedback/schemas';
import { type Contribution, type KpiChanged, wireType } from '../../src/kpi/encode';
import { emptySum } from '../../src/kpi/publish';
import type { KpiInput } from '../../src/pipeline/publish-gate';
import { planKpi } from '../../src/pipeline/kpi';
import { boundedCache } from '../../src/base/bounded-cache';
import { fakeStore } from '../support/fake-store';

const contribution = wireType<Contribution>(SCHEMAS.Contribution, 1);
const kpiChanged = wireType<KpiChanged>(SCHEMAS.KpiChanged, 2);
const rules = {
  ...{ stateId: 2, generation: 2, partition: 0, defaultPolicy: 'RELAY' as const },
  ...{ contribution, kpiChanged },
};

const share = (relayed: number, given: Partial<Contribution> = {}): Contribution => ({
  ...emptySum('d1', 2),
  ...{ relayed, sent: relayed, revision: relayed, folded: { 0: relayed } },
  ...given,
});

/** A kpi task's state. `fold` commits a batch and returns its published changes; `project` only returns its effects. */
function given(options: { suppressed?: boolean; cached?: number } = {}) {
  const state = fakeStore();
  const cache = boundedCache<never>(options.cached ?? 0);
  const fold = (...inputs: KpiInput[]) =>
    state
      .run(planKpi(rules, inputs, options.suppressed ?? false, cache))
      .map(({ value }) => kpiChanged.decode(value!));
  const project = (...inputs: KpiInput[]) => {
    const plan = planKpi(rules, inputs, options.suppressed ?? false, cache);
    return plan.project(
      plan.reads.map(({ hash, fields }) =>
        Array.from(fields, (field) => state.entries(hash).get(field.toString('latin1')) ?? null),
      ),
    );
  };
  return { state, fold, project };
}

describe.each([0, 8])('a kpi task that caches %i deliveries', (cached) => {
  it('publishes the sum over all partitions of the last share of each', () => {
    const { fold } = given({ cached });
    fold(share(3), share(5, { partition: 1 }));
    const [change] = fold(share(4));
    expect(change).toMatchObject({
      revision: 9,
      previousRevision: 8,
      kpis: { relayed: 9 },
      previous: { relayed: 8 },
    });
  });

  it('publishes one record for several shares in a batch', () => {
    const { fold } = given({ cached });
    expect(fold(share(1), share(2), share(3), share(2)).map(({ revision }) => revision)).toEqual([3]);
  });

  it('ignores shares, barriers and retirements of another generation, and folds its own', () => {
    const { state, fold } = given({ cached });
    const barrier = { deliveryId: null, revision: 0 };
    expect(fold(share(9, { generation: 1 }), share(9, { ...barrier, generation: 1 }))).toEqual([]);
    expect(fold(share(9, { generation: 3 }))).toEqual([]);
    fold({ ...emptySum('d1', 1), retiredAt: 7 });
    expect(state.entries('r').size).toBe(0);
    expect(state.entries('f').size).toBe(0);
    expect(state.entries('s').size).toBe(0);
    fold(share(0, { ...barrier, partition: 5, revision: 2 }));
    expect([...state.entries('f').keys()]).toEqual(['b5.2']);
    expect(fold(share(2)).map(({ kpis }) => kpis.relayed)).toEqual([2]);
    fold({ ...emptySum('d1', 2), retiredAt: 7, asOf: 5 });
    expect(state.entries('r').get('d1')?.toString()).toBe('7/5');
  });

  it('writes and publishes nothing where no share supersedes the known one', () => {
    const { fold, project } = given({ cached });
    fold(share(3));
    expect(project(share(3), share(2))).toEqual({ writes: [], outgoing: [] });
  });
});

describe('the last published record, read back from the log', () => {
  const published = (revision: number, generation = 1): Buffer =>
    kpiChanged.encode({
      ...{ deliveryId: 'd1', generation, revision, previousRevision: 0, policy: 'RELAY', asOf: 0 },
      ...{ kpis: { ...emptySum('', 0), success: null, deliverySize: null }, previous: null },
    });
  const storedRevision = (state: ReturnType<typeof fakeStore>): number =>
    kpiChanged.decode(state.entries('p').get('d1')!).revision;

  it.each([
    ['newer', published(6)],
    ['older, because the committed record never left the outbox', published(4)],
    ['of another generation', published(1, 2)],
  ])('replaces the stored one where it is %s', (_, found) => {
    const { state, fold } = given({ suppressed: true });
    expect(fold({ deliveryId: 'd1', published: published(5) })).toEqual([]);
    expect(storedRevision(state)).toBe(5);
    expect(fold({ deliveryId: 'd1', published: found })).toEqual([]);
    expect(storedRevision(state)).toBe(kpiChanged.decode(found).revision);
  });

  it('deletes the stored one where the log has no record of the delivery', () => {
    const { state, fold } = given({ suppressed: true });
    fold({ deliveryId: 'd1', published: published(5) });
    expect(fold({ deliveryId: 'd1', published: null })).toEqual([]);
    expect(state.entries('p').has('d1')).toBe(false);
  });

  it('is the previous record of the next change', () => {
    const { state, fold } = given({ suppressed: true });
    fold({ deliveryId: 'd1', published: published(5, 2) });
    fold(share(7));
    const resumed = state.run(planKpi(rules, [{ recheck: 'd1' }], false));
    expect(resumed.map(({ value }) => kpiChanged.decode(value!))).toMatchObject([
      { revision: 7, previousRevision: 5, previous: { relayed: 0 } },
    ]);
  });
});
