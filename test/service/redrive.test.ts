import { systemClock } from '../../src/base/clock';
import { deadLetterHeaders, readDeadLetter } from '../../src/feedback/dead-letter';
import type { DeadLetterReason } from '../../src/feedback/decode';
import type { Cut } from '../../src/feedback/kept';
import { type MemoryLog, memoryLog } from '../../src/log/log.memory';
import { partitionOf } from '../../src/log/partitioner';
import { memoryReader } from '../../src/log/source.memory';
import { memorySink } from '../../src/log/sink.memory';
import { redriveLines } from '../../src/cli/letters';
import {
  deadLetterAt,
  deadLetters,
  type LetterFilter,
  totalRedriven,
  redrive,
  type RedriveOptions,
} from '../../src/service/redrive';

const PREFIX = 't.';
const LETTERS = 't.efs.dead-letter';
const ALL: LetterFilter = { reasons: [], topics: [], since: 0, until: Infinity };
const own = [{ name: Buffer.from('trace'), value: Buffer.from('x') }];

/** Dead-letters a record as the status pipeline does. */
function addDeadLetter(
  log: MemoryLog,
  letter: {
    key?: string;
    reason?: DeadLetterReason;
    topic?: string;
    partition?: number;
    timestamp?: number;
    headers?: typeof own;
    cuts?: readonly Cut[];
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
  const headers = deadLetterHeaders(letter.headers ?? own, { reason, detail: 'why', origin }, letter.cuts);
  const lettersPartition = partition % 3;
  log.append(LETTERS, lettersPartition, {
    key: Buffer.from(key),
    value: Buffer.from([1, 2]),
    headers,
    timestamp,
  });
}

const recordsIn = (log: MemoryLog, topic: string, partition: number) => {
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

describe('a redrive', () => {
  test('writes key, value and own headers to the partition of origin, with a header for the dead letter', async () => {
    const { log, run } = world();
    addDeadLetter(log, {});
    const report = await run();
    expect([...report.put]).toEqual([['mta.delivered', 1]]);
    const [back] = recordsIn(log, 't.mta.delivered', 1);
    expect(back).toMatchObject({ key: Buffer.from('m'), value: Buffer.from([1, 2]) });
    expect(back?.headers?.map(({ name, value }) => `${name}=${value}`)).toEqual([
      'trace=x',
      `efs.redriven-from=${LETTERS}/1/0`,
    ]);
    // A new timestamp: retention counts from now.
    expect(back?.timestamp).toBeUndefined();
  });

  test('skips truncated letters, and says so', async () => {
    const { log, run } = world();
    addDeadLetter(log, { key: 'cut', cuts: [{ part: 'value', length: 5_242_880, sha256: 'ab' }] });
    addDeadLetter(log, { key: 'whole' });
    const report = await run();
    expect([totalRedriven(report), report.truncated]).toEqual([1, 1]);
    expect(recordsIn(log, 't.mta.delivered', 1).map((record) => String(record?.key))).toEqual(['whole']);
    expect(redriveLines(report, false)).toContainEqual(expect.stringContaining('1 skipped: truncated'));
  });

  test('redrives each dead letter once, also in a second run', async () => {
    const { log, run, found } = world();
    for (let i = 0; i < 1_200; i++) addDeadLetter(log, { key: `m${i}` });
    expect(totalRedriven(await run())).toBe(1_200);
    const second = await run();
    expect([totalRedriven(second), second.already]).toEqual([0, 1_200]);
    expect(recordsIn(log, 't.mta.delivered', 1)).toHaveLength(1_200);
    expect((await found()).every(({ redriven }) => redriven)).toBe(true);
  });

  test('redrives a record that was dead-lettered again only with `again`', async () => {
    const { log, run } = world();
    addDeadLetter(log, {});
    await run();
    const [back] = recordsIn(log, 't.mta.delivered', 1);
    addDeadLetter(log, { headers: [...(back?.headers ?? [])] as typeof own });
    const second = await run();
    expect([totalRedriven(second), second.already, second.again]).toEqual([0, 1, 1]);
    const third = await run({ again: true });
    expect([totalRedriven(third), third.again]).toEqual([1, 0]);
    expect(recordsIn(log, 't.mta.delivered', 1).at(-1)?.headers).toHaveLength(2);
  });

  test('only counts in a dry run', async () => {
    const { log, run, found } = world();
    addDeadLetter(log, {});
    expect(totalRedriven(await run({ dryRun: true }))).toBe(1);
    expect(recordsIn(log, 't.mta.delivered', 1)).toEqual([]);
    expect((await found())[0]?.redriven).toBe(false);
  });

  test('refuses origins that are not input topics, and partitions that do not exist', async () => {
    const { log, run } = world();
    addDeadLetter(log, { topic: 't.foreign.topic' });
    addDeadLetter(log, { topic: 'mta.delivered' });
    addDeadLetter(log, { partition: 4 });
    const report = await run();
    expect([totalRedriven(report), report.homeless]).toEqual([0, 3]);
    expect(log.watermarks('t.foreign.topic', 1)).toEqual({ low: 0, high: 0 });
  });

  test('writes to the partition of the key with `byKey`', async () => {
    const { log, run } = world();
    const ofKey = partitionOf(Buffer.from('m'), 3);
    addDeadLetter(log, { partition: (ofKey + 1) % 3, reason: 'wrong-partition' });
    await run({ byKey: true });
    expect(recordsIn(log, 't.mta.delivered', ofKey)).toHaveLength(1);
  });

  test('keeps to its rate, and stops at an abort', async () => {
    const { log, run } = world();
    for (let i = 0; i < 50; i++) addDeadLetter(log, { key: `m${i}` });
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
      onProgress: (report) => totalRedriven(report) === 30 && stop.abort(),
    });
    expect(totalRedriven(report)).toBe(30);
    expect(waits).toEqual([100, 200]);
    expect(totalRedriven(await run())).toBe(20);
  });
});

