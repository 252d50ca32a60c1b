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

/** The snapshot without the keys of the lost tasks. */
function without(snapshot: Snapshot, lost: (key: string) => boolean): Snapshot {
  return { ...snapshot, tasks: new Map([...snapshot.tasks].filter(([key]) => !lost(key))) };
}

/** A barrier's key has a state id and a partition, but no delivery. */
const isBarrier = ({ key }: { key: Buffer | null }): boolean => /^\/\d+\.\d+$/.test(String(key));

async function generationOf(there: World): Promise<number | undefined> {
  return (await there.store.active())?.stateId;
}

/** A worker that commits each contribution by itself. */
function withSingleKpiRecords(deps: Servers): Servers {
  const { status, kpi } = deps.sources;
  const open: Servers['sources']['kpi']['open'] = async (partition, positions) => {
    const inbox = await kpi.open(partition, positions);
    return { ...inbox, take: (how) => inbox.take({ ...how, max: 1 }) };
  };
  return { ...deps, sources: { status, kpi: { ...kpi, open } } };
}

/** Published KPIs must be an unbroken chain without false figures, and end at the recount. */
async function expectConsistent(there: World): Promise<void> {
  expect(await differences(there)).toEqual([]);
  expect(brokenLinks(there)).toEqual([]);
}

/** A world where this many workers have folded and published some feedback. */
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
  it.each([1, 2])('is rebuilt as the next generation, with %i workers', async (workers) => {
    const { there, rest } = await runningWorld(workers);
    expect(await generationOf(there)).toBe(1);
    there.store.wipe();
    there.produce(rest.slice(0, 100));
    await there.settle();
    expect(await generationOf(there)).toBe(2);
    there.produce(rest.slice(100));
    await there.settle();
    await expectConsistent(there);
    expect(kpiRecords(there).at(-1)?.generation).toBe(2);
  });

  it('is rebuilt without publishing the same figures again', async () => {
    const { there, running } = await runningWorld();
    const publishedBefore = kpiRecords(there).length;
    await running[0]!.stop();
    there.store.wipe();
    await there.worker();
    await there.settle();
    expect(await generationOf(there)).toBe(2);
    expect(kpiRecords(there)).toHaveLength(publishedBefore);
    await expectConsistent(there);
  });

  it('is rebuilt correctly where it is wiped eight times under load', async () => {
    const { there, rest } = await runningWorld(2);
    for (let i = 0; i < 8; i += 1) {
      there.produce(rest.slice(i * 40, i * 40 + 40));
      let steps = 3 + i;
      await there.until(() => steps-- <= 0, 'some steps');
      there.store.wipe();
    }
    there.produce(rest.slice(320));
    await there.settle();
    await expectConsistent(there);
  });

  it('resumes publishing once it is rebuilt, after one barrier per pair of partitions', async () => {
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

  it('is rebuilt while no new feedback arrives', async () => {
    const { there } = await runningWorld();
    there.store.wipe();
    await there.settle();
    expect(await generationOf(there)).toBe(2);
    await expectConsistent(there);
  });
});

describe('a store that has lost the state of one task', () => {
  it.each([
    ['status', 1],
    ['kpi', 1],
    ['status', 2],
    ['kpi', 2],
  ] as const)('is rebuilt as a whole generation: a %s task, %i workers', async (pipeline, workers) => {
    const { there, rest } = await runningWorld(workers);
    const key = `{1.${pipeline === 'status' ? 's' : 'k'}.2}`;
    there.store.restore(without(there.store.snapshot(), (name) => name.includes(key)));
    there.produce(rest);
    await there.settle();
    expect(await generationOf(there)).toBe(2);
    await expectConsistent(there);
  });
});

describe('a store that is restored to an older state', () => {
  it.each([1, 2])('is replayed forward from its own positions, with %i workers', async (workers) => {
    const { there, rest } = await runningWorld(workers);
    const old = there.store.snapshot();
    there.produce(rest.slice(0, 200));
    await there.settle();
    there.store.restore(old);
    there.produce(rest.slice(200));
    await there.settle();
    expect(await generationOf(there)).toBe(1);
    await expectConsistent(there);
    expect(new Set(deadLetters(there).values()).size).toBe(8);
  });

  it('is replayed forward by a new worker that has not seen the newer state', async () => {
    const { there, running, rest } = await runningWorld(2);
    const old = there.store.snapshot();
    there.produce(rest.slice(0, 200));
    await there.settle();
    for (const each of running) await each.stop();
    there.store.restore(old);
    there.produce(rest.slice(200));
    await there.worker();
    await there.settle();
    await expectConsistent(there);
  });

  it('publishes no false figures where the replay reads the same feedback in another order', async () => {
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
    await expectConsistent(there);
    const delivered = kpiRecords(there).map(({ kpis }) => kpis.delivered);
    expect(delivered).toEqual([...delivered].sort((a, b) => a - b));
  });

  it('publishes nothing twice: the publish checkpoint in the log is ahead of it', async () => {
    const { there, running, rest } = await runningWorld();
    const old = there.store.snapshot();
    there.produce(rest);
    await there.settle();
    const publishedBefore = kpiRecords(there).length;
    await running[0]!.stop();
    there.store.restore(old);
    await there.worker();
    await there.settle();
    expect(kpiRecords(there)).toHaveLength(publishedBefore);
    await expectConsistent(there);
  });

  it('gives correct figures where a former owner commits to it', async () => {
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
    await there.worker(withSingleKpiRecords);
    await there.settle();
    there.store.restore(old);
    stall.release();
    await there.settle();
    there.produce(all.slice(200));
    await there.settle();
    await expectConsistent(there);
  });

  it('is replayed forward while no new feedback arrives', async () => {
    const { there, rest } = await runningWorld();
    const old = there.store.snapshot();
    there.produce(rest);
    await there.settle();
    there.store.restore(old);
    await there.settle();
    await expectConsistent(there);
  });

  it('would lead to wrong figures if neither commits nor reads checked whose state it is', async () => {
    const there = await world({ without: ['epoch', 'sequence', 'positions', 'reads'] });
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

  it('is replayed to correct figures where it is restored repeatedly under load', async () => {
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
    await expectConsistent(there);
  });
});

describe('a log that no longer holds a position', () => {
  it.each([
    ['status', FEEDBACK_TOPICS[1].topic],
    ['kpi', CONTRIBUTIONS_TOPIC],
  ])('stops the %s task with a reason, and the other tasks continue', async (pipeline, topic) => {
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
    const errors = log.entries.filter(({ level }) => level === 'error').map(({ fields }) => fields);
    expect(errors).not.toEqual([]);
    for (const fields of errors) expect(fields).toMatchObject({ pipeline, partition: 1 });
    const manifest = (await there.store.active())!;
    for (const partition of [0, 2, 3]) {
      const address = { stateId: manifest.stateId, pipeline: 'status' as const, partition };
      const { positions } = (await there.store.inspect(address))!;
      const ends = FEEDBACK_TOPICS.map((input) => there.log.watermarks(input.topic, partition).high);
      expect(positions).toEqual(ends);
    }
  });
});
