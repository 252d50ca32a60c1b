import { boundedCache } from '../../src/base/bounded-cache';
import { SCHEMAS } from '../../src/feedback/schemas';
import { type Contribution, wireType } from '../../src/kpi/encode';
import { evictionCommands } from '../../src/pipeline/eviction';
import { virtualClock } from '../support/clock';
import { HOUR } from '../support/feedback';

/** A status task without deliveries, and the times up to which it reports that it has folded all. */
function given() {
  const clock = virtualClock();
  const log = { ends: [2, 3], reads: 0 };
  const commands = evictionCommands({
    ...{ clock, manifest: { partitions: 1, buckets: 1 }, retentionMs: 300 * HOUR },
    address: { stateId: 1, pipeline: 'status', partition: 0 },
    contribution: wireType<Contribution>(SCHEMAS.Contribution, 1),
    store: { load: async () => [], scan: async () => ({ cursor: '0', entries: [] }) },
    activeUntil: boundedCache<number>(1),
    inputEnds: async () => {
      log.reads += 1;
      return [...log.ends];
    },
  });
  const reported = async (positions: readonly number[]): Promise<number[]> => {
    const times = [];
    for await (const portion of commands({ positions }))
      for (const command of portion) if (command.kind === 'FoldedUntil') times.push(command.at);
    return times;
  };
  return { clock, log, reported };
}

describe('a status task that reports the time up to which it has folded all', () => {
  it('reports the time at which it read the log’s ends, once it has folded up to those ends', async () => {
    const { clock, log, reported } = given();
    const readAt = clock.now();
    expect(await reported([2, 2])).toEqual([]);
    clock.advance(60_000);
    log.ends = [9, 9];
    expect(await reported([1, 8])).toEqual([]);
    expect(await reported([2, 3])).toEqual([readAt]);
    expect(await reported([2, 3])).toEqual([]);
    expect(log.reads).toBe(1);
  });

  it('reports once in ten minutes, and late by as much as the task is behind', async () => {
    const { clock, log, reported } = given();
    const first = clock.now();
    expect(await reported([2, 3])).toEqual([first]);
    clock.advance(599_999);
    await reported([2, 3]);
    expect(log.reads).toBe(1);
    clock.advance(1);
    log.ends = [4, 4];
    expect(await reported([2, 3])).toEqual([]);
    clock.advance(3_600_000);
    log.ends = [9, 9];
    expect(await reported([4, 4])).toEqual([first + 600_000]);
    expect(await reported([9, 9])).toEqual([clock.now()]);
    expect(await reported([9, 9])).toEqual([]);
    expect(log.reads).toBe(3);
  });
});
