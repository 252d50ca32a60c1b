import { EfsError } from '../../src/base/errors';
import type { Servers } from '../../src/app/compose';
import type { Source } from '../../src/log/source';
import { differences } from '../support/observe';
import { randomFeedback } from '../support/traffic';
import { world } from '../support/world';

/** Sources that fail to open a partition a number of times. */
function withoutOpening(deps: Servers, times: number): Servers {
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
  return { ...deps, sources: { status: failing(deps.sources.status), kpi: failing(deps.sources.kpi) } };
}

describe('a task whose partition cannot be opened because the log is unavailable', () => {
  it('waits with a warning, and continues once the log answers', async () => {
    const there = await world();
    const { reasons, log } = await there.worker((deps) => withoutOpening(deps, 5));
    there.produce(randomFeedback(3, 200));
    await there.settle();
    expect(await differences(there)).toEqual([]);
    expect(reasons.size).toBe(0);
    expect(log.entries.filter(({ level }) => level === 'error')).toEqual([]);
    expect(log.entries.some(({ level }) => level === 'warn')).toBe(true);
  });
});
