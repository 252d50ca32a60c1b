import type { Clock } from '../../src/base/clock';
import { grouped, progress } from '../../src/cli/progress';
import { produce, type ProduceOptions } from '../../src/simulation/produce';
import { partitionOf } from '../../src/log/partitioner';
import { FEEDBACK_TOPICS } from '../../src/feedback/topics';
import type { OutgoingRecord } from '../../src/log/sink';
import { wireEncoder } from '../../src/feedback/encode';
import { ORDINARY_TRAFFIC, traffic } from '../../src/simulation/traffic';

const encode = wireEncoder({ Relayed: 1, Delivered: 2, HardBounced: 3, SoftBounced: 4, RetryOutcome: 5 });
const limits = { maxValueBytes: 4096, maxHeaders: 8 };
const records = (messages = 3000, poison = 0) => [
  ...traffic({ ...ORDINARY_TRAFFIC, messages, poison, limits }, encode),
];

/** A clock whose sleep takes no time but on its own face. */
function fakeClock(): Clock {
  let now = 0;
  const sleep = async (ms: number): Promise<void> => void (now += ms);
  return { now: () => now, monotonic: () => now, sleep };
}

function setUp(options: Partial<ProduceOptions> = {}) {
  const batches: OutgoingRecord[][] = [];
  const sink = {
    emit: async (batch: readonly OutgoingRecord[]) => void batches.push([...batch]),
    close: async () => undefined,
  };
  const abort = new AbortController();
  const clock = fakeClock();
  const all = {
    sink,
    partitions: 4,
    rate: 0,
    clock,
    signal: abort.signal,
    onProgress: () => undefined,
    ...options,
  };
  return { batches, abort, clock, options: all };
}

describe('produce', () => {
  test('sends every record in order, to its topic, in the partition of its key', async () => {
    const { batches, options } = setUp();
    const given = records();
    const produced = await produce(given, options);
    const sent = batches.flat();
    expect(sent.map(({ value }) => value)).toEqual(given.map(({ value }) => value));
    expect(sent.map(({ topic }) => topic)).toEqual(given.map(({ topic }) => FEEDBACK_TOPICS[topic]?.topic));
    expect(sent.every(({ key, partition }) => partition === partitionOf(key as Buffer, 4))).toBe(true);
    expect(produced.records).toBe(given.length);
    expect(produced.byTopic.reduce((sum, count) => sum + count)).toBe(given.length);
    expect(produced.bytes).toBe(given.reduce((sum, { value }) => sum + (value?.length ?? 0), 0));
  });

  test('misplaces what is to be misplaced, and leaves it out where there is one partition only', async () => {
    const given = records(2000, 0.2);
    const misplaced = given.filter((record) => record.misplaced).length;
    expect(misplaced).toBeGreaterThan(0);
    const four = setUp();
    await produce(given, four.options);
    const wrong = four.batches
      .flat()
      .filter(({ key, partition }) => key !== null && partition !== partitionOf(key, 4));
    expect(wrong).toHaveLength(misplaced);
    const one = setUp({ partitions: 1 });
    expect((await produce(given, one.options)).records).toBe(given.length - misplaced);
  });

  test('keeps to the rate', async () => {
    const { clock, options } = setUp({ rate: 1000 });
    const produced = await produce(records(), options);
    expect(clock.now()).toBeGreaterThan((produced.records / 1000) * 1000 * 0.95);
    expect(clock.now()).toBeLessThan((produced.records / 1000) * 1000 * 1.05);
  });

  test('stops after the batch at hand when it is called off, and says what was acknowledged', async () => {
    const { batches, abort, options } = setUp({ rate: 1000 });
    const produced = await produce(records(), { ...options, onProgress: () => abort.abort() });
    expect(produced.records).toBe(batches.flat().length);
    expect(batches.length).toBeLessThanOrEqual(2);
  });

  test('fails with what the sink fails with, and counts only what was acknowledged', async () => {
    const failing = { emit: () => Promise.reject(new Error('no broker')), close: async () => undefined };
    let told = 0;
    const { options } = setUp({ sink: failing, onProgress: () => void told++ });
    await expect(produce(records(), options)).rejects.toThrow('no broker');
    expect(told).toBe(0);
  });
});

describe('progress', () => {
  const run = (isTTY: boolean): string => {
    const clock = fakeClock();
    let text = '';
    const stream = { isTTY, write: (more: string) => void (text += more) };
    const bar = progress(stream, { total: 1000, what: 'records', clock });
    for (const done of [100, 500, 2000]) {
      void clock.sleep(6000);
      bar.at(done);
      bar.at(done);
    }
    bar.end();
    return text;
  };

  test('is plain lines where there is no terminal, one at a time', () => {
    expect(run(false)).toBe(
      '10 %  100 records  17/s  54 s left\n50 %  500 records  42/s  12 s left\n100 %  2,000 records  111/s\n',
    );
  });

  test('is a bar on a terminal that never passes its end', () => {
    expect(run(true)).toMatch(/\r\[#{3} {27}\] 10 %.*\r\[#{15} {15}\] 50 %.*\r\[#{30}\] 100 %/s);
  });

  test('groups digits', () => {
    expect([0, 999, 1000, 1234567.4].map(grouped)).toEqual(['0', '999', '1,000', '1,234,567']);
  });
});