describe('dead letters', () => {
  test('are found by reason, topic and time, without foreign records', async () => {
    const { log, found } = world();
    addDeadLetter(log, { key: 'a', reason: 'not-avro', timestamp: 1_000 });
    addDeadLetter(log, { key: 'b', reason: 'key-mismatch', timestamp: 2_000 });
    addDeadLetter(log, { key: 'c', topic: 't.mta.relayed', timestamp: 3_000 });
    log.append(LETTERS, 0, { key: null, value: Buffer.from('foreign') });
    const keys = async (filter: Partial<LetterFilter>) =>
      (await found({ ...ALL, ...filter })).map(({ letter }) => String(letter.record.key)).sort();
    expect(await keys({})).toEqual(['a', 'b', 'c']);
    expect(await keys({ reasons: ['key-mismatch'] })).toEqual(['b']);
    expect(await keys({ topics: ['mta.relayed'] })).toEqual(['c']);
    expect(await keys({ since: 2_000, until: 3_000 })).toEqual(['b']);
  });

  test('are found by partition and offset', async () => {
    const { log, reader } = world();
    addDeadLetter(log, { key: 'a' });
    log.append(LETTERS, 1, { key: null, value: Buffer.from('foreign') });
    const at = (partition: number, offset: number) =>
      deadLetterAt({ reader, prefix: PREFIX }, partition, offset);
    expect((await at(1, 0))?.letter.record.key).toEqual(Buffer.from('a'));
    expect([await at(1, 1), await at(1, 9), await at(7, 0)]).toEqual([null, null, null]);
  });

  test('that are added during a redrive are not redriven in the same run', async () => {
    const { log, run } = world();
    addDeadLetter(log, {});
    const report = await run({ onProgress: () => addDeadLetter(log, { key: 'added' }) });
    expect(totalRedriven(report)).toBe(1);
    const last = recordsIn(log, LETTERS, 1).at(-1);
    expect(last).not.toBeNull();
    expect(readDeadLetter({ ...(last as object), headers: () => last?.headers ?? [] } as never).kind).toBe(
      'letter',
    );
  });
});
