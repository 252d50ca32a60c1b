import { boundedCache } from '../../src/base/bounded-cache';
import type { Decoder } from '../../src/feedback/decode';
import type { Feedback } from '../../src/feedback/feedback';
import type { LogRecord } from '../../src/log/source';
import { lateDecoder } from '../../src/pipeline/late-records';
import { retiredAmong } from '../../src/pipeline/retention';
import { encodeRetirement, type Retirement } from '../../src/store/retired';
import type { Store } from '../../src/store/store';
import { virtualClock } from '../support/clock';
import { feedback } from '../support/feedback';

/** Retired later than the time up to which all feedback was counted. */
const RETIRED: Retirement = { at: 1_000, asOf: 900 };

const record = (deliveryId: string, offset: number, timestamp = RETIRED.at): LogRecord => ({
  ...{ topic: 0, partition: 0, offset, timestamp, key: null, headerCount: 0 },
  value: Buffer.from(deliveryId),
  headers: () => [],
});

/** Decodes a value as a delivery's id; an empty value is rejected. */
const decode: Decoder<Feedback> = async (records) => ({
  inputs: records
    .filter(({ value }) => value!.length > 0)
    .map(({ value }) => feedback.relayed({ deliveryId: value!.toString() })),
  rejected: records
    .filter(({ value }) => value!.length === 0)
    .map((each) => ({ record: each, reason: 'not-avro' as const, detail: '' })),
});

/** A decoder at partition 0 of two, of a generation with or without a predecessor. `retired` may be changed. */
function given({ hasPredecessor = false, catchUpOffsets = [[10], [0]] } = {}) {
  const retired = new Set<string>();
  const lookedUp: string[][] = [];
  const clock = virtualClock();
  const timerIndex = new Set<string>(['old', 'new']);
  const store: Pick<Store, 'load'> = {
    load: async (_, reads) => {
      const ids = reads.flatMap(({ fields }) => Array.from(fields, String));
      lookedUp.push(ids);
      return [ids.map((id) => (retired.has(id) ? encodeRetirement(RETIRED) : null))];
    },
  };
  const decoder = lateDecoder(decode, {
    ...{ store, clock, timerIndex, activeUntil: boundedCache<number>(10_000) },
    address: { stateId: 3, pipeline: 'status', partition: 0 },
    manifest: { stateId: 3, partitions: 2, hasPredecessor, catchUpOffsets },
  });
  const run = async (...records: LogRecord[]) => {
    const { inputs, rejected } = await decoder(records);
    return {
      inputs: inputs.map(({ deliveryId }) => deliveryId),
      rejected: rejected.map(({ record: { offset }, reason }) => [offset, reason]),
    };
  };
  return { run, retired, lookedUp, clock, timerIndex };
}

describe('feedback on a retired delivery', () => {
  it('is rejected with its record, in the order of the batch; other records are decoded as usual', async () => {
    const { run, retired } = given();
    retired.add('old');
    expect(
      await run(record('new', 1), record('old', 2), record('', 3), record('old', 4), record('new', 5)),
    ).toEqual({
      inputs: ['new', 'new'],
      rejected: [
        [2, 'retired-delivery'],
        [3, 'not-avro'],
        [4, 'retired-delivery'],
      ],
    });
  });

  it('removes the delivery from the timer index', async () => {
    const { run, retired, timerIndex } = given();
    retired.add('old');
    await run(record('old', 1), record('new', 2));
    expect([...timerIndex]).toEqual(['new']);
  });

  it('is skipped where the predecessor has counted it', async () => {
    const { run, retired } = given({ hasPredecessor: true });
    retired.add('old');
    const before = RETIRED.asOf - 1;
    const records = [
      record('old', 9, before),
      record('old', 9, RETIRED.asOf),
      record('old', 10, before),
      record('old', 10, RETIRED.asOf),
    ];
    expect((await run(...records)).rejected).toEqual([
      [9, 'retired-delivery'],
      [10, 'retired-delivery'],
      [10, 'retired-delivery'],
    ]);
  });

  it('is never skipped without a predecessor', async () => {
    const { run, retired } = given({ hasPredecessor: false });
    retired.add('old');
    expect((await run(record('old', 9, 0))).rejected).toHaveLength(1);
  });
});

describe('the look-up of retired deliveries', () => {
  it('is done once in ten minutes per delivery, not per record or batch', async () => {
    const { run, lookedUp, clock } = given();
    await run(record('a', 1), record('a', 2), record('b', 3), record('a', 4));
    await run(record('b', 5), record('a', 6));
    expect(lookedUp.flat().sort()).toEqual(['a', 'b']);
    clock.advance(599_999);
    await run(record('a', 7));
    expect(lookedUp.flat()).toHaveLength(2);
    clock.advance(1);
    await run(record('a', 8));
    expect(lookedUp.flat()).toHaveLength(3);
  });

  it('is done for every batch once the delivery is retired', async () => {
    const { run, lookedUp, retired } = given();
    retired.add('old');
    await run(record('old', 1));
    await run(record('old', 2));
    expect(lookedUp.flat()).toEqual(['old', 'old']);
  });

  it('is done in the kpi tasks that own the deliveries', async () => {
    const tasks: string[] = [];
    const load: Store['load'] = async ({ stateId, pipeline, partition }, reads) => {
      tasks.push(`${stateId} ${pipeline} ${partition}`);
      return reads.map(({ fields }) => Array.from(fields, () => encodeRetirement(RETIRED)));
    };
    const ids = ['a', 'b', 'c', 'd', 'e', 'f'];
    const retired = await retiredAmong({ load }, { stateId: 3, partitions: 2 }, ids);
    expect([...retired.keys()].sort()).toEqual(ids);
    expect(tasks.sort()).toEqual(['3 kpi 0', '3 kpi 1']);
  });
});
