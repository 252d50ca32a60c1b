import type { Committed, CommittedOffset, RecordHeader } from '../../src/log/source';
import type {
  Checkpoint,
  TransactionalSink,
  TransactionalSinks,
  OutgoingRecord,
  Sink,
} from '../../src/log/sink';

export interface Written {
  readonly key: string | null;
  readonly value: string | null;
  readonly timestamp: number;
  readonly headers: readonly RecordHeader[];
}

/** A log with the topics `out` and `in`, of three partitions each, new for every test. */
export interface SinkWorld {
  sink(): Sink;
  /** Another opener of transactional sinks, as another process would have one. */
  transactionalSinks(): TransactionalSinks;
  readonly committedOffset: CommittedOffset;
  readonly group: string;
  /** The name of `in` in the log. */
  readonly checkpointTopic: string;
  /** The committed records of a partition of `out`, in order. */
  written(partition: number): Promise<readonly Written[]>;
  close(): Promise<void>;
}

export const outgoing = (partition: number, value: string): OutgoingRecord => ({
  topic: 'out',
  partition,
  key: Buffer.from(`key of ${value}`),
  value: Buffer.from(value),
});

/** The contract of every sink, whatever log it writes to. */
export function sinkContract(makeWorld: () => Promise<SinkWorld>): void {
  let world: SinkWorld;
  beforeEach(async () => {
    world = await makeWorld();
  });
  afterEach(async () => {
    await world.close();
  });
  const values = async (partition: number): Promise<(string | null)[]> =>
    (await world.written(partition)).map(({ value }) => value);

  describe('a sink', () => {
    test('writes each record to its partition, in order', async () => {
      const sink = world.sink();
      await sink.emit([outgoing(0, 'a'), outgoing(2, 'b'), outgoing(0, 'c')]);
      await sink.emit([outgoing(0, 'd')]);
      await sink.emit([]);
      expect(await values(0)).toEqual(['a', 'c', 'd']);
      expect(await values(1)).toEqual([]);
      expect(await values(2)).toEqual(['b']);
    });

    test('writes key, value, timestamp and headers unchanged, with order, repeats and nulls', async () => {
      const headers: RecordHeader[] = [
        { name: Buffer.from('z'), value: Buffer.from([0, 1, 255]) },
        { name: Buffer.from('a'), value: null },
        { name: Buffer.from('z'), value: Buffer.alloc(0) },
        { name: Buffer.from('__proto__'), value: Buffer.from('x') },
        { name: Buffer.from([0xff, 0xfe]), value: Buffer.from('a name that is not UTF-8') },
        { name: Buffer.alloc(0), value: Buffer.from('no name') },
      ];
      const timestamp = 1_700_000_000_456;
      await world.sink().emit([
        { topic: 'out', partition: 1, key: null, value: null, headers, timestamp },
        { topic: 'out', partition: 1, key: Buffer.alloc(0), value: Buffer.alloc(0) },
      ]);
      const [first, second] = await world.written(1);
      expect(first).toEqual({ key: null, value: null, timestamp, headers });
      expect(second).toMatchObject({ key: '', value: '', headers: [] });
    });

    test('writes more than fits into one request', async () => {
      const large = Array.from({ length: 40 }, (_, index) => outgoing(index % 2, `${index}`.padEnd(100_000)));
      await world.sink().emit(large);
      const written = await values(1);
      expect(written.map((value) => Number(value))).toEqual(
        Array.from({ length: 20 }, (_, index) => index * 2 + 1),
      );
    });
  });

  describe('a transactional sink', () => {
    /** The outcome of a transaction is certain once its sink has been opened again; tests continue with that sink. */
    const reopened = async (name: string): Promise<TransactionalSink> => {
      const sink = await world.transactionalSinks().open(name);
      closing.push(() => sink.close());
      return sink;
    };
    const checkpoint = (partition: number): Promise<Committed | null> =>
      world.committedOffset(world.group, world.checkpointTopic, partition);
    const committed = (offset: number, metadata = ''): Committed => ({ offset, metadata });
    const at = (partition: number, offset: number, metadata = ''): Checkpoint => ({
      ...{ topic: 'in', partition, offset, metadata },
    });
    const closing: (() => Promise<void>)[] = [];
    afterEach(async () => {
      await Promise.all(closing.splice(0).map((close) => close()));
    });

    test('commits records and checkpoint together', async () => {
      let sink = await reopened('task-1');
      expect(await checkpoint(1)).toBeNull();
      expect(
        await sink.emit([outgoing(0, 'a'), outgoing(1, 'b'), outgoing(0, 'c')], at(1, 17, '3/1795606123456')),
      ).toBe('acknowledged');
      sink = await reopened('task-1');
      expect(await values(0)).toEqual(['a', 'c']);
      expect(await values(1)).toEqual(['b']);
      expect(await checkpoint(1)).toEqual(committed(17, '3/1795606123456'));
      expect(await sink.emit([outgoing(0, 'd')], at(1, 18))).toBe('acknowledged');
      await reopened('task-1');
      expect(await values(0)).toEqual(['a', 'c', 'd']);
      expect(await checkpoint(1)).toEqual(committed(18));
    });

    test('commits the checkpoint without records', async () => {
      expect(await (await reopened('task-0')).emit([], at(0, 5))).toBe('acknowledged');
      await reopened('task-0');
      expect(await checkpoint(0)).toEqual(committed(5));
    });

    test('commits the checkpoint of the topic and partition that it names, and leaves others as they are', async () => {
      const sink = await reopened('task-0');
      expect(await sink.emit([], at(2, 7))).toBe('acknowledged');
      expect(await sink.emit([outgoing(0, 'a')], at(0, 8))).toBe('acknowledged');
      expect(await sink.emit([outgoing(0, 'b')], null)).toBe('acknowledged');
      await reopened('task-0');
      expect([await checkpoint(0), await checkpoint(1), await checkpoint(2)]).toEqual([
        committed(8),
        null,
        committed(7),
      ]);
    });

    test('fences the sink opened before it under the same name, and no other', async () => {
      const former = await reopened('task-2');
      const other = await reopened('task-1');
      expect(await former.emit([outgoing(0, 'former')], at(2, 1))).toBe('acknowledged');
      const owner = await reopened('task-2');
      expect(await former.emit([outgoing(0, 'zombie')], at(2, 2))).toBe('fenced');
      expect(await owner.emit([outgoing(0, 'owner')], at(2, 3))).toBe('acknowledged');
      expect(await former.emit([outgoing(0, 'zombie')], at(2, 4))).toBe('fenced');
      expect(await other.emit([outgoing(0, 'other')], at(1, 9))).toBe('acknowledged');
      await Promise.all([reopened('task-1'), reopened('task-2')]);
      expect(await values(0)).toEqual(['former', 'owner', 'other']);
      expect(await checkpoint(2)).toEqual(committed(3));
    });
  });
}
