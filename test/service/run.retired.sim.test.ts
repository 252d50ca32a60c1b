import { partitionOf } from '../../src/log/partitioner';
import { SCHEMAS } from '../../src/feedback/schemas';
import { CONTRIBUTIONS_TOPIC, DEAD_LETTER_TOPIC } from '../../src/feedback/topics';
import { type Contribution, wireType } from '../../src/kpi/encode';
import { retiredDelivery, retirementMarker } from '../../src/pipeline/retention';
import { promote } from '../../src/generations/cutover';
import { RETIRED_HASH } from '../../src/store/hashes';
import { cutOverDeps, proposed } from '../support/cutover';
import { barrier, killedAtEmit, withCommit } from '../support/faults';
import { feedback, HOUR, T0 } from '../support/feedback';
import { brokenLinks, deadLetters, differences, kpiRecords, recordsOf } from '../support/observe';
import { compared, during, rebuilt } from '../support/rebuilding';
import { agedWorld, DAY, kinds, late, later, markers, retiredWorld, sent, walks } from '../support/retention';
import { type World, world } from '../support/world';

/** The schema id of contributions in the registry of a world. */
const idOf = (there: World): number => recordsOf(there, CONTRIBUTIONS_TOPIC)[0]!.value!.readInt32BE(1);

