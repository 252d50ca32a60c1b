import { must } from '../../src/base/assert';
import { EfsError } from '../../src/base/errors';
import { RETIRED_TOPIC } from '../../src/feedback/topics';
import { SCHEMAS } from '../../src/feedback/schemas';
import { tasksOf } from '../../src/generations/generation';
import { type Contribution, wireType } from '../../src/kpi/encode';
import { partitionOf } from '../../src/log/partitioner';
import type { Servers } from '../../src/app/compose';
import {
  CONTRIBUTIONS_HASH,
  FORMER_RETIRED_HASH,
  numberField,
  PUBLISHED_HASH,
  sharesHash,
  SUMS_HASH,
} from '../../src/store/hashes';
import { barrier, withCommit } from '../support/faults';
import { T0 } from '../support/feedback';
import { brokenLinks, kpiRecords } from '../support/observe';
import { everywhere, kinds, late, retired, sent } from '../support/retention';
import { formerRecord, writeState } from '../support/state';
import { type World, world } from '../support/world';

const LATE = 'retired-delivery';
const TAKEN_OVER = 'retired deliveries of an earlier version taken over';
const contribution = wireType<Contribution>(SCHEMAS.Contribution, 0);

/** The last published figures of a delivery, as far as tests look at them. */
function figures(there: World, deliveryId: string) {
  const of = kpiRecords(there).filter((each) => each.deliveryId === deliveryId);
  const { relayed, sent: delivered } = must(of.at(-1), 'a KPI record').kpis;
  return { relayed, sent: delivered };
}

/** Makes of a state what 0.1 had left: contributions in its schema, the topic of retired deliveries not known. */
async function makeFormer({ store }: World): Promise<void> {
  const active = must(await store.active(), 'a generation');
  for (const task of tasksOf(active, 'status')) {
    const { entries } = await store.scan(task, CONTRIBUTIONS_HASH, '0');
    const former = entries.map(
      ([field, value]) => [field, formerRecord('Contribution', 1, contribution.decode(value))] as const,
    );
    await writeState(store, task, [{ hash: CONTRIBUTIONS_HASH, entries: former }]);
  }
  const { [RETIRED_TOPIC]: _, ...topicIds } = active.topicIds ?? {};
  expect(await store.replaceActive(active, { ...active, topicIds })).toBe(true);
}

/**
 * Retires a delivery as 0.1 did. `isRemoved`: its sum, shares and published record are deleted. Those status tasks have
 * deleted messages and contribution of it whose partitions are given.
 */
async function retireFormerly(
  { store, partitions }: World,
  deliveryId: string,
  { isRemoved, evicted }: { readonly isRemoved: boolean; readonly evicted: readonly number[] },
): Promise<void> {
  const field = Buffer.from(deliveryId);
  const gone = [[field, null]] as const;
  const shares = Array.from(
    { length: partitions },
    (_, partition) => [numberField(partition), null] as const,
  );
  const removal = [
    { hash: sharesHash(deliveryId), entries: shares },
    { hash: SUMS_HASH, entries: gone },
    { hash: PUBLISHED_HASH, entries: gone },
  ];
  await writeState(store, { stateId: 1, pipeline: 'kpi', partition: partitionOf(field, partitions) }, [
    { hash: FORMER_RETIRED_HASH, entries: [[field, Buffer.from(`${T0}/${T0}`)]] },
    ...(isRemoved ? removal : []),
  ]);
  for (const partition of evicted) {
    const task = { stateId: 1, pipeline: 'status', partition } as const;
    await writeState(store, task, [{ hash: CONTRIBUTIONS_HASH, entries: gone }]);
    await store.erase(task, [`m/${deliveryId}/0`]);
  }
}

/** A state of 0.1, without workers: `counted` is retired, `removed` is so for longer, `open` is not. */
async function formerWorld(given: Parameters<typeof world>[0] = {}): Promise<World> {
  const there = await world(given);
  const worker = await there.worker();
  there.produce(['counted', 'removed', 'open'].flatMap((id) => sent(id)));
  await there.settle();
  await worker.stop();
  await makeFormer(there);
  await retireFormerly(there, 'counted', { isRemoved: false, evicted: [1] });
  await retireFormerly(there, 'removed', { isRemoved: true, evicted: [0, 2] });
  return there;
}

const RETIRED_IDS = ['counted', 'removed'];
const all = (there: World): string[] => RETIRED_IDS.flatMap((id) => everywhere(there, id));

/** The retirements hold: feedback on them is late, and their KPIs are those of before. */
async function expectRetired(there: World): Promise<void> {
  const before = kpiRecords(there).length;
  const letters = late(there).length;
  there.produce(RETIRED_IDS.flatMap((id) => sent(id, 3)));
  there.produce(sent('open', 25).slice(40));
  await there.settle();
  expect(late(there).slice(letters)).toEqual(Array<string>(12).fill(LATE));
  expect(RETIRED_IDS.map((id) => figures(there, id))).toEqual(Array(2).fill({ relayed: 20, sent: 20 }));
  const since = kpiRecords(there).slice(before);
  expect(new Set(since.map(({ deliveryId }) => deliveryId))).toEqual(new Set(['open']));
  expect(figures(there, 'open')).toEqual({ relayed: 25, sent: 25 });
  expect(brokenLinks(there)).toEqual([]);
}

