import { must } from '../../src/base/assert';
import { SCHEMAS } from '../../src/feedback/schemas';
import { type Contribution, type KpiChanged, wireType } from '../../src/kpi/encode';
import type { TaskAddress } from '../../src/store/store';
import { promote } from '../../src/generations/cutover';
import { cutOverDeps } from '../support/cutover';
import { feedback, T0 } from '../support/feedback';
import { brokenLinks, differences, kpiRecords } from '../support/observe';
import { compared, during, rebuilt } from '../support/rebuilding';
import { formerRecord, writeState } from '../support/state';
import { randomFeedback } from '../support/traffic';
import { type World, world } from '../support/world';

const SEED = 6;
const COMPLAINED = 'mta.complained';
const FORMER_TOPICS = 5;
const contribution = wireType<Contribution>(SCHEMAS.Contribution, 0);
const kpiChanged = wireType<KpiChanged>(SCHEMAS.KpiChanged, 0);

/** A stored value as the version before complaints encoded it. */
const formerValue = (hash: string, value: Buffer): Buffer =>
  hash === 'p'
    ? formerRecord('KpiChanged', 1, kpiChanged.decode(value))
    : formerRecord('Contribution', 2, contribution.decode(value));

/** Makes a task what the version before complaints would have left: without a position of that topic, its records former. */
async function makeFormer({ store }: World, task: TaskAddress, hashes: readonly string[]): Promise<void> {
  const writes = [];
  for (const hash of hashes) {
    const { entries } = await store.scan(task, hash, '0');
    writes.push({
      hash,
      entries: entries.map(([field, value]) => [field, formerValue(hash, value)] as const),
    });
  }
  await writeState(store, task, writes, (positions) => positions.slice(0, FORMER_TOPICS));
}

/** An installation of the version before complaints, whose worker has ended, with some feedback to come. */
async function formerInstallation(): Promise<{ there: World; rest: ReturnType<typeof randomFeedback> }> {
  const there = await world({ expiry: 'off', messageStatus: 'on' });
  const all = randomFeedback(SEED, 600).filter(({ kind }) => kind !== 'Complained');
  const worker = await there.worker();
  there.produce(all.slice(0, 300));
  await there.settle();
  await worker.stop();
  const shares = ['d1', 'd2', 'd3'].map((id) => `d/${id}`);
  for (let partition = 0; partition < there.partitions; partition += 1) {
    await makeFormer(there, { stateId: 1, pipeline: 'status', partition }, ['c']);
    await makeFormer(there, { stateId: 1, pipeline: 'kpi', partition }, ['s', 'p', ...shares]);
  }
  const active = must(await there.store.active(), 'a generation');
  const { [COMPLAINED]: _, ...topicIds } = active.topicIds ?? {};
  expect(await there.store.replaceActive(active, { ...active, topicIds })).toBe(true);
  return { there, rest: all.slice(300) };
}

/** Complaints about messages of the deliveries, some of them before anything else is heard of the message. */
const complaints = Array.from({ length: 60 }, (_, index) =>
  feedback.complained({
    deliveryId: `d${1 + (index % 3)}`,
    messageId: `m${index}`,
    occurredAt: T0 + index,
    feedbackType: index % 7 === 0 ? 'not-spam' : 'abuse',
  }),
);

/** The positions that the status tasks have stored. */
const positionsOf = (there: World, stateId = 1) =>
  Promise.all(
    Array.from({ length: there.partitions }, async (_, partition) => {
      const found = await there.store.inspect({ stateId, pipeline: 'status', partition });
      return must(found, 'a task').positions;
    }),
  );

/** Everything is the recount of all records. */
async function expectRecounted(there: World): Promise<void> {
  expect(await differences(there)).toEqual([]);
  expect(brokenLinks(there)).toEqual([]);
}

describe('a state that was built before there were complaints', () => {
  it('goes on without a rebuild: its complaints are counted from the beginning of their topic', async () => {
    const { there, rest } = await formerInstallation();
    there.produce(complaints.slice(0, 40));
    const worker = await there.worker();
    await there.settle();
    await expectRecounted(there);
    there.produce([...rest, ...complaints.slice(40)]);
    await there.settle();
    await expectRecounted(there);
    expect(worker.fatal).toEqual([]);
    expect(await there.store.list()).toMatchObject([{ stateId: 1, generation: 1 }]);
    const ends = (await positionsOf(there)).map((positions) => positions[FORMER_TOPICS]);
    expect(ends.reduce((sum: number, end) => sum + must(end, 'a position'), 0)).toBe(complaints.length);
    expect(Math.max(...kpiRecords(there).map(({ kpis }) => kpis.complained))).toBeGreaterThan(3);
  });

  it('publishes nothing of its own accord: no KPI has changed', async () => {
    const { there } = await formerInstallation();
    const before = kpiRecords(there).length;
    await there.worker();
    await there.settle();
    expect(kpiRecords(there)).toHaveLength(before);
    expect((await positionsOf(there)).every(({ length }) => length === FORMER_TOPICS + 1)).toBe(true);
  });

  it('begins at the first complaint that the topic still holds', async () => {
    const { there } = await formerInstallation();
    there.produce(complaints);
    const lows: number[] = [];
    for (let partition = 0; partition < there.partitions; partition += 1) {
      lows.push(there.log.watermarks(COMPLAINED, partition).high - 2);
      there.log.raiseLow(COMPLAINED, partition, must(lows[partition], 'an offset'));
    }
    const worker = await there.worker();
    await there.settle();
    expect(worker.fatal).toEqual([]);
    await expectRecounted(there);
    expect((await positionsOf(there)).map((each) => each[FORMER_TOPICS])).toEqual(lows.map((low) => low + 2));
  });

  it('equals its rebuild before any worker has taken it over, and is cut over to it', async () => {
    const { there, rest } = await formerInstallation();
    there.produce(complaints);
    const rebuild = await rebuilt(there);
    const found = await compared(there, rebuild);
    expect([found.equal, found.partitions.every(({ comparable }) => comparable)]).toEqual([true, true]);
    await during(there, rebuild.stop());
    await promote(cutOverDeps(there), null);
    there.produce(rest);
    await there.worker();
    await there.settle();
    expect((await there.store.active())?.stateId).toBe(2);
    await expectRecounted(there);
  });
});
