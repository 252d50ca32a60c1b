import { CONTRIBUTIONS_TOPIC, FEEDBACK_TOPICS } from '../../src/feedback/topics';
import type { Servers } from '../../src/app/compose';
import type { Snapshot } from '../../src/store/store.memory';
import { barrier, withCommit } from '../support/faults';
import { feedback } from '../support/feedback';
import { brokenLinks, deadLetters, differences, kpiRecords, recordsOf } from '../support/observe';
import { withTopicsInTurn } from '../support/reordering';
import { poison, randomFeedback } from '../support/traffic';
import { type World, world } from '../support/world';

const SEED = 99;

/** A store in which all is as it was but for what the keys of these tasks held. */
function without(snapshot: Snapshot, lost: (key: string) => boolean): Snapshot {
  return { ...snapshot, tasks: new Map([...snapshot.tasks].filter(([key]) => !lost(key))) };
}

/** A barrier's key names a generation and a partition, but no delivery. */
const isBarrier = ({ key }: { key: Buffer | null }): boolean => /^\/\d+\.\d+$/.test(String(key));

async function generationOf(there: World): Promise<number | undefined> {
  return (await there.store.active())?.stateId;
}

/** A worker that commits each contribution by itself. */
function takingKpisOneByOne(deps: Servers): Servers {
  const { status, kpi } = deps.sources;
  const open: Servers['sources']['kpi']['open'] = async (partition, positions) => {
    const inbox = await kpi.open(partition, positions);
    return { ...inbox, take: (how) => inbox.take({ ...how, max: 1 }) };
  };
  return { ...deps, sources: { status, kpi: { ...kpi, open } } };
}

/** What readers saw must be a chain without false figures, and end where the recount does. */
async function expectTrue(there: World): Promise<void> {
  expect(await differences(there)).toEqual([]);
  expect(brokenLinks(there)).toEqual([]);
}

/** A world with history: some feedback folded and published, by this many workers. */
async function runningWorld(workers = 1, partitions = 4) {
  const there = await world({ partitions });
  const all = randomFeedback(SEED, 600);
  const running = [];
  for (let i = 0; i < workers; i += 1) running.push(await there.worker());
  there.produce(all.slice(0, 200));
  there.append(poison(partitions));
  await there.settle();
  return { there, running, rest: all.slice(200) };
}

describe('a store that is wiped while the service runs', () => {
  it.each([1, 2])('is built again as the next generation, with %i workers', async (workers) => {
    const { there, rest } = await runningWorld(workers);
    expect(await generationOf(there)).toBe(1);
    there.store.wipe();
    there.produce(rest.slice(0, 100));
    await there.settle();
    expect(await generationOf(there)).toBe(2);
    there.produce(rest.slice(100));
    await there.settle();
    await expectTrue(there);
    expect(kpiRecords(there).at(-1)?.generation).toBe(2);
  });

  it('says nothing new where nothing has changed: the same figures are not published again', async () => {
    const { there, running } = await runningWorld();
    const said = kpiRecords(there).length;
    await running[0]!.stop();
    there.store.wipe();
    await there.worker();
    await there.settle();
    expect(await generationOf(there)).toBe(2);
    expect(kpiRecords(there)).toHaveLength(said);
    await expectTrue(there);
  });

  it('is built again also when it is wiped over and over, in the midst of everything', async () => {
    const { there, rest } = await runningWorld(2);
    for (let i = 0; i < 8; i += 1) {
      there.produce(rest.slice(i * 40, i * 40 + 40));
      let steps = 3 + i;
      await there.until(() => steps-- <= 0, 'some steps');
      there.store.wipe();
    }
    there.produce(rest.slice(320));
    await there.settle();
    await expectTrue(there);
  });

  it('is no longer muted once it is built, and says once that it has caught up', async () => {
    const { there, running } = await runningWorld();
    const before = recordsOf(there, CONTRIBUTIONS_TOPIC).filter(isBarrier).length;
    there.store.wipe();
    await there.settle();
    await running[0]!.stop();
    await there.worker();
    await there.settle();
    expect(before).toBe(0);
    expect(recordsOf(there, CONTRIBUTIONS_TOPIC).filter(isBarrier)).toHaveLength(there.partitions ** 2);
    for (let partition = 0; partition < there.partitions; partition += 1) {
      const flag = { hash: 'f', fields: [Buffer.from('muted')] };
      const address = { stateId: 2, pipeline: 'kpi', partition } as const;
      expect(await there.store.load(address, [flag])).toEqual([[null]]);
    }
  });

  it('is built again while nothing new comes in', async () => {
    const { there } = await runningWorld();
    there.store.wipe();
    await there.settle();
    expect(await generationOf(there)).toBe(2);
    await expectTrue(there);
  });
});

describe('a store that has lost the state of one task', () => {
  it.each([
    ['status', 1],
    ['kpi', 1],
    ['status', 2],
    ['kpi', 2],
  ] as const)('is built again as a whole: a %s task, %i workers', async (pipeline, workers) => {
    const { there, rest } = await runningWorld(workers);
    const key = `{1.${pipeline === 'status' ? 's' : 'k'}.2}`;
    there.store.restore(without(there.store.snapshot(), (name) => name.includes(key)));
    there.produce(rest);
    await there.settle();
    expect(await generationOf(there)).toBe(2);
    await expectTrue(there);
  });
});

