import { codeOf, type SourceWorld, text, texts } from './source.contract';

/** The contract of every reader, whatever log it reads. */
export function readerContract(makeWorld: () => Promise<SourceWorld>): void {
  let world: SourceWorld;
  beforeEach(async () => {
    world = await makeWorld();
  });
  afterEach(async () => {
    await world.close();
  });

  describe('a reader', () => {
    test('reads a partition up to its end, past a trailing marker, from any offset', async () => {
      await world.append(0, 0, texts('a', 3));
      await world.appendInTransaction(0, 0, texts('t', 2));
      const reader = world.reader();
      const seen: string[] = [];
      await reader.read(world.topics[0] ?? '', 0, (record) => seen.push(`${record.offset}:${record.value}`));
      expect(seen).toEqual(['0:a0', '1:a1', '2:a2', '3:t0', '4:t1']);
      seen.length = 0;
      await reader.read(world.topics[0] ?? '', 0, (record) => seen.push(`${record.value}`), 4);
      expect(seen).toEqual(['t1']);
    });

    test('ends with the error that its listener throws', async () => {
      await world.append(0, 0, texts('a', 3));
      const seen: number[] = [];
      const reading = world.reader().read(world.topics[0] ?? '', 0, ({ offset }) => {
        seen.push(offset);
        if (offset === 1) throw new Error('enough');
      });
      await expect(reading).rejects.toThrow('enough');
      expect(seen).toEqual([0, 1]);
    });

    test('delivers nothing from an empty partition, nor from one that retention has emptied', async () => {
      await world.append(0, 1, texts('a', 3));
      await world.raiseLow(0, 1, 3);
      const seen: unknown[] = [];
      for (const partition of [0, 1]) {
        await world.reader().read(world.topics[0] ?? '', partition, (record) => seen.push(record));
      }
      expect(seen).toEqual([]);
    });

    test('throws topic-missing for a missing topic', async () => {
      const missing = `${world.topics[0]}.missing`;
      await world.removed(missing);
      expect(await codeOf(world.reader().partitions(missing))).toBe('topic-missing');
      expect(await codeOf(world.reader().read(missing, 0, () => undefined))).toBe('topic-missing');
      expect(await world.reader().partitions(world.topics[0] ?? '')).toBe(4);
    });

    test.each(['beginning', 'end'] as const)('follows all partitions from the %s', async (from) => {
      await world.append(0, 0, [text('old')]);
      const abort = new AbortController();
      const seen: string[] = [];
      const reader = world.reader();
      const { ended } = await reader.follow(
        world.topics[0] ?? '',
        { from, signal: abort.signal },
        (record) => {
          seen.push(`${record.partition}:${record.value}`);
          if (seen.includes('1:new') && seen.includes('2:new')) abort.abort();
        },
      );
      await world.append(0, 1, [text('new')]);
      await world.append(0, 2, [text('new')]);
      await ended;
      expect(seen.includes('0:old')).toBe(from === 'beginning');
      expect(seen.filter((each) => each !== '0:old').sort()).toEqual(['1:new', '2:new']);
    });
  });
}
