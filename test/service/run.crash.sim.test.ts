import type { Servers } from '../../src/app/compose';
import { CONTRIBUTIONS_TOPIC, DELIVERY_KPI_TOPIC, MESSAGE_STATUS_TOPIC } from '../../src/feedback/topics';
import type { OutgoingRecord } from '../../src/log/sink';
import type { Check } from '../../src/store/store.memory';
import {
  areDeadLetters,
  barrier,
  killedAtEmit,
  notWaitingForDeadLetters,
  withUncancelledSends,
  withCommit,
  withEmit,
  withoutDraining,
} from '../support/faults';
import { brokenLinks, deadLetters, differences, recountWorld, statusRecords } from '../support/observe';
import { poison, randomFeedback } from '../support/traffic';
import { type Killable, world } from '../support/world';

const SEED = 7;
const on = (topic: string) => (records: readonly OutgoingRecord[]) =>
  records.some((record) => record.topic === topic);

/**
 * A first worker stalls in a commit; a second one takes over and continues; then the first one's commit arrives. Returns the
 * differences that it leaves behind.
 */
async function zombie(pipeline: 'status' | 'kpi', without: readonly Check[]): Promise<string[]> {
  const there = await world({ partitions: 1, without });
  const all = randomFeedback(SEED, 400, 12);
  const stall = barrier();
  const stalled = await there.worker((deps) =>
    withCommit(deps, async (task) => (task.pipeline === pipeline ? stall.pass() : undefined)),
  );
  there.produce(all.slice(0, 100));
  await there.settle();
  stall.arm();
  there.produce(all.slice(100, 120));
  await there.until(stall.held, 'the first worker stalls');
  await stalled.stop();
  await there.worker();
  there.produce(all.slice(120, 300));
  await there.settle();
  stall.release();
  await there.settle();
  there.produce(all.slice(300));
  await there.settle();
  return [...(await differences(there)), ...brokenLinks(there)];
}

describe('a worker whose task another has taken over', () => {
  it.each(['status', 'kpi'] as const)('has its late commit to the %s pipeline refused', async (pipeline) => {
    expect(await zombie(pipeline, [])).toEqual([]);
  });

  it.each<[string, Check[]]>([
    ['the epoch', ['sequence', 'positions']],
    ['the sequence', ['epoch', 'positions']],
    ['the positions', ['epoch', 'sequence']],
  ])('has its late commit refused by %s alone', async (_, without) => {
    expect(await zombie('status', without)).toEqual([]);
  });

  it('would corrupt the state if the store checked neither epoch, sequence nor positions', async () => {
    expect(await zombie('status', ['epoch', 'sequence', 'positions'])).not.toEqual([]);
  });
});

/** A worker crashes between a commit and its emission; another takes over. Returns the differences. */
async function crashAtEmit(topic: string, successor: (deps: Servers) => Servers): Promise<string[]> {
  const there = await world();
  const all = randomFeedback(SEED, 300);
  let armed = false;
  await there.worker((deps, worker) => killedAtEmit(deps, worker, (records) => armed && on(topic)(records)));
  there.produce(all.slice(0, 150));
  await there.settle();
  armed = true;
  there.produce(all.slice(150));
  await there.settle();
  await there.worker((deps) => successor(deps));
  await there.settle();
  return [...(await differences(there)), ...brokenLinks(there)];
}

describe('a worker that crashes between a commit and its emission', () => {
  it.each([CONTRIBUTIONS_TOPIC, DELIVERY_KPI_TOPIC])(
    'leaves an outbox for %s that the next owner drains',
    async (topic) => {
      expect(await crashAtEmit(topic, (deps) => deps)).toEqual([]);
    },
  );

  it.each([CONTRIBUTIONS_TOPIC, DELIVERY_KPI_TOPIC])(
    'would lose what was meant for %s if the next owner did not drain it',
    async (topic) => {
      expect(await crashAtEmit(topic, withoutDraining)).not.toEqual([]);
    },
  );

  it('leaves no difference where 24 workers in turn crash at an emission', async () => {
    const there = await world({ batchMax: 7 });
    const all = randomFeedback(SEED, 240);
    for (let i = 0; i < 24; i += 1) {
      let left = 1 + (i % 5);
      there.produce(all.slice(i * 10, i * 10 + 10));
      const { kill } = await there.worker((deps, worker) => killedAtEmit(deps, worker, () => left-- <= 0));
      for (let turns = 0; turns < 20 && left >= 0; turns += 1) await there.until(() => true, '');
      kill();
    }
    await there.worker();
    await there.settle();
    expect(await differences(there)).toEqual([]);
    expect(brokenLinks(there)).toEqual([]);
  });
});

/** A worker crashes while its dead letters are in flight. Returns the differences. */
async function crashAtDeadLetter(faulty: (deps: Servers) => Servers): Promise<string[]> {
  const there = await world();
  const crashing = (deps: Servers, worker: Killable): Servers => {
    let calls = 0;
    // The first dead letters never arrive; the worker runs for as long as it has other records to emit.
    return withEmit(deps, async (records) => {
      if (areDeadLetters(records)) await new Promise(() => undefined);
      calls += 1;
      if (calls > 40) worker.kill();
    });
  };
  const { kill } = await there.worker((deps, worker) => faulty(crashing(deps, worker)));
  there.append(poison(there.partitions));
  there.produce(randomFeedback(SEED, 100));
  await there.settle();
  expect(deadLetters(there).size).toBe(0);
  kill();
  await there.worker();
  await there.settle();
  return differences(there);
}

describe('a status change that is still in flight when another worker takes over', () => {
  it('is fenced: the last published status of each message is the true one', async () => {
    const there = await world({ partitions: 1, messageStatus: 'on' });
    const stall = barrier();
    const slow = await there.worker((deps) =>
      withUncancelledSends(
        withEmit(deps, (records) => (on(MESSAGE_STATUS_TOPIC)(records) ? stall.pass() : Promise.resolve())),
      ),
    );
    const all = randomFeedback(SEED, 200, 8);
    there.produce(all.slice(0, 60));
    await there.settle();
    stall.arm();
    there.produce(all.slice(60, 100));
    await there.until(stall.held, 'the first worker stalls');
    void slow.service.stop(0);
    await there.worker();
    there.produce(all.slice(100));
    await there.settle();
    stall.release();
    await there.settle();
    expect(await differences(there)).toEqual([]);
    const last = new Map(
      statusRecords(there).map((each) => [`${each.deliveryId}/${each.messageId}`, each.status]),
    );
    const recounted = [...recountWorld(there).messages].map(([key, { status }]) => [key, status] as const);
    expect(last).toEqual(new Map(recounted));
  });
});

describe('a worker that crashes while dead letters are in flight', () => {
  it('has not committed past them: the next owner dead-letters them', async () => {
    expect(await crashAtDeadLetter((deps) => deps)).toEqual([]);
  });

  it('would lose them if it did not wait for their acknowledgement', async () => {
    const lost = await crashAtDeadLetter(notWaitingForDeadLetters);
    expect(lost.length).toBeGreaterThan(0);
    expect(lost.every((each) => each.startsWith('dead letter'))).toBe(true);
  });
});
