import { systemClock } from '../../src/base/clock';
import { deadLetterHeaders, readDeadLetter } from '../../src/feedback/dead-letter';
import type { Reason } from '../../src/feedback/decode';
import { type MemoryLog, memoryLog } from '../../src/log/log.memory';
import { partitionOf } from '../../src/log/partitioner';
import { memoryReader } from '../../src/log/source.memory';
import { memorySink } from '../../src/log/sink.memory';
import {
  deadLetterAt,
  deadLetters,
  type LetterFilter,
  putInAll,
  redrive,
  type RedriveOptions,
} from '../../src/service/redrive';

const PREFIX = 't.';
const LETTERS = 't.efs.dead-letter';
const ALL: LetterFilter = { reasons: [], topics: [], since: 0, until: Infinity };
const own = [{ name: Buffer.from('trace'), value: Buffer.from('x') }];

/** Puts a record aside as the status pipeline does. */
function setAside(
  log: MemoryLog,
  letter: {
    key?: string;
    reason?: Reason;
    topic?: string;
    partition?: number;
    timestamp?: number;
    headers?: typeof own;
  },
): void {
  const {
    key = 'm',
    reason = 'not-avro',
    topic = 't.mta.delivered',
    partition = 1,
    timestamp = 1_000,
  } = letter;
  const origin = { topic, partition, offset: 7 };
  const headers = deadLetterHeaders(letter.headers ?? own, { reason, detail: 'why', origin });
  const home = partition % 3;
  log.append(LETTERS, home, { key: Buffer.from(key), value: Buffer.from([1, 2]), headers, timestamp });
}

const held = (log: MemoryLog, topic: string, partition: number) => {
  const { low, high } = log.watermarks(topic, partition);
  return Array.from({ length: high - low }, (_, i) => log.entry(topic, partition, low + i)?.record ?? null);
};

function world() {
  const log = memoryLog({ partitions: 3 });
  const reader = memoryReader(log);
  const run = (options: Partial<RedriveOptions> = {}) =>
    redrive({
      reader,
      prefix: PREFIX,
      sink: memorySink(log, { prefix: PREFIX }),
      clock: systemClock,
      filter: ALL,
      again: false,
      byKey: false,
      rate: 0,
      dryRun: false,
      signal: new AbortController().signal,
      onProgress: () => undefined,
      ...options,
    });
  const found = async (filter = ALL) => {
    const all = [];
    for await (const chunk of deadLetters({ reader, prefix: PREFIX }, filter)) all.push(...chunk);
    return all;
  };
  return { log, reader, run, found };
}

