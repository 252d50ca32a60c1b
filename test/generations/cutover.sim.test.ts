import { promote } from '../../src/generations/cutover';
import { CONTRIBUTIONS_TOPIC } from '../../src/feedback/topics';
import { cutOverDeps, proposed } from '../support/cutover';
import { differences, kpiRecords } from '../support/observe';
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
  it('reads no record: it takes the positions of the predecessor, and the ends of the contributions', async () => {
    const { there, candidate } = await withCandidate();
    const deps = cutOverDeps(there);
    const read = jest.fn(deps.reader.read);
    const { topicIds } = deps.reader;
    const partitions = Array.from({ length: there.partitions }, (_, partition) => partition);
    const { manifest } = await promote({ ...deps, reader: { topicIds, read } }, candidate);
    const ends = partitions.map((partition) => there.log.watermarks(CONTRIBUTIONS_TOPIC, partition).high);
    expect(Math.max(...ends)).toBeGreaterThan(0);
    expect(manifest.contributionsFrom).toEqual(ends);
    expect(read).not.toHaveBeenCalled();
  });

  it('is completed by the process that comes first, and the other changes nothing', async () => {
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
      const watermarks = await deps.contributionWatermarks(partition);
      if (partition > 0) return watermarks;
      while (!hasNoticed()) await there.clock.sleep(100);
      await there.clock.sleep(30_000);
      return watermarks;
    };
    const promoted = promote({ ...deps, store, contributionWatermarks }, candidate);
    await there.until(hasNoticed, 'the worker has noticed the switch');
    await there.until(() => kpiRecords(there).length > 0 && replaced.length > 1, 'the process goes on');
    await there.settle();
    // The switch; and the completion, which the worker had made.
    expect(replaced).toEqual([true, false]);
    expect((await promoted).manifest).toEqual(await there.store.active());
    expect(await differences(there)).toEqual([]);
  });
});
