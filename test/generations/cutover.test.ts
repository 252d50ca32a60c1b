import { promote } from '../../src/generations/cutover';
import { CONTRIBUTIONS_TOPIC } from '../../src/feedback/topics';
import { endsOf, proposed } from '../support/cutover';
import { differences } from '../support/observe';
import { randomFeedback } from '../support/traffic';
import { world } from '../support/world';

const SEED = 11;

/** A world whose contributions hold something in every partition. */
async function lived() {
  const there = await world();
  const worker = await there.worker();
  there.produce(randomFeedback(SEED, 400));
  await there.settle();
  return { there, worker, candidate: await proposed(there) };
}

describe('while a cut-over is under way, KPIs stand still, so that', () => {
  it('what was retired before is read before the switch, and after it only what came since', async () => {
    const { there, candidate } = await lived();
    const deps = endsOf(there);
    const read: [active: number | undefined, partition: number, from: number][] = [];
    const reader: typeof deps.reader = {
      read: async (topic, partition, onRecord, from = 0) => {
        read.push([(await there.store.active())?.stateId, partition, from]);
        return deps.reader.read(topic, partition, onRecord, from);
      },
    };
    await promote({ ...deps, reader }, candidate);
    const partitions = Array.from({ length: there.partitions }, (_, partition) => partition);
    const end = (partition: number): number => there.log.watermarks(CONTRIBUTIONS_TOPIC, partition).high;
    expect(Math.max(...partitions.map(end))).toBeGreaterThan(0);
    expect(read).toEqual([
      ...partitions.map((partition) => [1, partition, 0]),
      ...partitions.map((partition) => [2, partition, end(partition)]),
    ]);
  });

  it('a worker leaves it for a second to whoever has switched, who has read beforehand', async () => {
    const { there, worker, candidate } = await lived();
    const deps = endsOf(there);
    const replaced: boolean[] = [];
    const store: typeof deps.store = {
      ...deps.store,
      replaceActive: async (...how) => {
        replaced.push(await deps.store.replaceActive(...how));
        return replaced.at(-1) === true;
      },
    };
    const following = 'another generation has become the active one: following it';
    const hasNoticed = (): boolean => worker.log.entries.some(({ message }) => message === following);
    const contributionWatermarks: typeof deps.contributionWatermarks = async (partition) => {
      if (partition > 0) return deps.contributionWatermarks(partition);
      while (!hasNoticed()) await there.clock.sleep(100);
      await there.clock.sleep(500);
      return deps.contributionWatermarks(partition);
    };
    const promoted = promote({ ...deps, store, contributionWatermarks }, candidate);
    await there.until(hasNoticed, 'the worker has noticed the switch');
    await there.settle();
    await promoted;
    // The switch, and that it is cutoverComplete: the worker was not faster.
    expect(replaced).toEqual([true, true]);
    expect(await differences(there)).toEqual([]);
  });
});
