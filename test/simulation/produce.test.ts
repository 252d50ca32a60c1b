import { produce, type ProduceOptions } from '../../src/simulation/produce';
import { partitionOf } from '../../src/log/partitioner';
import { FEEDBACK_TOPICS } from '../../src/feedback/topics';
import type { OutgoingRecord } from '../../src/log/sink';
import { wireEncoder } from '../../src/feedback/encode';
import { ORDINARY_TRAFFIC, traffic } from '../../src/simulation/traffic';
import { fakeClock } from '../support/clock';

const encode = wireEncoder({
  Relayed: 1,
  Delivered: 2,
  HardBounced: 3,
  SoftBounced: 4,
  RetryOutcome: 5,
  Complained: 6,
});
const limits = { maxValueBytes: 4096, maxHeaders: 8 };
const records = (messages = 3000, poison = 0) => [
  ...traffic({ ...ORDINARY_TRAFFIC, messages, poison, limits }, encode),
];

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

  test('sends misplaced records to another partition, and omits them with one partition', async () => {
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

  test('sends at the given rate', async () => {
    const { clock, options } = setUp({ rate: 1000 });
    const produced = await produce(records(), options);
    expect(clock.now()).toBeGreaterThan((produced.records / 1000) * 1000 * 0.95);
    expect(clock.now()).toBeLessThan((produced.records / 1000) * 1000 * 1.05);
  });

  test('stops within one batch after an abort, and returns the acknowledged count', async () => {
    const { batches, abort, options } = setUp({ rate: 1000 });
    const produced = await produce(records(), { ...options, onProgress: () => abort.abort() });
    expect(produced.records).toBe(batches.flat().length);
    expect(batches.length).toBeLessThanOrEqual(2);
  });

  test('fails with the sink’s error, and reports no progress for unacknowledged records', async () => {
    const failing = { emit: () => Promise.reject(new Error('no broker')), close: async () => undefined };
    let reports = 0;
    const { options } = setUp({ sink: failing, onProgress: () => void reports++ });
    await expect(produce(records(), options)).rejects.toThrow('no broker');
    expect(reports).toBe(0);
  });
});