describe('a store that comes back older than it was', () => {
  it.each([1, 2])('is brought up from its own positions, %i workers', async (workers) => {
    const { there, rest } = await runningWorld(workers);
    const old = there.store.snapshot();
    there.produce(rest.slice(0, 200));
    await there.settle();
    there.store.restore(old);
    there.produce(rest.slice(200));
    await there.settle();
    expect(await generationOf(there)).toBe(1);
    await expectTrue(there);
    expect(new Set(deadLetters(there).values()).size).toBe(8);
  });

  it('is brought up by other workers too, which know nothing of what was', async () => {
    const { there, running, rest } = await runningWorld(2);
    const old = there.store.snapshot();
    there.produce(rest.slice(0, 200));
    await there.settle();
    for (const each of running) await each.stop();
    there.store.restore(old);
    there.produce(rest.slice(200));
    await there.worker();
    await there.settle();
    await expectTrue(there);
  });

  it('says nothing false when the log gives the same feedback in another order than before', async () => {
    const there = await world({ partitions: 1, batchMax: 5 });
    const sent = (from: number, to: number) =>
      Array.from({ length: to - from }, (_, index) => `m${from + index}`).flatMap((messageId) => [
        feedback.relayed({ messageId }),
        feedback.delivered({ messageId }),
      ]);
    const first = await there.worker();
    there.produce(sent(0, 20));
    await there.settle();
    const old = there.store.snapshot();
    there.produce(sent(20, 100));
    await there.settle();
    await first.stop();
    there.store.restore(old);
    there.produce(sent(100, 300));
    await there.worker(withTopicsInTurn);
    await there.settle();
    await expectTrue(there);
    const delivered = kpiRecords(there).map(({ kpis }) => kpis.delivered);
    expect(delivered).toEqual([...delivered].sort((a, b) => a - b));
  });

  it('says nothing again that was said: the log itself witnesses what was published', async () => {
    const { there, running, rest } = await runningWorld();
    const old = there.store.snapshot();
    there.produce(rest);
    await there.settle();
    const said = kpiRecords(there).length;
    await running[0]!.stop();
    there.store.restore(old);
    await there.worker();
    await there.settle();
    expect(kpiRecords(there)).toHaveLength(said);
    await expectTrue(there);
  });

  it('is noticed also where a former owner has gone on from it, whom it does not know as such any more', async () => {
    const there = await world({ partitions: 1 });
    const all = randomFeedback(SEED, 300, 12);
    const stall = barrier();
    const former = await there.worker((deps) =>
      withCommit(deps, async ({ pipeline }) => (pipeline === 'kpi' ? stall.pass() : undefined)),
    );
    there.produce(all.slice(0, 100));
    await there.settle();
    stall.arm();
    const old = there.store.snapshot();
    there.produce(all.slice(100, 200));
    await there.until(stall.held, 'the first worker stalls');
    await former.stop();
    await there.worker(takingKpisOneByOne);
    await there.settle();
    there.store.restore(old);
    stall.release();
    await there.settle();
    there.produce(all.slice(200));
    await there.settle();
    await expectTrue(there);
  });

  it('is brought up while nothing new comes in', async () => {
    const { there, rest } = await runningWorld();
    const old = there.store.snapshot();
    there.produce(rest);
    await there.settle();
    there.store.restore(old);
    await there.settle();
    await expectTrue(there);
  });

  it('would go on from the wrong state if commits did not check what they build upon', async () => {
    const there = await world({ without: ['epoch', 'sequence', 'positions'] });
    await there.worker();
    const all = randomFeedback(SEED, 600);
    there.produce(all.slice(0, 200));
    await there.settle();
    const old = there.store.snapshot();
    there.produce(all.slice(200, 400));
    await there.settle();
    there.store.restore(old);
    there.produce(all.slice(400));
    await there.settle();
    expect(await differences(there)).not.toEqual([]);
  });

  it('over and over, at any moment, ends in the truth', async () => {
    const { there, rest } = await runningWorld(2);
    const olds = [there.store.snapshot()];
    for (let i = 0; i < 12; i += 1) {
      there.produce(rest.slice(i * 30, i * 30 + 30));
      let steps = 2 + (i % 5);
      await there.until(() => steps-- <= 0, 'some steps');
      olds.push(there.store.snapshot());
      if (i % 3 === 2) there.store.restore(olds[i - 1]!);
    }
    there.produce(rest.slice(360));
    await there.settle();
    await expectTrue(there);
  });
});

describe('a log that no longer holds a position', () => {
  it.each([
    ['status', FEEDBACK_TOPICS[1].topic],
    ['kpi', CONTRIBUTIONS_TOPIC],
  ])('stops the %s task with a reason, and the others go on', async (pipeline, topic) => {
    const { there, running, rest } = await runningWorld();
    await running[0]!.stop();
    there.produce(rest.slice(0, 200));
    const { high } = there.log.watermarks(topic, 1);
    if (pipeline === 'kpi') there.log.appendMarker(topic, 1);
    there.log.raiseLow(topic, 1, pipeline === 'kpi' ? high + 1 : high);
    const { reasons, log } = await there.worker();
    there.produce(rest.slice(200));
    await there.settle();
    expect([...reasons.keys()]).toEqual([`${pipeline}/1`]);
    expect(reasons.get(`${pipeline}/1`)).toContain('Kafka no longer holds the records');
    expect(log.entries.filter(({ level }) => level === 'error')).toHaveLength(1);
    const manifest = (await there.store.active())!;
    for (const partition of [0, 2, 3]) {
      const address = { stateId: manifest.stateId, pipeline: 'status' as const, partition };
      const { positions } = (await there.store.inspect(address))!;
      const deps = FEEDBACK_TOPICS.map((input) => there.log.watermarks(input.topic, partition).high);
      expect(positions).toEqual(deps);
    }
  });
});
