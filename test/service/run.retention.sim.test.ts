import { MessageId } from '../../src/base/ids';
import { DEAD_LETTER_TOPIC } from '../../src/feedback/topics';
import { withCommit } from '../support/faults';
import { type Feedback, feedback, HOUR, T0 } from '../support/feedback';
import { brokenLinks, differences, kpiRecords, recordsOf } from '../support/observe';
import { agedWorld, DAY, kinds, late, later, markers, retiredWorld, sent, walks } from '../support/retention';
import { world } from '../support/world';

const { delivered, relayed } = feedback;
const MINUTE = 60_000;

/**
 * A world in which the commit of this feedback on one more message of an old delivery is in flight while the delivery is
 * retired, and for hours afterwards.
 */
async function withCommitInFlight(last: readonly Feedback[]) {
  const { there, stall } = await agedWorld(2);
  stall.arm();
  there.produce(last.map((each) => ({ ...each, messageId: MessageId('in flight') })));
  await there.until(stall.held, 'a commit is in flight');
  await walks(there, 5);
  const release = async (): Promise<void> => {
    stall.release();
    await there.settle();
  };
  return { there, release };
}

describe('a delivery whose last feedback is older than the retention', () => {
  it('is evicted in all partitions: only its retirement remains', async () => {
    const there = await retiredWorld();
    expect(kinds(there, 'old')).toEqual(['r']);
    expect(kinds(there, 'young')).toEqual(['c', 'd', 'm', 'p', 's']);
    expect(markers(there)).toEqual(['old/retired']);
    expect(brokenLinks(there)).toEqual([]);
  });

  it('keeps its last record in the KPI topic after its eviction', async () => {
    const there = await retiredWorld();
    const last = kpiRecords(there)
      .filter(({ deliveryId }) => deliveryId === 'old')
      .at(-1);
    expect(last?.kpis).toMatchObject({ relayed: 20, sent: 20 });
  });

  it('has its late feedback dead-lettered once, and gets no new state', async () => {
    const there = await retiredWorld();
    const publishedBefore = kpiRecords(there).length;
    there.produce(sent('old', 5, T0 + 31 * DAY));
    await there.settle();
    expect(late(there)).toEqual(Array<string>(10).fill('retired-delivery'));
    expect(recordsOf(there, DEAD_LETTER_TOPIC)).toHaveLength(10);
    expect(kinds(there, 'old')).toEqual(['r']);
    expect(kpiRecords(there)).toHaveLength(publishedBefore);
  });

  it('has only its own feedback in a mixed batch dead-lettered', async () => {
    const there = await retiredWorld({ partitions: 1 });
    there.produce([...sent('old', 2), ...sent('new', 3, T0 + 31 * DAY), ...sent('young', 1)]);
    await there.settle();
    expect(late(there)).toHaveLength(4);
    const last = new Map(kpiRecords(there).map((each) => [each.deliveryId, each.kpis.sent]));
    expect(last).toEqual(
      new Map([
        ['old', 20],
        ['young', 20],
        ['new', 3],
      ]),
    );
  });

  it('is not retired while one of its partitions gets feedback', async () => {
    const there = await world();
    await there.worker();
    there.produce(sent('d'));
    await there.settle();
    there.clock.advance(20 * DAY);
    there.produce(sent('d', 1, T0 + 20 * DAY));
    await later(there, 11 * DAY);
    await walks(there, 6);
    there.produce(sent('d', 4));
    await there.settle();
    expect(late(there)).toEqual([]);
    expect(markers(there)).toEqual([]);
    expect(await differences(there)).toEqual([]);
  });

  it('is not retired while feedback on it still arrives, however old its event time is', async () => {
    const there = await world();
    await there.worker();
    const age = 60 * DAY;
    for (let i = 0; i < 6; i += 1) {
      there.produce(sent('history', 4 + i, T0 - age));
      await walks(there, 1);
    }
    expect(markers(there)).toEqual([]);
    await walks(there, 2);
    expect(markers(there)).toEqual(['history/retired']);
  });

  it('is not retired while one partition lags', async () => {
    const there = await world({ partitions: 2 });
    const stalled = { status: true };
    await there.worker((deps) =>
      withCommit(deps, async ({ pipeline, partition }) => {
        if (stalled.status && pipeline === 'status' && partition === 1) await new Promise(() => undefined);
      }),
    );
    there.produce(sent('d'));
    await later(there, 31 * DAY);
    await walks(there, 5);
    expect(markers(there)).toEqual([]);
  });

  it('is evicted only once a commit that was in flight at its retirement is counted', async () => {
    const { there, release } = await withCommitInFlight(sent('old', 1));
    expect(markers(there)).toEqual(['old/retired']);
    expect(kinds(there, 'old')).toContain('s');
    await release();
    expect(kpiRecords(there).at(-1)?.kpis).toMatchObject({ relayed: 21, sent: 21 });
    await walks(there, 5);
    expect(kinds(there, 'old')).toEqual(['r']);
    expect(late(there)).toEqual([]);
  });

  it('has late feedback dead-lettered by a task whose cached answer has expired', async () => {
    const { there, stall } = await agedWorld(1);
    await later(there, HOUR - 2 * MINUTE);
    stall.arm();
    there.produce([delivered({ deliveryId: 'old', messageId: MessageId('in flight') })]);
    await there.until(stall.held, 'a commit is in flight');
    await later(there, 4 * MINUTE);
    expect(markers(there)).toEqual(['old/retired']);
    stall.release();
    await later(there, MINUTE);
    expect(kinds(there, 'old')).not.toContain('c');
    there.produce([delivered({ deliveryId: 'old', messageId: MessageId('late') })]);
    await there.settle();
    expect(late(there)).toEqual(['retired-delivery']);
    expect(kinds(there, 'old')).not.toContain('c');
  });

  it('has an expiry of its messages dead-lettered once, like any other feedback', async () => {
    const { there, release } = await withCommitInFlight([relayed({ deliveryId: 'old' })]);
    await release();
    await walks(there, 5);
    expect(recordsOf(there, DEAD_LETTER_TOPIC).map(({ header }) => header('efs.reason'))).toEqual([
      'retired-delivery',
    ]);
    expect(kinds(there, 'old')).toEqual(['r']);
  });

  it('is retired after its messages without an outcome have expired', async () => {
    const there = await world({ retention: '252h' });
    await there.worker();
    there.produce(Array.from({ length: 8 }, (_, i) => relayed({ deliveryId: 'old', messageId: `m${i}` })));
    await later(there, 4 * DAY);
    await later(there, 11 * DAY);
    await walks(there, 6);
    expect(kinds(there, 'old')).toEqual(['r']);
    expect(kpiRecords(there).at(-1)?.kpis).toMatchObject({ failedByExpiry: 8 });
  });
});

