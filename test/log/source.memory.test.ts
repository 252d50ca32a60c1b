import { memoryLog } from '../../src/log/log.memory';
import { memoryReader, memorySource } from '../../src/log/source.memory';
import type { Source } from '../../src/log/source';
import type { Clock } from '../../src/base/clock';
import { readerContract } from './reader.contract';
import { sourceContract, text, type SourceWorld } from './source.contract';

const TOPICS = ['a', 'b', 'c'];

async function memoryWorld(): Promise<SourceWorld> {
  const log = memoryLog({ partitions: 4 });
  const members: Source[] = [];
  return {
    topics: TOPICS,
    member() {
      const source = memorySource(log, { topics: TOPICS, groupId: 'g' });
      members.push(source);
      return source;
    },
    reader: () => memoryReader(log),
    async append(topic, partition, records) {
      for (const record of records) log.append(TOPICS[topic] ?? '', partition, record);
    },
    async appendInTransaction(topic, partition, records) {
      for (const record of records) log.append(TOPICS[topic] ?? '', partition, record);
      log.appendMarker(TOPICS[topic] ?? '', partition);
    },
    async raiseLow(topic, partition, low) {
      log.raiseLow(TOPICS[topic] ?? '', partition, low);
    },
    async removed(topic) {
      log.remove(topic);
    },
    async broken(how) {
      if (how === 'uneven') log.create('b', 5);
      else log.remove('b');
      return memorySource(log, { topics: TOPICS, groupId: 'g' });
    },
    async close() {
      for (const member of members) await member.stop();
    },
  };
}

sourceContract(memoryWorld);
readerContract(memoryWorld);

/** A clock whose sleeps end when the test says so. */
function handClock(): Clock & { passed(ms: number): void; sleeping(): number } {
  let now = 0;
  const sleepers = new Set<{ until: number; wake: () => void }>();
  return {
    now: () => now,
    monotonic: () => now,
    sleep: (ms, signal) =>
      new Promise((resolve) => {
        const sleeper = {
          until: now + ms,
          wake: () => {
            sleepers.delete(sleeper);
            resolve();
          },
        };
        sleepers.add(sleeper);
        signal?.addEventListener('abort', sleeper.wake);
      }),
    sleeping: () => sleepers.size,
    passed(ms) {
      now += ms;
      for (const sleeper of [...sleepers]) if (sleeper.until <= now) sleeper.wake();
    },
  };
}

const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('lingering', () => {
  const lingering = async () => {
    const clock = handClock();
    const log = memoryLog({ partitions: 1, clock });
    const source = memorySource(log, { topics: ['a'], groupId: 'g' });
    await source.start({ onAssigned: () => undefined, onFailed: () => undefined });
    return { clock, log, inbox: await source.open(0, [0]) };
  };

  test('waits its time for more, counted from when something was there', async () => {
    const { clock, log, inbox } = await lingering();
    let taken: number | null = null;
    void inbox.take({ max: 10, lingerMs: 100 }).then((batch) => (taken = batch?.records.length ?? 0));
    await settle();
    clock.passed(1000);
    log.append('a', 0, text('1'));
    await settle();
    clock.passed(99);
    log.append('a', 0, text('2'));
    await settle();
    expect(taken).toBeNull();
    clock.passed(1);
    await settle();
    expect(taken).toBe(2);
  });

  test('ends as soon as the batch is full, and leaves no timer behind', async () => {
    const { clock, log, inbox } = await lingering();
    const taken = inbox.take({ max: 2, lingerMs: 100 });
    log.append('a', 0, text('1'));
    await settle();
    expect(clock.sleeping()).toBe(1);
    log.append('a', 0, text('2'));
    expect((await taken)?.records).toHaveLength(2);
    expect(clock.sleeping()).toBe(0);
  });
});

describe('a log in memory', () => {
  test('stamps with its clock, keeps given stamps, and gives offsets', () => {
    const clock = handClock();
    const log = memoryLog({ partitions: 1, clock });
    clock.passed(7);
    expect(log.append('a', 0, text('1'))).toBe(0);
    expect(log.append('a', 0, { ...text('2'), timestamp: 3 })).toBe(1);
    expect([0, 1].map((offset) => log.entry('a', 0, offset)?.timestamp)).toEqual([7, 3]);
  });

  test('keeps the last record of each key when it is compacted, and every offset', () => {
    const log = memoryLog({ partitions: 1 });
    for (const value of ['x', 'y', 'x']) log.append('a', 0, text(value));
    log.compact('a', 0);
    expect([0, 1, 2].map((offset) => log.entry('a', 0, offset)?.record !== null)).toEqual([
      false,
      true,
      true,
    ]);
    expect(log.watermarks('a', 0)).toEqual({ low: 0, high: 3 });
  });

  test('loses a position while an inbox waits for it, and the taker is told', async () => {
    const log = memoryLog({ partitions: 1 });
    for (const value of ['x', 'y', 'z']) log.append('a', 0, text(value));
    const source = memorySource(log, { topics: ['a'], groupId: 'g' });
    await source.start({ onAssigned: () => undefined, onFailed: () => undefined });
    const inbox = await source.open(0, [0]);
    log.raiseLow('a', 0, 2);
    await expect(inbox.take({ max: 1, lingerMs: 0 })).rejects.toMatchObject({ code: 'position-lost' });
  });

  test('gives a batch over several topics in the order of arrival', async () => {
    const log = memoryLog({ partitions: 1 });
    const source = memorySource(log, { topics: ['a', 'b'], groupId: 'g' });
    await source.start({ onAssigned: () => undefined, onFailed: () => undefined });
    for (const [topic, value] of [
      ['b', '1'],
      ['a', '2'],
      ['b', '3'],
    ] as const)
      log.append(topic, 0, text(value));
    const inbox = await source.open(0, [0, 0]);
    const batch = await inbox.take({ max: 9, lingerMs: 0 });
    expect(batch?.records.map((record) => record.value?.toString())).toEqual(['1', '2', '3']);
  });
});
