import { domainGroups } from '../../src/kpi/domains';
import type { Decoder } from '../../src/feedback/decode';
import type { Feedback } from '../../src/feedback/feedback';
import { SCHEMAS } from '../../src/feedback/schemas';
import { type Contribution, wireType } from '../../src/kpi/encode';
import { emptySum } from '../../src/kpi/publish';
import type { LogRecord } from '../../src/log/source';
import { lateDecoder } from '../../src/pipeline/late-records';
import { messageCache } from '../../src/pipeline/message-cache';
import { statusMemory } from '../../src/pipeline/status';
import type { TaskAddress } from '../../src/store/store';
import { feedback } from '../support/feedback';

const contribution = wireType<Contribution>(SCHEMAS.Contribution, 1);
const ADDRESS: TaskAddress = { stateId: 3, pipeline: 'status', partition: 1 };
/** Retired with 10 records of the first topic counted, none of the second, and 7 of the third. */
const FROM = { 0: 10, 1: 0, 2: 7 };

const record = (deliveryId: string, offset: number, topic = 0): LogRecord => ({
  ...{ topic, partition: 1, offset, timestamp: 0, key: null, headerCount: 0 },
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

/** A decoder, and the contributions of its task: `retire` replaces one by that of a retired delivery. */
function given() {
  const stored = new Map<string, Contribution>();
  const lookedUp: string[][] = [];
  const tasks = new Set<TaskAddress>();
  const memory = statusMemory(messageCache());
  const rules = {
    ...{ stateId: 3, generation: 3, partition: 1, partitions: 2, buckets: 1, defaultPolicy: 'EFS' as const },
    ...{ groups: domainGroups([]), contribution, statusChanged: null, retryOutcome: null as never },
  };
  const decoder = lateDecoder(decode, {
    ...{ address: ADDRESS, rules, memory },
    store: {
      load: async (task, reads) => {
        tasks.add(task);
        const ids = reads.flatMap(({ fields }) => Array.from(fields, String));
        lookedUp.push(ids);
        return [ids.map((id) => (stored.has(id) ? contribution.encode(stored.get(id)!) : null))];
      },
    },
  });
  const run = async (...records: LogRecord[]) => {
    const { inputs, rejected } = await decoder(records);
    return {
      inputs: inputs.map(({ deliveryId }) => deliveryId),
      rejected: rejected.map(({ record: { offset, topic }, reason }) => [topic, offset, reason]),
    };
  };
  const retire = (id: string, retiredFrom: Contribution['retiredFrom'] = FROM): void => {
    stored.set(id, { ...emptySum(id, 3), partition: 1, retiredFrom });
    memory.open.drop(id);
  };
  return { run, retire, stored, lookedUp, tasks };
}

describe('feedback on a retired delivery', () => {
  it('is rejected at or beyond the offsets from which it is late, and passed over below them, by topic', async () => {
    const { run, retire } = given();
    retire('old');
    const offsets = [
      [0, 9],
      [0, 10],
      [0, 11],
      [1, 0],
      [2, 6],
      [2, 7],
    ] as const;
    expect(await run(...offsets.map(([topic, offset]) => record('old', offset, topic)))).toEqual({
      inputs: [],
      rejected: [
        [0, 10, 'retired-delivery'],
        [0, 11, 'retired-delivery'],
        [1, 0, 'retired-delivery'],
        [2, 7, 'retired-delivery'],
      ],
    });
  });

  it('is late at any offset of a topic that the service did not read when it was retired', async () => {
    const { run, retire } = given();
    retire('old');
    expect(await run(record('old', 0, 5))).toEqual({ inputs: [], rejected: [[5, 0, 'retired-delivery']] });
  });

  it('is rejected with its record, in the order of the batch; other records are decoded as usual', async () => {
    const { run, retire } = given();
    retire('old');
    expect(
      await run(record('new', 11), record('old', 12), record('', 13), record('old', 14), record('new', 15)),
    ).toEqual({
      inputs: ['new', 'new'],
      rejected: [
        [0, 12, 'retired-delivery'],
        [0, 13, 'not-avro'],
        [0, 14, 'retired-delivery'],
      ],
    });
  });
});

describe('the look-up of retired deliveries', () => {
  it('is done once per delivery in the task’s own state, not per record or batch', async () => {
    const { run, lookedUp, tasks } = given();
    await run(record('a', 1), record('a', 2), record('b', 3), record('a', 4));
    await run(record('b', 5), record('a', 6));
    expect(lookedUp).toEqual([['a', 'b']]);
    expect([...tasks]).toEqual([ADDRESS]);
  });

  it('is done for every batch once the delivery is retired, and not where its batch has no unknown one', async () => {
    const { run, lookedUp, retire } = given();
    await run(record('a', 1));
    retire('old');
    await run(record('old', 11));
    await run(record('old', 12), record('a', 13));
    await run(record('a', 14));
    expect(lookedUp).toEqual([['a'], ['old'], ['old']]);
  });

  it('finds a delivery that is retired after it was found to be open', async () => {
    const { run, retire } = given();
    expect((await run(record('old', 9))).inputs).toEqual(['old']);
    retire('old');
    expect((await run(record('old', 10))).rejected).toEqual([[0, 10, 'retired-delivery']]);
  });

  it('finds no delivery whose contribution is stored and not retired', async () => {
    const { run, stored } = given();
    stored.set('d', { ...emptySum('d', 3), revision: 3 });
    expect(await run(record('d', 99))).toEqual({ inputs: ['d'], rejected: [] });
  });
});