describe('the eviction of a retired delivery', () => {
  it('deletes at most a page of fields per commit', async () => {
    const there = await world({ partitions: 1, batchMax: 2_000 });
    const deleted: number[] = [];
    await there.worker((deps) =>
      withCommit(deps, async (_, { writes }) => {
        const fields = writes.flatMap(({ entries }) => [...entries].filter(([, value]) => value === null));
        if (fields.length > 0) deleted.push(fields.length);
      }),
    );
    there.produce(sent('old', 3_500));
    await later(there, 31 * DAY);
    await walks(there, 6);
    expect(kinds(there, 'old')).toEqual(['r']);
    expect(deleted.reduce((sum, fields) => sum + fields)).toBeGreaterThanOrEqual(3_500);
    expect(Math.max(...deleted)).toBeLessThanOrEqual(1_000);
  });

  it.each([0, 1, 2, 3, 4, 5, 6, 7, 8])(
    'is completed by another worker where the first crashes at its commit number %i',
    async (nth) => {
      const there = await world({ partitions: 2, batchMax: 2_000 });
      let left = nth;
      const { kill } = await there.worker((deps, worker) =>
        withCommit(deps, async (_, { writes }) => {
          const retires = writes.some(
            ({ hash, entries }) =>
              hash === 'r' || [...entries].some(([, value]) => value === null && hash !== 'w'),
          );
          if (!retires || left-- > 0) return;
          worker.kill();
          await new Promise(() => undefined);
        }),
      );
      there.produce(sent('old', 2_500));
      await later(there, 31 * DAY);
      await walks(there, 6);
      kill();
      await there.worker();
      await walks(there, 7);
      expect(kinds(there, 'old')).toEqual(['r']);
      there.produce(sent('old', 1));
      await there.settle();
      expect(new Set(late(there))).toEqual(new Set(['retired-delivery']));
    },
  );
});
