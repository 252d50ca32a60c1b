import { EfsError } from '../../src/base/errors';
import type { MemoryRecord } from '../../src/log/log.memory';
import type { Batch, Inbox, Source, TopicReader } from '../../src/log/source';

/** A log with three empty topics of four partitions each, new for every test. */
export interface SourceWorld {
  /** The log's own names. */
  readonly topics: readonly string[];
  /** Another member of the same group. Stopped with the world. */
  member(): Source;
  reader(): TopicReader;
  /** Resolves when the records are acknowledged. */
  append(topic: number, partition: number, records: readonly MemoryRecord[]): Promise<void>;
  /** The same in one transaction, which takes up one more offset. */
  appendInTransaction(topic: number, partition: number, records: readonly MemoryRecord[]): Promise<void>;
  /** Retention: offsets below `low` are gone. */
  raiseLow(topic: number, partition: number, low: number): Promise<void>;
  /** Removes a topic if it exists. */
  removed(topic: string): Promise<void>;
  /** A source over topics of which one has more partitions, or does not exist. */
  broken(how: 'uneven' | 'missing'): Promise<Source>;
  close(): Promise<void>;
}

const PARTITIONS = 4;
const START = [0, 0, 0];

export const text = (value: string): MemoryRecord => ({ key: Buffer.from(value), value: Buffer.from(value) });
export const texts = (prefix: string, count: number): MemoryRecord[] =>
  Array.from({ length: count }, (_, index) => text(`${prefix}${index}`));
const valuesOf = (batch: Batch | null): string[] =>
  (batch?.records ?? []).map((record) => record.value?.toString() ?? 'null');

/** Starts a member. `until` waits for an assignment that satisfies a condition. */
async function started(
  source: Source,
): Promise<{ until(ok: (owned: readonly number[]) => boolean): Promise<number[]>; failures: unknown[] }> {
  let owned: readonly number[] | null = null;
  let check: () => void = () => undefined;
  const failures: unknown[] = [];
  await source.start({
    onAssigned(partitions) {
      owned = partitions;
      check();
    },
    onFailed: (error) => failures.push(error),
  });
  return {
    failures,
    until: (ok) =>
      new Promise((resolve) => {
        check = () => {
          if (owned !== null && ok(owned)) resolve([...owned]);
        };
        check();
      }),
  };
}

/** Takes batches until there are `count` records. */
async function drain(inbox: Inbox, count: number, max = 1000): Promise<{ values: string[]; last: Batch }> {
  const values: string[] = [];
  for (;;) {
    const batch = await inbox.take({ max, lingerMs: 0 });
    if (batch === null) throw new Error('the inbox was closed');
    values.push(...valuesOf(batch));
    if (values.length >= count) return { values, last: batch };
  }
}

export async function codeOf(promise: Promise<unknown>): Promise<string> {
  return promise.then(
    () => 'no error',
    (error: unknown) => (error instanceof EfsError ? error.code : String(error)),
  );
}