describe('a generation whose predecessor has retired a delivery', () => {
  it('skips the feedback of the retired delivery, and dead-letters its late feedback', async () => {
    const there = await retiredWorld();
    there.produce(sent('old', 2));
    await there.settle();
    const before = recordsOf(there, DEAD_LETTER_TOPIC).length;
    there.store.wipe();
    await there.settle();
    expect((await there.store.active())?.stateId).toBe(2);
    expect(kinds(there, 'old', 2)).toEqual(['r']);
    expect(kinds(there, 'young', 2)).toEqual(['c', 'd', 'm', 'p', 's']);
    // Late feedback is dead-lettered again with the same origin; feedback that was counted is skipped.
    expect(deadLetters(there).size).toBe(before);
    there.produce(sent('old', 3));
    await there.settle();
    expect(deadLetters(there).size).toBe(before + 6);
    expect(kpiRecords(there).filter(({ generation }) => generation === 2)).toEqual([]);
    expect(brokenLinks(there)).toEqual([]);
  });

  it('evicts a delivery whose marker was published, and which was not evicted yet', async () => {
    const there = await world();
    await there.worker();
    there.produce(sent('old'));
    await later(there, 31 * DAY);
    await walks(there, 2);
    expect(markers(there)).toEqual(['old/retired']);
    expect(kinds(there, 'old')).toContain('s');
    there.store.wipe();
    await there.settle();
    expect(kinds(there, 'old', 2)).toEqual(['r']);
  });

  it('evicts a delivery that a former owner has retired on a stale store', async () => {
    const there = await world({ partitions: 1 });
    const stall = barrier();
    stall.arm();
    const former = await there.worker((deps) =>
      withCommit(deps, async (_, { writes }) =>
        writes.some(({ hash }) => hash === RETIRED_HASH) ? stall.pass() : undefined,
      ),
    );
    there.produce(sent('old'));
    await later(there, 31 * DAY);
    await walks(there, 1);
    there.clock.advance(HOUR + 60_000);
    await there.until(stall.held, 'the retirement stalls');
    const old = there.store.snapshot();
    await former.stop();
    await there.worker();
    there.produce(sent('young', 1, T0 + 31 * DAY));
    await there.settle();
    there.store.restore(old);
    stall.release();
    await there.settle();
    expect(kinds(there, 'old')).toContain('r');
    expect(markers(there)).toEqual(['old/retired']);
    there.store.wipe();
    await there.settle();
    expect(kinds(there, 'old', 2)).toEqual(['r']);
    expect(brokenLinks(there)).toEqual([]);
  });

  it('dead-letters feedback that its predecessor had not committed when the delivery was retired', async () => {
    const { there, stall, kill } = await agedWorld(2);
    stall.arm();
    there.produce([feedback.relayed({ deliveryId: 'old', messageId: 'unread' })]);
    await there.until(stall.held, 'its commit is in flight');
    await walks(there, 1);
    expect(markers(there)).toEqual(['old/retired']);
    kill();
    there.store.wipe();
    await there.worker();
    await there.settle();
    expect(kinds(there, 'old', 2)).toEqual(['r']);
    expect(late(there)).toEqual(['retired-delivery']);
  });

  it('keeps a delivery that its predecessor has retired too late for the rebuild to know', async () => {
    const there = await world({ partitions: 2, batchMax: 1 });
    const { kill } = await there.worker();
    there.produce(sent('old'));
    await there.settle();
    kill();
    there.store.wipe();
    const stall = barrier();
    stall.arm();
    await there.worker((deps) =>
      withCommit(deps, async ({ partition }, { writes }) =>
        partition === 1 && writes.some(({ hash }) => hash.startsWith('m/old')) ? stall.pass() : undefined,
      ),
    );
    await there.until(stall.held, 'it has read a part');
    const now = there.clock.now();
    const partition = partitionOf(Buffer.from('old'), 2);
    const contribution = wireType<Contribution>(SCHEMAS.Contribution, idOf(there));
    const { key, value } = retirementMarker(
      'old',
      { at: now, asOf: now },
      { stateId: 1, partition, contribution },
    );
    there.log.append(CONTRIBUTIONS_TOPIC, partition, { key, value });
    await later(there, HOUR);
    stall.release();
    await there.settle();
    expect((await there.store.active())?.stateId).toBe(2);
    expect(await differences(there)).toEqual([]);
    expect(brokenLinks(there)).toEqual([]);
  });

  it.each([0, 1, 2, 3, 4, 5, 6])(
    'compares equal to it where it is proposed after scan %i of the eviction',
    async (walked) => {
      const there = await world();
      await there.worker();
      there.produce([...sent('old'), ...sent('young', 9, T0 + 30 * DAY)]);
      await later(there, 31 * DAY);
      await walks(there, walked);
      const rebuild = await rebuilt(there);
      const found = await compared(there, rebuild);
      await during(there, rebuild.stop());
      expect(found).toMatchObject({ equal: true, deliveries: [], messages: [] });
      for (const { digests } of found.partitions) expect(digests.active).toBe(digests.candidate);
    },
  );

  it('publishes a retirement marker that its predecessor has committed and not emitted', async () => {
    const there = await world();
    await there.worker((deps, worker) =>
      killedAtEmit(deps, worker, (records) => records.some(({ key }) => retiredDelivery(key) !== null)),
    );
    there.produce(sent('old'));
    await later(there, 31 * DAY);
    await walks(there, 1);
    const candidate = await proposed(there);
    await walks(there, 1);
    expect([kinds(there, 'old').includes('r'), markers(there)]).toEqual([true, []]);
    await promote(cutOverDeps(there), candidate);
    await there.worker();
    await there.settle();
    expect(await there.store.active()).toMatchObject({ stateId: 2, cutoverComplete: true });
    expect([kinds(there, 'old', 2), markers(there)]).toEqual([['r'], ['old/retired']]);
    there.produce(sent('old', 1));
    await there.settle();
    expect(late(there)).toEqual(['retired-delivery', 'retired-delivery']);
  });

  it('restates no figures of a delivery of which it had only a part, where it becomes active again', async () => {
    const there = await world();
    await there.worker();
    there.produce(sent('old', 5));
    await there.settle();
    const rebuild = await rebuilt(there);
    await during(there, rebuild.stop());
    await during(there, promote(cutOverDeps(there), null));
    there.produce(sent('old', 20).slice(10));
    await later(there, 31 * DAY);
    await walks(there, 2);
    expect(markers(there)).toEqual(['old/retired']);
    await during(there, promote(cutOverDeps(there), 1));
    await there.settle();
    expect(await there.store.active()).toMatchObject({ stateId: 1, cutoverComplete: true });
    expect(kpiRecords(there).at(-1)?.kpis).toMatchObject({ relayed: 20, sent: 20 });
    expect(brokenLinks(there)).toEqual([]);
    await walks(there, 7);
    expect(kinds(there, 'old', 1)).toEqual(['r']);
  });

  it.each([
    ['before', 0],
    ['while', 2],
    ['after', 6],
  ])('evicts the delivery where it was proposed %s the retirement, and is promoted', async (_, walked) => {
    const there = await world();
    await there.worker();
    there.produce([...sent('old'), ...sent('young', 9, T0 + 30 * DAY)]);
    await later(there, 31 * DAY);
    await walks(there, walked);
    const candidate = await proposed(there);
    await walks(there, 6 - walked);
    const publishedBefore = kpiRecords(there).length;
    await promote(cutOverDeps(there), candidate);
    await there.settle();
    await walks(there, 6);
    expect(await there.store.active()).toMatchObject({ stateId: 2, cutoverComplete: true });
    expect([kinds(there, 'old', 2), kinds(there, 'young', 2)]).toEqual([['r'], ['c', 'd', 'm', 'p', 's']]);
    expect([kpiRecords(there).length, late(there)]).toEqual([publishedBefore, []]);
    there.produce([...sent('old', 1), ...sent('young', 10, T0 + 30 * DAY)]);
    await there.settle();
    expect(late(there)).toEqual(['retired-delivery', 'retired-delivery']);
    expect(kpiRecords(there).at(-1)).toMatchObject({ deliveryId: 'young', generation: 2 });
    expect(brokenLinks(there)).toEqual([]);
  });
});
