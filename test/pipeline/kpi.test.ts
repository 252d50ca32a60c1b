import type { LoggedContribution } from '../../src/feedback/decode';
import { SCHEMAS } from '../../src/feedback/schemas';
import { type Contribution, type KpiChanged, wireType } from '../../src/kpi/encode';
import { emptySum } from '../../src/kpi/publish';
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

/** As they come in one batch, from offset 5 on. */
const logged = (inputs: readonly Contribution[]): LoggedContribution[] =>
  inputs.map((input, index) => ({ ...input, offset: 5 + index }));

/** A kpi task's state. `fold` commits a batch and returns its published changes; `project` only returns its effects. */
function given(options: { suppressed?: boolean; cached?: number } = {}) {
  const state = fakeStore();
  const cache = boundedCache<never>(options.cached ?? 0);
  const fold = (...inputs: Contribution[]) =>
    state
      .run(planKpi(rules, logged(inputs), options.suppressed ?? false, cache))
      .map(({ value }) => kpiChanged.decode(value!));
  const project = (...inputs: Contribution[]) => {
    const plan = planKpi(rules, logged(inputs), options.suppressed ?? false, cache);
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

  it('ignores shares and barriers of another generation, and keeps the position behind its own', () => {
    const { state, fold } = given({ cached });
    const barrier = { deliveryId: null, revision: 0 };
    expect(fold(share(9, { generation: 1 }), share(9, { ...barrier, generation: 1 }))).toEqual([]);
    expect(fold(share(9, { generation: 3 }))).toEqual([]);
    expect(state.entries('f').size).toBe(0);
    expect(state.entries('s').size).toBe(0);
    fold(share(0, { ...barrier, partition: 5, revision: 2 }));
    expect([...state.entries('f')]).toEqual([['b5.2', Buffer.from('6')]]);
    expect(fold(share(2)).map(({ kpis }) => kpis.relayed)).toEqual([2]);
  });

  it('writes and publishes nothing where no share supersedes the known one', () => {
    const { fold, project } = given({ cached });
    fold(share(3));
    expect(project(share(3), share(2))).toEqual({ writes: [], outgoing: [] });
  });
});

describe('the last share of a retired delivery', () => {
  const retired = { retiredFrom: { 0: 3 } };

  it('replaces the known one of its partition, whatever that contains, and no other replaces it', () => {
    const { fold } = given();
    fold(share(5), share(1, { partition: 1 }));
    expect(fold(share(4, retired)).map(({ kpis }) => kpis.relayed)).toEqual([5]);
    expect(fold(share(9), share(6, { retiredFrom: { 0: 9 } }))).toEqual([]);
    expect(fold(share(2, { partition: 1 })).map(({ kpis }) => kpis.relayed)).toEqual([6]);
  });
});

describe('a recheck', () => {
  const published = (revision: number, generation = 1): Buffer =>
    kpiChanged.encode({
      ...{ deliveryId: 'd1', generation, revision, previousRevision: 0, policy: 'RELAY', asOf: 0 },
      ...{ kpis: { ...emptySum('', 0), success: null, deliverySize: null }, previous: null },
    });

  it('publishes what differs from the last published record, once', () => {
    const { state, fold } = given({ suppressed: true });
    state.put('p', 'd1', published(5, 2));
    fold(share(7));
    const recheck = () => state.run(planKpi(rules, [], false, undefined, ['d1']));
    expect(recheck().map(({ value }) => kpiChanged.decode(value!))).toMatchObject([
      { revision: 7, previousRevision: 5, previous: { relayed: 0 } },
    ]);
    expect(recheck()).toEqual([]);
  });

  it('publishes nothing of a delivery of which no message is relayed', () => {
    const { state } = given();
    expect(state.run(planKpi(rules, [], false, undefined, ['unknown']))).toEqual([]);
  });
});
