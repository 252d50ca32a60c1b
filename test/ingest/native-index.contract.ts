import type { IndexEntry } from '../../src/feedback/ingest-index';
import { INGEST_INDEX_TOPIC } from '../../src/feedback/topics';
import { type NativeIndex, openIndex, type OpenedIndex } from '../../src/ingest/native-index';
import type { OutgoingRecord, Sink } from '../../src/log/sink';
import type { TopicReader } from '../../src/log/source';

/** A log with the topic of the index, of four partitions, new for every test. */
export interface IndexWorld {
  readonly prefix: string;
  sink(): Sink;
  reader(): TopicReader;
  close(): Promise<void>;
}

const AT = Date.UTC(2026, 10, 25);
const MIB = 1 << 20;
const entry = (messageId: string, at = AT): IndexEntry => ({ deliveryId: 'DM7', messageId, at });
const known = (key: string, messageId = `m-${key}`, at = AT) => ({
  keys: [key],
  entry: entry(messageId, at),
});

/** Waits until the index finds the key, for at most 45 seconds. */
async function found(index: NativeIndex, key: string, messageId?: string): Promise<IndexEntry> {
  for (const began = Date.now(); ;) {
    const result = index.find([key], AT);
    if (result !== null && (messageId === undefined || result.messageId === messageId)) return result;
    if (Date.now() - began > 45_000) throw new Error(`the index does not find ${key}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

/** The contract of the index that processes share, whatever log it is in. */
export function nativeIndexContract(makeWorld: () => Promise<IndexWorld>): void {
  let world: IndexWorld;
  let abort: AbortController;
  beforeEach(async () => {
    world = await makeWorld();
    abort = new AbortController();
  });
  afterEach(async () => {
    abort.abort();
    await world.close();
  });
  /** As another process opens it. */
  const open = async (
    more: { bytesMax?: number; signal?: AbortSignal; emitted?: OutgoingRecord[] } = {},
  ): Promise<OpenedIndex> => {
    const sink = world.sink();
    return openIndex({
      reader: world.reader(),
      emit: async (records) => {
        await sink.emit(records);
        more.emitted?.push(...records);
      },
      prefix: world.prefix,
      bytesMax: more.bytesMax ?? MIB,
      signal: more.signal ?? abort.signal,
    });
  };

  describe('an index of native ids', () => {
    test('finds at once what it has been given itself', async () => {
      const { index } = await open();
      await index.put([{ keys: ['a', 'b'], entry: entry('m-1') }]);
      expect([index.find(['a'], AT), index.find(['other', 'b'], AT)]).toEqual([entry('m-1'), entry('m-1')]);
      expect(index.find(['other'], AT)).toBeNull();
    });

    test('finds what another process is given, while both are open', async () => {
      const [first, second] = [await open(), await open()];
      await first.index.put([known('a')]);
      expect(await found(second.index, 'a')).toEqual(entry('m-a'));
    });

    test('has everything that was acknowledged to a process that is gone, as soon as it is open', async () => {
      const gone = new AbortController();
      const bytesMax = 32 * MIB;
      const { index, ended } = await open({ signal: gone.signal, bytesMax });
      // Several batches.
      const keys = Array.from({ length: 24_000 }, (_, at) => `key-${at}`);
      await index.put(keys.map((key) => known(key, 'm'.repeat(128))));
      gone.abort();
      await ended;
      const { index: next } = await open({ bytesMax });
      expect(keys.filter((key) => next.find([key], AT) === null)).toEqual([]);
      expect(next.entries()).toBe(keys.length);
    });

    test('has the last of several messages of a key', async () => {
      const { index } = await open();
      await index.put([known('a', 'm-1')]);
      await index.put([known('a', 'm-2')]);
      expect(index.find(['a'], AT)).toEqual(entry('m-2'));
      expect((await open()).index.find(['a'], AT)).toEqual(entry('m-2'));
    });

    test('writes an entry once for all events of a message, and again when it grows old', async () => {
      const emitted: OutgoingRecord[] = [];
      const { index } = await open({ emitted });
      await index.put([known('a'), known('a')]);
      await index.put([known('a', 'm-a', AT + 3_600_000)]);
      expect(emitted.map(({ topic, key }) => [topic, String(key)])).toEqual([[INGEST_INDEX_TOPIC, 'a']]);
      await index.put([known('a', 'm-a', AT + 6 * 86_400_000)]);
      expect(emitted).toHaveLength(2);
    });

    test('does not find a message by an event of eleven days later or earlier', async () => {
      const { index } = await open();
      await index.put([known('a')]);
      const days = (count: number) => AT + count * 86_400_000;
      expect([10, -10].map((count) => index.find(['a'], days(count))?.messageId)).toEqual(['m-a', 'm-a']);
      expect([11, -11].map((count) => index.find(['a'], days(count)))).toEqual([null, null]);
    });

    test('passes over what another program has written', async () => {
      const record = (key: string, value: string | null): OutgoingRecord => ({
        ...{ topic: INGEST_INDEX_TOPIC, partition: 0, key: Buffer.from(key) },
        value: value === null ? null : Buffer.from(value),
      });
      const wrong = ['', 'null', '[]', '{"deliveryId":1}', '{"deliveryId":"d","messageId":"m"}'];
      await world.sink().emit([...wrong.map((value, at) => record(`w${at}`, value)), record('w0', null)]);
      const { index } = await open();
      await index.put([known('a')]);
      expect(wrong.map((_, at) => index.find([`w${at}`], AT))).toEqual(wrong.map(() => null));
      expect(index.find(['a'], AT)).toEqual(entry('m-a'));
    });

    test('throws topic-missing where set-up has not created the topic', async () => {
      const opening = openIndex({
        reader: world.reader(),
        emit: () => Promise.resolve(),
        prefix: `${world.prefix}missing.`,
        bytesMax: MIB,
        signal: abort.signal,
      });
      await expect(opening).rejects.toMatchObject({ code: 'topic-missing' });
    });
  });
}
