import { SCHEMAS } from '../../src/feedback/schemas';
import { type Contribution, wireType } from '../../src/kpi/encode';
import { evictionCommands } from '../../src/pipeline/eviction';
import { virtualClock } from '../support/clock';
import { HOUR } from '../support/feedback';

/** A status task without deliveries, and what it says of how far it has come. */
function given() {
  const clock = virtualClock();
  const log = { deps: [2, 3], asked: 0 };
  const commands = evictionCommands({
    ...{ clock, partitions: 1, buckets: 1, retentionMs: 300 * HOUR },
    address: { stateId: 1, pipeline: 'status', partition: 0 },
    contribution: wireType<Contribution>(SCHEMAS.Contribution.type, 1),
    store: { load: async () => [], scan: async () => ({ cursor: '0', entries: [] }) },
    retiredKnownUntil: new Map(),
    inputEnds: async () => {
      log.asked += 1;
      return [...log.deps];
    },
  });
  const said = async (positions: readonly number[]): Promise<number[]> => {
    const found = [];
    for await (const portion of commands({ positions }))
      for (const duty of portion) if (duty.kind === 'FoldedUntil') found.push(duty.at);
    return found;
  };
  return { clock, log, said };
}

describe('until when a status task has folded all there was', () => {
  it('is the time at which the log was asked, said once its ends of then are folded', async () => {
    const { clock, log, said } = given();
    const asked = clock.now();
    expect(await said([2, 2])).toEqual([]);
    clock.advance(60_000);
    log.deps = [9, 9];
    expect(await said([1, 8])).toEqual([]);
    expect(await said([2, 3])).toEqual([asked]);
    expect(await said([2, 3])).toEqual([]);
    expect(log.asked).toBe(1);
  });

  it('is said once in ten minutes, and late by as much as the task is behind', async () => {
    const { clock, log, said } = given();
    const first = clock.now();
    expect(await said([2, 3])).toEqual([first]);
    clock.advance(599_999);
    await said([2, 3]);
    expect(log.asked).toBe(1);
    clock.advance(1);
    log.deps = [4, 4];
    expect(await said([2, 3])).toEqual([]);
    clock.advance(3_600_000);
    log.deps = [9, 9];
    expect(await said([4, 4])).toEqual([first + 600_000]);
    expect(await said([9, 9])).toEqual([clock.now()]);
    expect(await said([9, 9])).toEqual([]);
    expect(log.asked).toBe(3);
  });
});
