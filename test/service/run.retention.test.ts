import { CONTRIBUTIONS_TOPIC, DEAD_LETTER_TOPIC } from '../../src/feedback/topics';
import { MessageId } from '../../src/base/ids';
import { barrier, withCommit } from '../support/faults';
import { type Feedback, feedback, HOUR, T0 } from '../support/feedback';
import { brokenLinks, deadLetters, differences, kpiRecords, recordsOf } from '../support/observe';
import { world, type World } from '../support/world';

const DAY = 24 * HOUR;
const { relayed, delivered } = feedback;

const sent = (deliveryId: string, count = 20, occurredAt = T0) =>
  Array.from({ length: count }, (_, index) => `${deliveryId}-${index}`).flatMap((messageId) => [
    relayed({ deliveryId, messageId, occurredAt }),
    delivered({ deliveryId, messageId, occurredAt }),
  ]);

async function later(there: World, ms: number): Promise<void> {
  there.clock.advance(ms);
  await there.settle();
}

/** Lets so many walks through all deliveries come about. */
async function walks(there: World, count: number): Promise<void> {
  for (let i = 0; i < count; i += 1) await later(there, HOUR + 60_000);
}

/** The names of all hashes that hold something of a delivery, `<task> <hash>`. */
function traces({ store }: World, deliveryId: string): string[] {
  const found: string[] = [];
  for (const [task, { hashes }] of store.snapshot().tasks) {
    for (const [hash, fields] of hashes)
      if (hash.split('/')[1] === deliveryId || fields.has(deliveryId)) found.push(`${task} ${hash}`);
  }
  return found;
}

const kinds = (there: World, deliveryId: string): string[] =>
  [...new Set(traces(there, deliveryId).map((trace) => trace.split(' ')[1]!.split('/')[0]!))].sort();

const late = (there: World): string[] => [...deadLetters(there).values()];

const markers = (there: World): string[] =>
  recordsOf(there, CONTRIBUTIONS_TOPIC)
    .map(({ key }) => key!.toString())
    .filter((key) => key.endsWith('/retired'));

/** A world with an old delivery that has been retired and removed, and a younger one. */
async function retiredWorld(given: Parameters<typeof world>[0] = {}) {
  const there = await world(given);
  const worker = await there.worker();
  there.produce(sent('old'));
  await there.settle();
  there.clock.advance(20 * DAY);
  there.produce(sent('young', 20, T0 + 20 * DAY));
  await later(there, 11 * DAY);
  await walks(there, 6);
  return { there, worker };
}

/**
 * A world in which the commit of this feedback on one more message of an old delivery is under way while the delivery is
 * announced as retired, and for hours after it.
 */
async function overtaken(last: readonly Feedback[]) {
  const there = await world({ partitions: 2 });
  const stall = barrier();
  await there.worker((ends) =>
    withCommit(ends, async (_, { writes }) => {
      if (writes.some(({ hash }) => hash.startsWith('m/old'))) await stall.pass();
    }),
  );
  there.produce(sent('old'));
  await later(there, 31 * DAY);
  await walks(there, 1);
  stall.arm();
  there.produce(last.map((each) => ({ ...each, messageId: MessageId('under way') })));
  await there.until(stall.held, 'a commit is under way');
  await walks(there, 5);
  const release = async (): Promise<void> => {
    stall.release();
    await there.settle();
  };
  return { there, release };
}

