import type { Servers } from '../../src/app/compose';
import type { Source } from '../../src/log/source';
import { randomFeedback } from '../support/traffic';
import { world } from '../support/world';

const SEED = 41;

/** The servers, with a log that holds records of the second input's partition 1 back while `isOpen` says so. */
function withOpenTransaction(deps: Servers, isOpen: () => boolean): Servers {
  const { status } = deps.sources;
  const open: Source['open'] = async (partition, ...rest) => {
    const inbox = await status.open(partition, ...rest);
    return {
      ...inbox,
      heldBack: () =>
        inbox.heldBack().map((_, topic) => (isOpen() && partition === 1 && topic === 1 ? 12 : 0)),
    };
  };
  return { ...deps, sources: { ...deps.sources, status: { ...status, open } } };
}

describe('a transaction of a producer that stays open', () => {
  it('makes the worker not ready after a minute, until it has ended or the worker has stopped', async () => {
    const there = await world({ partitions: 2 });
    let isOpen = true;
    const worker = await there.worker((deps) => withOpenTransaction(deps, () => isOpen));
    there.produce(randomFeedback(SEED, 20));
    const began = there.clock.monotonic();
    await there.until(() => worker.reasons.size > 0, 'it says that it is not ready');
    expect(there.clock.monotonic() - began).toBeGreaterThanOrEqual(60_000);
    expect([...worker.reasons.keys()]).toEqual(['held-back/mta.delivered/1']);
    isOpen = false;
    await there.until(() => worker.reasons.size === 0, 'it is ready again');
    isOpen = true;
    await there.until(() => worker.reasons.size > 0, 'it says so again');
    await worker.stop();
    expect([...worker.reasons]).toEqual([]);
  });
});
