import { DELIVERY_KPI_TOPIC } from '../../src/feedback/topics';
import { partitionOf } from '../recount/read';
import {
  brokenLinks,
  deadLetters,
  differences,
  kpiRecords,
  recordsOf,
  recountWorld,
} from '../support/observe';
import { poison, randomFeedback } from '../support/traffic';
import { world } from '../support/world';

const SEED = 20261122;

describe(`a service in memory (seed ${SEED})`, () => {
  it.each([
    ['efs', 1],
    ['efs', 2],
    ['relay', 2],
  ] as const)('agrees with the recount in policy %s with %i workers', async (policy, workers) => {
    const there = await world({ policy });
    const all = randomFeedback(SEED, 600);
    for (let i = 0; i < workers; i += 1) {
      await there.worker();
      there.produce(all.slice(i * 200, (i + 1) * 200));
      there.append(poison(there.partitions));
      await there.until(() => kpiRecords(there).length > i, 'something is published');
    }
    there.produce(all.slice(workers * 200));
    await there.settle();
    expect(await differences(there)).toEqual([]);
    expect(brokenLinks(there)).toEqual([]);
    expect(deadLetters(there).size).toBe(10 * workers);
    for (const { key, partition } of recordsOf(there, DELIVERY_KPI_TOPIC)) {
      expect(partition).toBe(partitionOf(key!, there.partitions));
    }
    expect(kpiRecords(there).length).toBeGreaterThan(3);
    for (const { deliveryId, asOf, revision } of kpiRecords(there)) {
      const recounted = recountWorld(there).deliveries.get(deliveryId)!;
      expect(revision).toBeLessThanOrEqual(recounted.revision);
      expect(asOf).toBeLessThanOrEqual(recounted.asOf);
    }
  });
});
