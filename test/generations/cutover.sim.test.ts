import { promote } from '../../src/generations/cutover';
import { CONTRIBUTIONS_TOPIC } from '../../src/feedback/topics';
import { cutOverDeps, proposed } from '../support/cutover';
import { differences } from '../support/observe';
import { randomFeedback } from '../support/traffic';
import { world } from '../support/world';

const SEED = 11;

/** A world with contributions in every partition, and a candidate. */
async function withCandidate() {
  const there = await world();
  const worker = await there.worker();
  there.produce(randomFeedback(SEED, 400));
  await there.settle();
  return { there, worker, candidate: await proposed(there) };
}

describe('a cut-over, which suspends KPIs while it runs', () => {
  it('reads all retired deliveries before the switch, and only later ones after it', async () => {
    const { there, candidate } = await withCandidate();
    const deps = cutOverDeps(there);
    const read: [active: number | undefined, partition: number, from: number][] = [];
    const reader: typeof deps.reader = {
      topicIds: (topics) => deps.reader.topicIds(topics),
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

  it('is left by a worker for a second to the process that has switched', async () => {
    const { there, worker, candidate } = await withCandidate();
    const deps = cutOverDeps(there);
    const replaced: boolean[] = [];
    const store: typeof deps.store = {
      ...deps.store,
      replaceActive: async (...how) => {
        replaced.push(await deps.store.replaceActive(...how));
        return replaced.at(-1) === true;
      },
    };
    const following = 'another generation is active: switching to it';
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
    // The switch and the completion: the worker completed nothing before.
    expect(replaced).toEqual([true, true]);
    expect(await differences(there)).toEqual([]);
  });
});
