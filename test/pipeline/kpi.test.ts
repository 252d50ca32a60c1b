import { SCHEMAS } from '../../src/feedback/schemas';
import { type Contribution, type KpiChanged, wireType } from '../../src/kpi/encode';
import { emptySum } from '../../src/kpi/publish';
import type { KpiInput } from '../../src/pipeline/publish-gate';
import { planKpi } from '../../src/pipeline/kpi';
import { lruCache } from '../../src/base/lru';
import { fakeStore } from '../support/fake-store';

const contribution = wireType<Contribution>(SCHEMAS.Contribution.type, 1);
const kpiChanged = wireType<KpiChanged>(SCHEMAS.KpiChanged.type, 2);
const rules = {
  ...{ stateId: 2, generation: 2, partition: 0, defaultPolicy: 'RELAY' as const },
  ...{ contribution, kpiChanged },
};

const share = (relayed: number, given: Partial<Contribution> = {}): Contribution => ({
  ...emptySum('d1', 2),
  ...{ relayed, sent: relayed, revision: relayed, folded: { 0: relayed } },
  ...given,
});

/** A kpi task's state, and what it publishes of inputs, batch by batch. */
function given(options: { suppressed?: boolean; remembers?: number } = {}) {
  const here = fakeStore();
  const remembered = lruCache<never>(options.remembers ?? 0);
  const tell = (...inputs: KpiInput[]) =>
    here
      .run(planKpi(rules, inputs, options.suppressed ?? false, remembered))
      .map(({ value }) => kpiChanged.decode(value!));
  return { here, tell };
}

describe.each([0, 8])('a kpi task that remembers %i deliveries', (remembers) => {
  it('adds the shares of all partitions, the last one of each', () => {
    const { tell } = given({ remembers });
    tell(share(3), share(5, { partition: 1 }));
    const [change] = tell(share(4));
    expect(change).toMatchObject({
      revision: 9,
      previousRevision: 8,
      kpis: { relayed: 9 },
      previous: { relayed: 8 },
    });
  });

  it('makes one record of a burst', () => {
    const { tell } = given({ remembers });
    expect(tell(share(1), share(2), share(3), share(2)).map(({ revision }) => revision)).toEqual([3]);
  });

  it('takes no notice of another generation: not of its shares, its barriers, or what it retires', () => {
    const { here, tell } = given({ remembers });
    const barrier = { deliveryId: null, revision: 0 };
    expect(tell(share(9, { generation: 1 }), share(9, { ...barrier, generation: 1 }))).toEqual([]);
    expect(tell(share(9, { generation: 3 }))).toEqual([]);
    tell({ ...emptySum('d1', 1), retiredAt: 7 });
    expect(here.entries('r').size).toBe(0);
    expect(here.entries('f').size).toBe(0);
    expect(here.entries('s').size).toBe(0);
    tell(share(0, { ...barrier, partition: 5, revision: 2 }));
    expect([...here.entries('f').keys()]).toEqual(['b5.2']);
    expect(tell(share(2)).map(({ kpis }) => kpis.relayed)).toEqual([2]);
    tell({ ...emptySum('d1', 2), retiredAt: 7, asOf: 5 });
    expect(here.entries('r').get('d1')?.toString()).toBe('7/5');
  });

  it('writes nothing where nothing is new', () => {
    const { tell } = given({ remembers });
    tell(share(3));
    const plan = planKpi(rules, [share(3), share(2)], false);
    expect(tell(share(3), share(2))).toEqual([]);
    expect(plan.reads.length).toBeGreaterThan(0);
  });
});

describe('what the log itself remembers as published', () => {
  const said = (revision: number, generation = 1): Buffer =>
    kpiChanged.encode({
      ...{ deliveryId: 'd1', generation, revision, previousRevision: 0, policy: 'RELAY', asOf: 0 },
      ...{ kpis: { ...emptySum('', 0), success: null, deliverySize: null }, previous: null },
    });
  const storedRevision = (here: ReturnType<typeof fakeStore>): number =>
    kpiChanged.decode(here.entries('p').get('d1')!).revision;

  it.each([
    ['later', said(6)],
    ['earlier: what was committed as said has never left', said(4)],
    ['of another generation', said(1, 2)],
  ])('counts, whatever the state remembers, also where it is %s', (_, found) => {
    const { here, tell } = given({ suppressed: true });
    expect(tell({ deliveryId: 'd1', published: said(5) })).toEqual([]);
    expect(storedRevision(here)).toBe(5);
    expect(tell({ deliveryId: 'd1', published: found })).toEqual([]);
    expect(storedRevision(here)).toBe(kpiChanged.decode(found).revision);
  });

  it('is forgotten where the log has nothing of it', () => {
    const { here, tell } = given({ suppressed: true });
    tell({ deliveryId: 'd1', published: said(5) });
    expect(tell({ deliveryId: 'd1', published: null })).toEqual([]);
    expect(here.entries('p').has('d1')).toBe(false);
  });

  it('comes before the next record: that one names it as previous', () => {
    const { here, tell } = given({ suppressed: true });
    tell({ deliveryId: 'd1', published: said(5, 2) });
    tell(share(7));
    const speaking = here.run(planKpi(rules, [{ recheck: 'd1' }], false));
    expect(speaking.map(({ value }) => kpiChanged.decode(value!))).toMatchObject([
      { revision: 7, previousRevision: 5, previous: { relayed: 0 } },
    ]);
  });
});