describe('putting dead letters back', () => {
  test('gives the topic and partition they came from key, value and own headers, and says where from', async () => {
    const { log, run } = world();
    setAside(log, {});
    const report = await run();
    expect([...report.put]).toEqual([['mta.delivered', 1]]);
    const [back] = held(log, 't.mta.delivered', 1);
    expect(back).toMatchObject({ key: Buffer.from('m'), value: Buffer.from([1, 2]) });
    expect(back?.headers?.map(({ name, value }) => `${name}=${value}`)).toEqual([
      'trace=x',
      `efs.redriven-from=${LETTERS}/1/0`,
    ]);
    // A new stamp: retention counts from now.
    expect(back?.timestamp).toBeUndefined();
  });

  test('is done once, however often it is run', async () => {
    const { log, run, found } = world();
    for (let i = 0; i < 1_200; i++) setAside(log, { key: `m${i}` });
    expect(putInAll(await run())).toBe(1_200);
    const second = await run();
    expect([putInAll(second), second.already]).toEqual([0, 1_200]);
    expect(held(log, 't.mta.delivered', 1)).toHaveLength(1_200);
    expect((await found()).every(({ redriven }) => redriven)).toBe(true);
  });

  test('leaves alone what came back a second time, unless it is asked to', async () => {
    const { log, run } = world();
    setAside(log, {});
    await run();
    const [back] = held(log, 't.mta.delivered', 1);
    setAside(log, { headers: [...(back?.headers ?? [])] as typeof own });
    const second = await run();
    expect([putInAll(second), second.already, second.again]).toEqual([0, 1, 1]);
    const third = await run({ again: true });
    expect([putInAll(third), third.again]).toEqual([1, 0]);
    expect(held(log, 't.mta.delivered', 1).at(-1)?.headers).toHaveLength(2);
  });

  test('does nothing in a dry run but count', async () => {
    const { log, run, found } = world();
    setAside(log, {});
    expect(putInAll(await run({ dryRun: true }))).toBe(1);
    expect(held(log, 't.mta.delivered', 1)).toEqual([]);
    expect((await found())[0]?.redriven).toBe(false);
  });

  test('refuses topics that are no inputs and partitions that are not there: headers can be forged', async () => {
    const { log, run } = world();
    setAside(log, { topic: 't.somebody.else' });
    setAside(log, { topic: 'mta.delivered' });
    setAside(log, { partition: 4 });
    const report = await run();
    expect([putInAll(report), report.homeless]).toEqual([0, 3]);
    expect(log.watermarks('t.somebody.else', 1)).toEqual({ low: 0, high: 0 });
  });

  test('takes the partition of the key where asked to', async () => {
    const { log, run } = world();
    const home = partitionOf(Buffer.from('m'), 3);
    setAside(log, { partition: (home + 1) % 3, reason: 'wrong-partition' });
    await run({ byKey: true });
    expect(held(log, 't.mta.delivered', home)).toHaveLength(1);
  });

  test('keeps to a rate, and stops when told to', async () => {
    const { log, run } = world();
    for (let i = 0; i < 50; i++) setAside(log, { key: `m${i}` });
    const waits: number[] = [];
    const clock = {
      ...systemClock,
      monotonic: () => 0,
      sleep: async (ms: number) => void waits.push(ms),
    };
    const stop = new AbortController();
    const report = await run({
      rate: 100,
      clock,
      signal: stop.signal,
      onProgress: (so) => putInAll(so) === 30 && stop.abort(),
    });
    expect(putInAll(report)).toBe(30);
    expect(waits).toEqual([100, 200]);
    expect(putInAll(await run())).toBe(20);
  });
});

describe('dead letters', () => {
  test('are found by reason, topic and time; what others wrote is passed over', async () => {
    const { log, found } = world();
    setAside(log, { key: 'a', reason: 'not-avro', timestamp: 1_000 });
    setAside(log, { key: 'b', reason: 'key-mismatch', timestamp: 2_000 });
    setAside(log, { key: 'c', topic: 't.mta.relayed', timestamp: 3_000 });
    log.append(LETTERS, 0, { key: null, value: Buffer.from('foreign') });
    const keys = async (filter: Partial<LetterFilter>) =>
      (await found({ ...ALL, ...filter })).map(({ letter }) => String(letter.record.key)).sort();
    expect(await keys({})).toEqual(['a', 'b', 'c']);
    expect(await keys({ reasons: ['key-mismatch'] })).toEqual(['b']);
    expect(await keys({ topics: ['mta.relayed'] })).toEqual(['c']);
    expect(await keys({ since: 2_000, until: 3_000 })).toEqual(['b']);
  });

  test('are found by their place', async () => {
    const { log, reader } = world();
    setAside(log, { key: 'a' });
    log.append(LETTERS, 1, { key: null, value: Buffer.from('foreign') });
    const at = (partition: number, offset: number) =>
      deadLetterAt({ reader, prefix: PREFIX }, partition, offset);
    expect((await at(1, 0))?.letter.record.key).toEqual(Buffer.from('a'));
    expect([await at(1, 1), await at(1, 9), await at(7, 0)]).toEqual([null, null, null]);
  });

  test('put back while they are read do not come again in the same run', async () => {
    const { log, run } = world();
    setAside(log, {});
    const report = await run({ onProgress: () => setAside(log, { key: 'late' }) });
    expect(putInAll(report)).toBe(1);
    const last = held(log, LETTERS, 1).at(-1);
    expect(last).not.toBeNull();
    expect(readDeadLetter({ ...(last as object), headers: () => last?.headers ?? [] } as never).kind).toBe(
      'letter',
    );
  });
});