/** Fails the first emit of retirements like an outage, after a part of them was written. */
function withInterruption(deps: Servers): Servers {
  let isFirst = true;
  const emit: Servers['sink']['emit'] = async (records) => {
    if (!isFirst || !records.some(({ topic }) => topic === RETIRED_TOPIC)) return deps.sink.emit(records);
    isFirst = false;
    await deps.sink.emit(records.slice(0, 3));
    throw new EfsError('kafka-unavailable', 'the log in memory is down');
  };
  return { ...deps, sink: { emit, close: () => deps.sink.close() } };
}

describe('a service that starts on a state in which 0.1 has retired deliveries', () => {
  it('dead-letters late feedback on them; their KPIs stay, and nothing of them is published again', async () => {
    const there = await formerWorld();
    const published = kpiRecords(there).length;
    const worker = await there.worker();
    await there.settle();
    expect([kpiRecords(there).length, late(there)]).toEqual([published, []]);
    await expectRetired(there);
    expect(retired(there)).toEqual(all(there));
    const logged = worker.log.entries.filter(({ message }) => message === TAKEN_OVER);
    expect(logged.map(({ fields }) => fields)).toEqual([{ records: 2 }]);
    expect(worker.fatal).toEqual([]);
  });

  it('deletes the messages that 0.1 had not deleted yet, and keeps contributions', async () => {
    const there = await formerWorld();
    expect(kinds(there, 'removed')).toEqual(['c', 'm', 'r']);
    await there.worker();
    await there.settle();
    expect(RETIRED_IDS.map((id) => kinds(there, id))).toEqual([
      ['c', 'd', 'p', 'r', 's'],
      ['c', 'd', 'r', 's'],
    ]);
    expect(kinds(there, 'open')).toContain('m');
  });

  it('takes them over once: a next start publishes none', async () => {
    const there = await formerWorld();
    const first = await there.worker();
    await there.settle();
    await first.stop();
    const next = await there.worker();
    await there.settle();
    expect(retired(there)).toEqual(all(there));
    expect(next.log.entries.map(({ message }) => message)).not.toContain(TAKEN_OVER);
    await expectRetired(there);
  });

  it('takes them over where the first attempt is interrupted within the records of a delivery', async () => {
    const there = await formerWorld();
    const worker = await there.worker(withInterruption);
    await there.settle();
    expect([retired(there).length, new Set(retired(there))]).toEqual([8 + 3, new Set(all(there))]);
    await expectRetired(there);
    expect(worker.fatal).toEqual([]);
  });

  it('takes them over where two workers start at once', async () => {
    const there = await formerWorld();
    await Promise.all([there.worker(), there.worker()]);
    await there.settle();
    expect(new Set(retired(there))).toEqual(new Set(all(there)));
    await expectRetired(there);
  });

  it('counts what a status task had folded of them when the last worker ended, and its kpi task had not', async () => {
    const there = await world({ partitions: 1 });
    const stall = barrier();
    const worker = await there.worker((deps) =>
      withCommit(deps, async ({ pipeline }) => (pipeline === 'kpi' ? stall.pass() : undefined)),
    );
    there.produce(sent('old'));
    await there.settle();
    stall.arm();
    there.produce(sent('old', 25).slice(40));
    await there.until(stall.held, 'a contribution is in flight');
    worker.kill();
    await makeFormer(there);
    await retireFormerly(there, 'old', { isRemoved: false, evicted: [] });
    await there.worker();
    await there.settle();
    expect(figures(there, 'old')).toEqual({ relayed: 25, sent: 25 });
    there.produce(sent('old', 2));
    await there.settle();
    expect([figures(there, 'old'), late(there)]).toEqual([
      { relayed: 25, sent: 25 },
      Array<string>(4).fill(LATE),
    ]);
    expect(brokenLinks(there)).toEqual([]);
  });

  it('leaves them retired when the state is lost afterwards, and dead-letters no feedback that was counted', async () => {
    const there = await formerWorld();
    await there.worker();
    await there.settle();
    await expectRetired(there);
    const letters = late(there).length;
    there.store.wipe();
    await there.settle();
    expect((await there.store.active())?.stateId).toBe(2);
    expect(late(there)).toHaveLength(letters);
    expect(kpiRecords(there).filter(({ generation }) => generation === 2)).toEqual([]);
    there.produce(RETIRED_IDS.flatMap((id) => sent(id, 1)));
    await there.settle();
    expect(late(there)).toHaveLength(letters + 4);
    expect(brokenLinks(there)).toEqual([]);
  });

  it('is refused with other settings before it has taken anything over', async () => {
    const there = await formerWorld();
    const before = there.store.snapshot();
    await expect(there.worker(undefined, { EFS_BUCKETS: '16' })).rejects.toMatchObject({
      code: 'generation-unfit',
    });
    expect([retired(there), there.store.snapshot()]).toEqual([[], before]);
  });
});

test('a state of 0.1 without the topic of retired deliveries would count late feedback on a removed delivery from zero', async () => {
  const there = await formerWorld();
  const active = must(await there.store.active(), 'a generation');
  const topicIds = { ...active.topicIds, [RETIRED_TOPIC]: must(there.log.topicId(RETIRED_TOPIC), 'an id') };
  expect(await there.store.replaceActive(active, { ...active, topicIds })).toBe(true);
  await there.worker();
  there.produce(sent('removed', 3));
  await there.settle();
  expect(late(there)).toEqual([]);
  expect(figures(there, 'removed').relayed).toBeLessThan(20);
});
