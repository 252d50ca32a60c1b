import { EfsError } from '../../src/base/errors';
import type { Servers } from '../../src/app/compose';
import { dice } from '../../src/simulation/dice';
import { storeOf, withSinkOutage, withStoreOutage } from '../support/faults';
import {
  brokenLinks,
  deadLetters,
  differences,
  kpiRecords,
  recountWorld,
  statusRecords,
} from '../support/observe';
import { poison, randomFeedback } from '../support/traffic';
import { type World, world } from '../support/world';

const SEED = 5;

async function expectConsistent(there: World): Promise<void> {
  expect(await differences(there)).toEqual([]);
  expect(brokenLinks(there)).toEqual([]);
}

describe('while the registry does not answer', () => {
  it('the service waits, and dead-letters only what needs no registry', async () => {
    const there = await world();
    there.registry.setDown(true);
    const { reasons, log } = await there.worker();
    there.produce(randomFeedback(SEED, 200));
    there.append(poison(there.partitions));
    await there.settle();
    expect([...reasons.keys()]).toEqual(['registry']);
    expect(kpiRecords(there)).toEqual([]);
    const outright = ['no-value', 'too-large', 'not-avro'];
    expect([...deadLetters(there).values()].filter((reason) => !outright.includes(reason))).toEqual([]);
    there.registry.setDown(false);
    await there.settle();
    expect(reasons.size).toBe(0);
    await expectConsistent(there);
    expect(log.entries.filter(({ level }) => level === 'warn')).toHaveLength(1);
  });
});

describe.each<[string, (deps: Servers, isDown: () => boolean) => Servers, string]>([
  ['the log', withSinkOutage, 'kafka'],
  ['the store', withStoreOutage, 'redis'],
])('while %s does not answer', (_, fault, dependency) => {
  it('the service waits, logs one warning, and resumes where it stopped', async () => {
    const there = await world();
    let down = false;
    const { reasons, log, fatal } = await there.worker((deps) => fault(deps, () => down));
    const all = randomFeedback(SEED, 400);
    there.produce(all.slice(0, 100));
    await there.settle();
    down = true;
    const publishedBefore = kpiRecords(there).length;
    there.produce(all.slice(100, 300));
    there.append(poison(there.partitions));
    await there.settle();
    expect([...reasons.keys()]).toEqual([dependency]);
    expect(kpiRecords(there)).toHaveLength(publishedBefore);
    if (dependency === 'kafka') expect(deadLetters(there).size).toBe(0);
    there.produce(all.slice(300));
    down = false;
    await there.settle();
    expect(reasons.size).toBe(0);
    expect(fatal).toEqual([]);
    await expectConsistent(there);
    expect(log.entries.filter(({ level }) => level === 'warn')).toHaveLength(1);
  });

  it('at a third of all calls, the service still publishes correct figures', async () => {
    const there = await world({ batchMax: 10 });
    const chance = dice(SEED, 0);
    await there.worker((deps) => fault(deps, () => chance.unit() < 1 / 3));
    there.produce(randomFeedback(SEED, 300));
    there.append(poison(there.partitions));
    await there.settle();
    await expectConsistent(there);
  });

  it('the service can be stopped, and another worker completes its work', async () => {
    const there = await world();
    let down = false;
    const { stop, reasons } = await there.worker((deps) => fault(deps, () => down));
    down = true;
    there.produce(randomFeedback(SEED, 100));
    await there.settle();
    expect([...reasons.keys()]).toEqual([dependency]);
    await stop();
    expect(kpiRecords(there)).toEqual([]);
    await there.worker();
    await there.settle();
    await expectConsistent(there);
  });
});

describe('a commit whose answer was lost', () => {
  it('is retried and applied once', async () => {
    const there = await world({ batchMax: 10 });
    const answered = new Set<string>();
    await there.worker((deps) => {
      const { store } = deps;
      const commit: Servers['store']['commit'] = async (task, what) => {
        const outcome = await store.commit(task, what);
        const attempt = JSON.stringify([task, what.epoch, what.sequence]);
        if (!answered.has(attempt)) {
          answered.add(attempt);
          throw new EfsError('redis-unavailable', 'the answer was lost');
        }
        return outcome;
      };
      return { ...deps, store: { ...storeOf(store), commit } };
    });
    there.produce(randomFeedback(SEED, 300));
    await there.settle();
    await expectConsistent(there);
  });
});

describe('status changes of messages', () => {
  it.each(['efs', 'relay'] as const)(
    'each differ from the previous one, and the last equals the recount (policy %s)',
    async (policy) => {
      const there = await world({ messageStatus: 'on', policy });
      await there.worker();
      const all = randomFeedback(SEED, 400);
      there.produce(all.slice(0, 200));
      await there.settle();
      await there.worker();
      there.produce(all.slice(200));
      await there.settle();
      await expectConsistent(there);
      const last = new Map<string, string>();
      for (const { deliveryId, messageId, status, previousStatus, reason, failureType } of statusRecords(
        there,
      )) {
        const key = `${deliveryId}/${messageId}`;
        const before = last.get(key);
        expect(previousStatus).toBe(before?.split(' ')[0] ?? null);
        expect([status, reason, failureType].join(' ')).not.toBe(before);
        last.set(key, [status, reason, failureType].join(' '));
      }
      const recounted = [...recountWorld(there).messages].map(
        ([key, { status, reason, failureType }]) => [key, [status, reason, failureType].join(' ')] as const,
      );
      expect(last).toEqual(new Map(recounted));
    },
  );

  it('are not published by default', async () => {
    const there = await world();
    await there.worker();
    there.produce(randomFeedback(SEED, 50));
    await there.settle();
    expect(statusRecords(there)).toEqual([]);
  });
});