/** The contract of every source, whatever log it reads. */
export function sourceContract(makeWorld: () => Promise<SourceWorld>): void {
  let world: SourceWorld;
  beforeEach(async () => {
    world = await makeWorld();
  });
  afterEach(async () => {
    await world.close();
  });

  const opened = async (partition = 0, positions = START): Promise<{ source: Source; inbox: Inbox }> => {
    const source = world.member();
    await (await started(source)).until((owned) => owned.length === PARTITIONS);
    return { source, inbox: await source.open(partition, positions) };
  };

  describe('the partition count', () => {
    test('is that of each topic', async () => {
      expect(await world.member().partitions()).toBe(PARTITIONS);
    });

    test('throws not-co-partitioned for topics of different counts', async () => {
      expect(await codeOf((await world.broken('uneven')).partitions())).toBe('not-co-partitioned');
    });

    test('throws topic-missing for a missing topic', async () => {
      expect(await codeOf((await world.broken('missing')).partitions())).toBe('topic-missing');
    });
  });

  describe('an inbox', () => {
    test('returns only records of its partition, each topic in offset order, and the position of each topic', async () => {
      await world.append(0, 0, texts('a', 3));
      await world.append(1, 0, texts('b', 2));
      await world.append(0, 1, texts('other', 5));
      const { inbox } = await opened();
      const { values, last } = await drain(inbox, 5);
      expect(values.filter((value) => value.startsWith('a'))).toEqual(['a0', 'a1', 'a2']);
      expect(values.filter((value) => value.startsWith('b'))).toEqual(['b0', 'b1']);
      expect(last.next).toEqual([3, 2, 0]);
    });

    test('returns key, value, headers, timestamp, topic, partition and offset as written', async () => {
      const headers = [
        { name: Buffer.from('x'), value: Buffer.from('1') },
        { name: Buffer.from('x'), value: null },
        { name: Buffer.from('a'), value: Buffer.from([0, 255]) },
      ];
      await world.append(2, 3, [text('first')]);
      await world.append(2, 3, [{ key: null, value: null, headers, timestamp: 1_700_000_000_123 }]);
      const { inbox } = await opened(3);
      const batch = await drain(inbox, 2).then(({ last }) => last);
      const record = batch.records.at(-1);
      expect(record).toMatchObject({
        topic: 2,
        partition: 3,
        offset: 1,
        key: null,
        value: null,
        timestamp: 1_700_000_000_123,
        headerCount: 3,
      });
      expect(record?.headers()).toEqual(headers);
    });

    test('starts at the given positions', async () => {
      await world.append(0, 0, texts('a', 5));
      const { inbox } = await opened(0, [3, 0, 0]);
      expect((await drain(inbox, 2)).values).toEqual(['a3', 'a4']);
    });

    test('starts at the first offset of a topic beyond the given positions', async () => {
      await world.append(0, 0, texts('a', 3));
      await world.append(2, 0, texts('c', 4));
      await world.raiseLow(2, 0, 1);
      const { inbox } = await opened(0, [2, 0]);
      const { values, last } = await drain(inbox, 4);
      expect([...values].sort()).toEqual(['a2', 'c1', 'c2', 'c3']);
      expect(last.next).toEqual([3, 0, 4]);
    });

    test('returns at most the requested number of records, and the rest later', async () => {
      await world.append(0, 0, texts('a', 5));
      const { inbox } = await opened();
      const batch = await inbox.take({ max: 2, lingerMs: 1000 });
      expect(valuesOf(batch)).toEqual(['a0', 'a1']);
      expect(batch?.next).toEqual([2, 0, 0]);
      expect((await drain(inbox, 3, 2)).values).toEqual(['a2', 'a3', 'a4']);
    });

    test('has no position beyond a record that it has not returned', async () => {
      await world.appendInTransaction(0, 0, texts('a', 3));
      await world.appendInTransaction(0, 0, texts('b', 2));
      const { inbox } = await opened();
      await inbox.take({ max: 1, lingerMs: 500 });
      const { next } = (await inbox.take({ max: 1, lingerMs: 500 })) ?? {};
      expect(next).toEqual([2, 0, 0]);
    });

    test('wakes a waiting taker when a record arrives', async () => {
      const { inbox } = await opened();
      const taken = inbox.take({ max: 10, lingerMs: 0 });
      await world.append(1, 0, [text('late')]);
      expect(valuesOf(await taken)).toEqual(['late']);
    });

    test('returns null to a waiting taker when it is closed, and to later ones', async () => {
      const { inbox } = await opened();
      const taken = inbox.take({ max: 10, lingerMs: 0 });
      inbox.close();
      inbox.close();
      expect(await taken).toBeNull();
      expect(await inbox.take({ max: 10, lingerMs: 0 })).toBeNull();
    });

    test('is closed when another one is opened for its partition, which reads from its own positions', async () => {
      await world.append(0, 0, texts('a', 3));
      const { source, inbox } = await opened();
      await drain(inbox, 3);
      const again = await source.open(0, [1, 0, 0]);
      expect(await inbox.take({ max: 10, lingerMs: 0 })).toBeNull();
      expect((await drain(again, 2)).values).toEqual(['a1', 'a2']);
    });

    test('skips offsets without a record', async () => {
      await world.appendInTransaction(0, 0, texts('t', 2));
      await world.append(0, 0, texts('a', 1));
      const { inbox } = await opened();
      const { values, last } = await drain(inbox, 3);
      expect(values).toEqual(['t0', 't1', 'a0']);
      expect(last.records.at(-1)?.offset).toBe(3);
      expect(last.next[0]).toBe(4);
    });

    test('reaches the end of a log that ends with a marker', async () => {
      await world.appendInTransaction(0, 0, texts('t', 2));
      const { source, inbox } = await opened();
      let next: readonly number[] = START;
      while (next[0] !== 3) next = (await inbox.take({ max: 10, lingerMs: 0 }))?.next ?? [];
      expect((await source.watermarks(0))[0]).toEqual({ low: 0, high: 3 });
      expect(inbox.lag()[0]).toBe(0);
    });

    test('reports its lag behind the end', async () => {
      await world.append(0, 0, texts('a', 5));
      const { inbox } = await opened();
      await inbox.take({ max: 2, lingerMs: 0 });
      expect(inbox.lag()).toEqual([3, 0, 0]);
    });
  });

  describe('a position', () => {
    test('below the first offset of the log cannot be opened, the first offset can', async () => {
      await world.append(0, 0, texts('a', 5));
      await world.raiseLow(0, 0, 3);
      const { source } = await opened(1);
      expect(await codeOf(source.open(0, [2, 0, 0]))).toBe('position-lost');
      const inbox = await source.open(0, [3, 0, 0]);
      expect((await drain(inbox, 2)).values).toEqual(['a3', 'a4']);
    });

    test('beyond the end cannot be opened, the end itself can', async () => {
      await world.append(0, 0, texts('a', 2));
      const { source } = await opened(1);
      expect(await codeOf(source.open(0, [3, 0, 0]))).toBe('position-lost');
      await source.open(0, [2, 0, 0]);
    });
  });

  describe('a group', () => {
    test('assigns all partitions to its only member, and shares them when a second one joins', async () => {
      const first = await started(world.member());
      const all = await first.until((owned) => owned.length === PARTITIONS);
      const second = await started(world.member());
      const [a, b] = await Promise.all([
        first.until((owned) => owned.length === 2),
        second.until((owned) => owned.length === 2),
      ]);
      expect([...a, ...b].sort()).toEqual(all);
    });

    test('assigns the partitions of a member that leaves to the remaining one', async () => {
      const first = await started(world.member());
      await first.until((owned) => owned.length === PARTITIONS);
      const leaving = world.member();
      await (await started(leaving)).until((owned) => owned.length === 2);
      await first.until((owned) => owned.length === 2);
      await leaving.stop();
      expect(await first.until((owned) => owned.length === PARTITIONS)).toEqual([0, 1, 2, 3]);
    });

    test('closes the inboxes of revoked partitions, and keeps reading the others', async () => {
      const source = world.member();
      const assignment = await started(source);
      await assignment.until((owned) => owned.length === PARTITIONS);
      const inboxes = await Promise.all([0, 1, 2, 3].map((partition) => source.open(partition, START)));
      await started(world.member());
      const kept = await assignment.until((owned) => owned.length === 2);
      for (const [partition, inbox] of inboxes.entries()) {
        await world.append(0, partition, [text(`p${partition}`)]);
        const batch = await inbox.take({ max: 10, lingerMs: 0 });
        expect(batch === null ? null : valuesOf(batch)).toEqual(
          kept.includes(partition) ? [`p${partition}`] : null,
        );
      }
    });

    test('is left by stop, which closes every inbox and can be called twice', async () => {
      const { source, inbox } = await opened();
      const taken = inbox.take({ max: 10, lingerMs: 0 });
      await source.stop();
      expect(await taken).toBeNull();
      await source.stop();
      const next = await started(world.member());
      expect(await next.until((owned) => owned.length === PARTITIONS)).toEqual([0, 1, 2, 3]);
    });
  });
}
