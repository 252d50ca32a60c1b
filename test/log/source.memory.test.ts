import { memoryLog } from '../../src/log/log.memory';
import { memoryReader, memorySource } from '../../src/log/source.memory';
import type { Source } from '../../src/log/source';
import { turn, virtualClock } from '../support/clock';
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

describe('lingering of an inbox', () => {
  const lingering = async () => {
    const clock = virtualClock(0);
    const log = memoryLog({ partitions: 1, clock });
    const source = memorySource(log, { topics: ['a'], groupId: 'g' });
    await source.start({ onAssigned: () => undefined, onFailed: () => undefined });
    return { clock, log, inbox: await source.open(0, [0]) };
  };

  test('waits for more records, counted from the first one', async () => {
    const { clock, log, inbox } = await lingering();
    let taken: number | null = null;
    void inbox.take({ max: 10, lingerMs: 100 }).then((batch) => (taken = batch?.records.length ?? 0));
    await turn();
    clock.advance(1000);
    log.append('a', 0, text('1'));
    await turn();
    clock.advance(99);
    log.append('a', 0, text('2'));
    await turn();
    expect(taken).toBeNull();
    clock.advance(1);
    await turn();
    expect(taken).toBe(2);
  });

  test('ends as soon as the batch is full, and leaves no timer', async () => {
    const { clock, log, inbox } = await lingering();
    const taken = inbox.take({ max: 2, lingerMs: 100 });
    log.append('a', 0, text('1'));
    await turn();
    expect(clock.sleeping()).toBe(1);
    log.append('a', 0, text('2'));
    expect((await taken)?.records).toHaveLength(2);
    expect(clock.sleeping()).toBe(0);
  });
});

describe('a log in memory', () => {
  test('stamps records with its clock, keeps given timestamps, and returns offsets', () => {
    const clock = virtualClock(0);
    const log = memoryLog({ partitions: 1, clock });
    clock.advance(7);
    expect(log.append('a', 0, text('1'))).toBe(0);
    expect(log.append('a', 0, { ...text('2'), timestamp: 3 })).toBe(1);
    expect([0, 1].map((offset) => log.entry('a', 0, offset)?.timestamp)).toEqual([7, 3]);
  });

  test('keeps the last record of each key, and every offset, in compaction', () => {
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

  test('throws position-lost at a take once retention has passed the position of an open inbox', async () => {
    const log = memoryLog({ partitions: 1 });
    for (const value of ['x', 'y', 'z']) log.append('a', 0, text(value));
    const source = memorySource(log, { topics: ['a'], groupId: 'g' });
    await source.start({ onAssigned: () => undefined, onFailed: () => undefined });
    const inbox = await source.open(0, [0]);
    log.raiseLow('a', 0, 2);
    await expect(inbox.take({ max: 1, lingerMs: 0 })).rejects.toMatchObject({ code: 'position-lost' });
  });

  test('returns a batch over several topics in the order of arrival', async () => {
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
