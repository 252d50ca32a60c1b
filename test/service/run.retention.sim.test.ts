import { partitionOf } from '../../src/log/partitioner';
import { DEAD_LETTER_TOPIC, RETIRED_TOPIC } from '../../src/feedback/topics';
import { barrier, withCommit, withEmit } from '../support/faults';
import { feedback, HOUR, T0 } from '../support/feedback';
import { brokenLinks, differences, kpiRecords, recordsOf, statusRecords } from '../support/observe';
import {
  agedWorld,
  DAY,
  everywhere,
  EVICTED,
  KEPT,
  kinds,
  late,
  later,
  retired,
  retiredWorld,
  sent,
  walks,
} from '../support/retention';
import { world } from '../support/world';

const { delivered, relayed } = feedback;

/** Message ids that a partition owns. */
const idsIn = (partition: number, partitions: number, count: number): string[] =>
  Array.from({ length: 500 }, (_, index) => `x${index}`)
    .filter((id) => partitionOf(Buffer.from(id), partitions) === partition)
    .slice(0, count);

describe('a delivery whose last feedback is older than the retention', () => {
  it('is retired once in each partition: its messages are deleted, and its figures stay', async () => {
    const there = await retiredWorld();
    expect(retired(there)).toEqual(everywhere(there, 'old'));
    expect(kinds(there, 'old')).toEqual(EVICTED);
    expect(kinds(there, 'young')).toEqual(KEPT);
    const last = kpiRecords(there).filter(({ deliveryId }) => deliveryId === 'old');
    expect(last.at(-1)?.kpis).toMatchObject({ relayed: 20, sent: 20 });
    expect(brokenLinks(there)).toEqual([]);
  });

  it('has its late feedback dead-lettered once, and gets no new state', async () => {
    const there = await retiredWorld();
    const publishedBefore = kpiRecords(there).length;
    there.produce(sent('old', 5, T0 + 31 * DAY));
    await there.settle();
    expect(late(there)).toEqual(Array<string>(10).fill('retired-delivery'));
    expect(recordsOf(there, DEAD_LETTER_TOPIC)).toHaveLength(10);
    expect(kinds(there, 'old')).toEqual(EVICTED);
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

  it('is retired in one partition alone, while another goes on to count its feedback', async () => {
    const there = await world({ partitions: 3 });
    await there.worker();
    there.produce(sent('d'));
    await later(there, 20 * DAY);
    const [first, second, third] = idsIn(1, 3, 3) as [string, string, string];
    const isSent = (messageId: string, days: number) =>
      [relayed, delivered].map((of) => of({ deliveryId: 'd', messageId, occurredAt: T0 + days * DAY }));
    there.produce(isSent(first, 20));
    await later(there, 11 * DAY);
    await walks(there, 2);
    expect(retired(there)).toEqual(['d 0', 'd 2']);
    there.produce([...isSent(second, 31), ...[0, 2].flatMap((each) => isSent(idsIn(each, 3, 1)[0]!, 31))]);
    await there.settle();
    expect(late(there)).toEqual(Array<string>(4).fill('retired-delivery'));
    expect(kpiRecords(there).at(-1)?.kpis).toMatchObject({ relayed: 22, sent: 22 });
    expect(kinds(there, 'd')).toEqual(KEPT);
    await later(there, 31 * DAY);
    await walks(there, 3);
    expect(retired(there)).toEqual(everywhere(there, 'd'));
    there.produce(isSent(third, 62));
    await there.settle();
    expect(late(there)).toHaveLength(6);
    expect(kpiRecords(there).at(-1)?.kpis).toMatchObject({ relayed: 22, sent: 22 });
    expect(kinds(there, 'd')).toEqual(EVICTED);
    expect(brokenLinks(there)).toEqual([]);
  });

  it('is not retired while feedback on it still arrives, however old its event time is', async () => {
    const there = await world();
    await there.worker();
    const age = 60 * DAY;
    for (let i = 0; i < 6; i += 1) {
      there.produce(sent('history', 8 + i, T0 - age));
      await walks(there, 1);
    }
    expect(retired(there)).toEqual([]);
    expect(late(there)).toEqual([]);
    expect(await differences(there)).toEqual([]);
    await walks(there, 2);
    expect(retired(there)).toEqual(everywhere(there, 'history'));
  });

  it('is not retired in a partition that lags, and is in the others', async () => {
    const there = await world({ partitions: 2 });
    await there.worker((deps) =>
      withCommit(deps, async ({ pipeline, partition }) => {
        if (pipeline === 'status' && partition === 1) await new Promise(() => undefined);
      }),
    );
    there.produce(sent('d'));
    await later(there, 31 * DAY);
    await walks(there, 5);
    expect(retired(there)).toEqual(['d 0']);
  });

  it('is retired with the feedback whose commit was in flight when it was due', async () => {
    const { there, stall } = await agedWorld({ partitions: 2 });
    stall.arm();
    const [messageId = ''] = idsIn(1, 2, 1);
    there.produce([relayed, delivered].map((each) => each({ deliveryId: 'old', messageId })));
    await there.until(stall.held, 'a commit is in flight');
    await walks(there, 3);
    expect(retired(there)).toEqual(['old 0']);
    stall.release();
    await walks(there, 3);
    expect(retired(there)).toEqual(['old 0', 'old 1']);
    expect(kpiRecords(there).at(-1)?.kpis).toMatchObject({ relayed: 21, sent: 21 });
    expect([kinds(there, 'old'), late(there)]).toEqual([EVICTED, []]);
  });

  it('is retired after its messages without an outcome have expired', async () => {
    const there = await world({ retention: '252h' });
    await there.worker();
    there.produce(Array.from({ length: 16 }, (_, i) => relayed({ deliveryId: 'old', messageId: `m${i}` })));
    await later(there, 4 * DAY);
    await later(there, 11 * DAY);
    await walks(there, 6);
    expect(retired(there)).toEqual(everywhere(there, 'old'));
    expect(kinds(there, 'old')).toEqual(EVICTED);
    expect(kpiRecords(there).at(-1)?.kpis).toMatchObject({ failedByExpiry: 16 });
    expect(late(there)).toEqual([]);
  });

  it('is not retired by a former owner: its record is refused, and the feedback since is counted', async () => {
    const there = await world({ partitions: 1 });
    const stall = barrier();
    stall.arm();
    const former = await there.worker((deps) =>
      withEmit(deps, async (records) =>
        records.some(({ topic }) => topic === RETIRED_TOPIC) ? stall.pass() : undefined,
      ),
    );
    there.produce(sent('old'));
    await later(there, 31 * DAY);
    there.clock.advance(HOUR + 60_000);
    await there.until(stall.held, 'the retirement stalls');
    await former.stop();
    await there.worker();
    there.produce([relayed({ deliveryId: 'old', messageId: 'since' })]);
    await there.settle();
    stall.release();
    await there.settle();
    expect([retired(there), late(there)]).toEqual([[], []]);
    expect(kpiRecords(there).at(-1)?.kpis).toMatchObject({ relayed: 21 });
    expect(await differences(there)).toEqual([]);
  });
});

describe('a store that comes back from before a retirement', () => {
  it.each(['off', 'on'] as const)(
    'adopts it: feedback before is counted once, and feedback since is dead-lettered, with message statuses %s',
    async (messageStatus) => {
      const there = await world({ partitions: 2, messageStatus });
      await there.worker();
      there.produce(sent('old', 10));
      await there.settle();
      const older = there.store.snapshot();
      there.produce([...sent('old', 20).slice(20), ...sent('young', 4)]);
      await later(there, 20 * DAY);
      there.produce(sent('young', 5, T0 + 20 * DAY));
      await later(there, 11 * DAY);
      await walks(there, 3);
      there.produce(sent('old', 3, T0 + 31 * DAY));
      await there.settle();
      const before = { retired: retired(there), kpis: kpiRecords(there).length, late: late(there) };
      const statuses = statusRecords(there).length;
      expect([before.retired, before.late.length]).toEqual([everywhere(there, 'old'), 6]);
      there.store.restore(older);
      await there.settle();
      expect(kinds(there, 'old')).toEqual(EVICTED);
      await walks(there, 3);
      expect({ retired: retired(there), kpis: kpiRecords(there).length, late: late(there) }).toEqual(before);
      expect(statusRecords(there)).toHaveLength(statuses);
      there.produce(sent('old', 1, T0 + 32 * DAY));
      await there.settle();
      expect(late(there)).toHaveLength(8);
      expect(brokenLinks(there)).toEqual([]);
    },
  );
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
    await walks(there, 3);
    expect(kinds(there, 'old')).toEqual(EVICTED);
    expect(deleted.reduce((sum, fields) => sum + fields)).toBeGreaterThanOrEqual(3_500);
    expect(Math.max(...deleted)).toBeLessThanOrEqual(1_000);
  });

  it.each([0, 1, 2, 3, 4, 5, 6, 7])(
    'is completed by another worker where the first crashes at its commit number %i since it was published',
    async (nth) => {
      const there = await world({ partitions: 2, batchMax: 2_000 });
      let left = nth;
      const { kill } = await there.worker((deps, worker) =>
        withCommit(deps, async (_, { writes }) => {
          const isDeleted = ({ entries }: (typeof writes)[number]): boolean =>
            [...entries].some(([, value]) => value === null);
          if (!writes.some((each) => each.hash === 'z' || (each.hash.startsWith('m/') && isDeleted(each))))
            return;
          if (left-- > 0) return;
          worker.kill();
          await new Promise(() => undefined);
        }),
      );
      there.produce(sent('old', 2_500));
      await later(there, 31 * DAY);
      await walks(there, 3);
      expect(left).toBeLessThan(0);
      kill();
      await there.worker();
      await walks(there, 3);
      expect(retired(there)).toEqual(everywhere(there, 'old'));
      expect(kinds(there, 'old')).toEqual(EVICTED);
      there.produce(sent('old', 1));
      await there.settle();
      expect(late(there)).toEqual(['retired-delivery', 'retired-delivery']);
      expect(kpiRecords(there).at(-1)?.kpis).toMatchObject({ relayed: 2_500, sent: 2_500 });
    },
  );
});
