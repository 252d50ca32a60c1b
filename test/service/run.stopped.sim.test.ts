import type { Servers } from '../../src/app/compose';
import { EfsError } from '../../src/base/errors';
import { brokenLinks, differences } from '../support/observe';
import { randomFeedback } from '../support/traffic';
import { world } from '../support/world';

const SEED = 31;
const RETRIED = 'task failed: it is tried again';

/** The servers, with a registry that refuses the service while `refuses` says so. */
function withRefusingRegistry(deps: Servers, refuses: () => boolean): Servers {
  const { registry } = deps;
  const schemaById: Servers['registry']['schemaById'] = async (id) => {
    if (refuses()) throw new EfsError('access-refused', 'registry: HTTP 401');
    return registry.schemaById(id);
  };
  return { ...deps, registry: { ...registry, schemaById } };
}

describe('a task that has stopped', () => {
  it('is tried again, and goes on once the refusal is over; until then readiness names it and the remedy', async () => {
    const there = await world({ partitions: 2 });
    let refuses = true;
    const { reasons, log, fatal } = await there.worker((deps) => withRefusingRegistry(deps, () => refuses));
    const delays = (): number[] =>
      log.entries
        .filter(
          ({ message, fields }) =>
            message === RETRIED && fields.pipeline === 'status' && fields.partition === 0,
        )
        .map(({ fields }) => Number(fields.delayMs));
    const all = randomFeedback(SEED, 200);
    there.produce(all.slice(0, 100));
    await there.until(() => delays().length === 5, 'it has been tried again');
    expect(reasons.get('status/0')).toMatch(
      /^status task 0 has stopped: registry: HTTP 401 \(correct the user/,
    );
    refuses = false;
    await there.until(() => reasons.size === 0, 'the tasks run again');
    there.produce(all.slice(100));
    await there.settle();
    expect(await differences(there)).toEqual([]);
    expect(brokenLinks(there)).toEqual([]);
    expect([fatal, [...reasons]]).toEqual([[], []]);
    delays().forEach((each, index) => {
      expect(each).toBeGreaterThanOrEqual(1_000 * 2 ** index);
      expect(each).toBeLessThanOrEqual(2_000 * 2 ** index);
    });
  });
});