describe('a delivery whose last feedback is older than the retention', () => {
  it('leaves the state in all partitions, and nothing of it is left but that it is retired', async () => {
    const { there } = await retiredWorld();
    expect(kinds(there, 'old')).toEqual(['r']);
    expect(kinds(there, 'young')).toEqual(['c', 'd', 'm', 'p', 's']);
    expect(markers(there)).toEqual(['old/retired']);
    expect(brokenLinks(there)).toEqual([]);
  });

  it('keeps its last record in the KPI topic', async () => {
    const { there } = await retiredWorld();
    const last = kpiRecords(there)
      .filter(({ deliveryId }) => deliveryId === 'old')
      .at(-1);
    expect(last?.kpis).toMatchObject({ relayed: 20, sent: 20 });
  });

  it('has its late feedback set aside, each record once, and does not begin anew', async () => {
    const { there } = await retiredWorld();
    const said = kpiRecords(there).length;
    there.produce(sent('old', 5, T0 + 31 * DAY));
    await there.settle();
    expect(late(there)).toEqual(Array<string>(10).fill('retired-delivery'));
    expect(recordsOf(there, DEAD_LETTER_TOPIC)).toHaveLength(10);
    expect(kinds(there, 'old')).toEqual(['r']);
    expect(kpiRecords(there)).toHaveLength(said);
  });

  it('does not take others’ feedback in the same batch with it', async () => {
    const { there } = await retiredWorld({ partitions: 1 });
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

  it('stays while it gets feedback in but one of its partitions', async () => {
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

  it('stays while feedback on it still comes in, however old that says it is', async () => {
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

  it('stays while one partition has not read all of its feedback', async () => {
    const there = await world({ partitions: 2 });
    const stalled = { status: true };
    await there.worker((ends) =>
      withCommit(ends, async ({ pipeline, partition }) => {
        if (stalled.status && pipeline === 'status' && partition === 1) await new Promise(() => undefined);
      }),
    );
    there.produce(sent('d'));
    await later(there, 31 * DAY);
    await walks(there, 5);
    expect(markers(there)).toEqual([]);
  });

  it('is removed only when all that was folded without knowing of it has been counted', async () => {
    const { there, release } = await overtaken(sent('old', 1));
    expect(markers(there)).toEqual(['old/retired']);
    expect(kinds(there, 'old')).toContain('s');
    await release();
    expect(kpiRecords(there).at(-1)?.kpis).toMatchObject({ relayed: 21, sent: 21 });
    await walks(there, 5);
    expect(kinds(there, 'old')).toEqual(['r']);
    expect(late(there)).toEqual([]);
  });

  it('has what silence says of its messages set aside like any other feedback, once', async () => {
    const { there, release } = await overtaken([relayed({ deliveryId: 'old' })]);
    await release();
    await walks(there, 5);
    expect(recordsOf(there, DEAD_LETTER_TOPIC).map(({ header }) => header('efs.reason'))).toEqual([
      'retired-delivery',
    ]);
    expect(kinds(there, 'old')).toEqual(['r']);
  });

  it('is retired where expiry has ended its silent messages before', async () => {
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

describe('what is deleted of a retired delivery', () => {
  it('is deleted in steps: at most a page of fields in a commit', async () => {
    const there = await world({ partitions: 1, batchMax: 2_000 });
    const deleted: number[] = [];
    await there.worker((ends) =>
      withCommit(ends, async (_, { writes }) => {
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
    'is deleted all the same where the worker dies at commit number %i of it',
    async (nth) => {
      const there = await world({ partitions: 2, batchMax: 2_000 });
      let left = nth;
      const { kill } = await there.worker((ends, mortal) =>
        withCommit(ends, async (_, { writes }) => {
          const retires = writes.some(
            ({ hash, entries }) =>
              hash === 'r' || [...entries].some(([, value]) => value === null && hash !== 'w'),
          );
          if (!retires || left-- > 0) return;
          mortal.kill();
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

describe('a generation that succeeds a life in which a delivery was retired', () => {
  it('decides the same: it passes the old feedback by, and sets aside what comes late', async () => {
    const { there } = await retiredWorld();
    there.produce(sent('old', 2));
    await there.settle();
    const before = recordsOf(there, DEAD_LETTER_TOPIC).length;
    there.store.wipe();
    await there.settle();
    expect((await there.store.active())?.generation).toBe(2);
    expect(kinds(there, 'old')).toEqual(['r']);
    expect(kinds(there, 'young')).toEqual(['c', 'd', 'm', 'p', 's']);
    // What had come late is said to be late again, with the same origin; what was counted once is passed by.
    expect(deadLetters(there).size).toBe(before);
    there.produce(sent('old', 3));
    await there.settle();
    expect(deadLetters(there).size).toBe(before + 6);
    expect(kpiRecords(there).filter(({ generation }) => generation === 2)).toEqual([]);
    expect(brokenLinks(there)).toEqual([]);
  });

  it('knows of a delivery that was announced, and not removed yet', async () => {
    const there = await world();
    await there.worker();
    there.produce(sent('old'));
    await later(there, 31 * DAY);
    await walks(there, 2);
    expect(markers(there)).toEqual(['old/retired']);
    expect(kinds(there, 'old')).toContain('s');
    there.store.wipe();
    await there.settle();
    expect(kinds(there, 'old')).toEqual(['r']);
  });
});
