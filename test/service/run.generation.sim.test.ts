import type { Servers } from '../../src/app/compose';
import { DELIVERY_KPI_TOPIC } from '../../src/feedback/topics';
import { type Barrier, barrier, withUncancelledSends, withCreate, withEmit } from '../support/faults';
import { brokenLinks, differences, kpiRecords } from '../support/observe';
import { randomFeedback } from '../support/traffic';
import { world } from '../support/world';

const SEED = 31;

const holding =
  (emitting: Barrier, creating: Barrier) =>
  (deps: Servers): Servers => {
    const delayed = withEmit(deps, async (records) => {
      if (records.some(({ topic }) => topic === DELIVERY_KPI_TOPIC)) await emitting.pass();
    });
    return withCreate(withUncancelledSends(delayed), () => creating.pass());
  };

describe('a KPI record of the lost predecessor that arrives while the next generation is being created', () => {
  it.each([
    ['the first published record', 0],
    ['a later record', 100],
  ])('is taken into account by that generation, where it is %s', async (_, before) => {
    const there = await world({ partitions: 1, batchMax: 10 });
    const emitting = barrier();
    const creating = barrier();
    const all = randomFeedback(SEED, 300);
    await there.worker(holding(emitting, creating));
    there.produce(all.slice(0, before));
    await there.settle();
    emitting.arm();
    there.produce(all.slice(before, 200));
    await there.until(emitting.held, 'a KPI record is in flight');
    creating.arm();
    there.store.wipe();
    there.produce(all.slice(200));
    await there.until(creating.held, 'the next generation is being created');
    const known = kpiRecords(there).length;
    emitting.release();
    await there.until(() => kpiRecords(there).length > known, 'the record has arrived');
    creating.release();
    await there.settle();
    expect(kpiRecords(there).at(-1)?.generation).toBe(2);
    expect(await differences(there)).toEqual([]);
    expect(brokenLinks(there)).toEqual([]);
  });
});

describe('a state that is lost again while the next generation is being created', () => {
  it.each(['before', 'after'] as const)(
    'is rebuilt once more, where it is lost right %s the creation',
    async (when) => {
      const there = await world();
      const all = randomFeedback(SEED, 300);
      let losses = 3;
      await there.worker((deps) =>
        withCreate(
          deps,
          async () => {
            if (when === 'before' && losses-- > 0) there.store.wipe();
          },
          () => {
            if (when === 'after' && losses-- > 0) there.store.wipe();
          },
        ),
      );
      there.produce(all.slice(0, 150));
      await there.settle();
      losses = 3;
      there.store.wipe();
      there.produce(all.slice(150));
      await there.settle();
      expect(await differences(there)).toEqual([]);
      expect(brokenLinks(there)).toEqual([]);
    },
  );
});

describe('a worker that is slow to create a generation', () => {
  it('publishes no false figures where another generation has folded more meanwhile', async () => {
    const there = await world({ partitions: 1, batchMax: 10 });
    const reading = barrier();
    reading.arm();
    const slow = there.worker((deps) => ({
      ...deps,
      reader: { ...deps.reader, read: (...args) => reading.pass().then(() => deps.reader.read(...args)) },
    }));
    await there.until(reading.held, 'the slow worker knows where the inputs end');
    const other = await there.worker();
    there.produce(randomFeedback(SEED, 200));
    await there.settle();
    await other.stop();
    there.store.wipe();
    reading.release();
    await slow;
    await there.settle();
    expect(await differences(there)).toEqual([]);
    expect(brokenLinks(there)).toEqual([]);
  });
});
