import { EfsError } from '../../src/base/errors';
import type { Ends } from '../../src/app/compose';
import type { Source } from '../../src/log/source';
import { differences } from '../support/observe';
import { randomFeedback } from '../support/traffic';
import { world } from '../support/world';

/** Sources whose partitions cannot be opened for a number of times. */
function withoutOpening(ends: Ends, times: number): Ends {
  const failing = (source: Source): Source => {
    let left = times;
    return {
      ...source,
      open: async (partition, positions) => {
        if (left-- > 0) throw new EfsError('kafka-unavailable', 'the log in memory is down');
        return source.open(partition, positions);
      },
    };
  };
  return { ...ends, sources: { status: failing(ends.sources.status), kpi: failing(ends.sources.kpi) } };
}

describe('where the log is away just when a partition is to be opened', () => {
  it('its task waits, and says so, instead of ending', async () => {
    const there = await world();
    const { reasons, log } = await there.worker((ends) => withoutOpening(ends, 5));
    there.produce(randomFeedback(3, 200));
    await there.settle();
    expect(await differences(there)).toEqual([]);
    expect(reasons.size).toBe(0);
    expect(log.entries.filter(({ level }) => level === 'error')).toEqual([]);
    expect(log.entries.some(({ level }) => level === 'warn')).toBe(true);
  });
});
