import { SCHEMAS } from '../../src/feedback/schemas';
import { RETIRED_TOPIC } from '../../src/feedback/topics';
import { takeOverRetirements } from '../../src/generations/former-retirements';
import { type Contribution, wireType } from '../../src/kpi/encode';
import { emptySum } from '../../src/kpi/publish';
import { partitionOf } from '../../src/log/partitioner';
import type { OutgoingRecord } from '../../src/log/sink';
import {
  CONTRIBUTIONS_HASH,
  FORMER_RETIRED_HASH,
  numberField,
  sharesHash,
  SUMS_HASH,
} from '../../src/store/hashes';
import { memoryStore } from '../../src/store/store.memory';
import type { Manifest, Store, TaskAddress } from '../../src/store/store';
import { formerRecord, writeState } from '../support/state';

const PARTITIONS = 2;
const POSITIONS = [
  [30, 20],
  [31, 21],
];
const contribution = wireType<Contribution>(SCHEMAS.Contribution, 0);
const manifest: Manifest = {
  ...{ stateId: 3, generation: 5, partitions: PARTITIONS, predecessor: null },
  ...{ defaultPolicy: 'EFS', domainGroups: 'none', buckets: 1, contributionsFrom: [] },
  topicIds: { 'mta.relayed': 'an id' },
};
/** One whose kpi task is that of partition 0, and one of partition 1. */
const [OLD, OTHER] = [0, 1].map((home) => namesOf(home, 1)[0]) as [string, string];

function namesOf(home: number, count: number): string[] {
  const names = Array.from({ length: 20 * count }, (_, index) => `delivery-${index}`);
  return names.filter((id) => partitionOf(Buffer.from(id), PARTITIONS) === home).slice(0, count);
}

/** What a delivery has in a partition: how many records its status task has counted, and the kpi task of it; null: nothing is stored. */
interface Held {
  readonly status: number | null;
  readonly kpi: number | null;
}

const share = (id: string, partition: number, records: number): Contribution => ({
  ...emptySum(id, manifest.stateId),
  ...{ partition, revision: records, relayed: records, asOf: records, folded: { 0: records } },
});
const stored = (id: string, partition: number, records: number | null): Buffer | null =>
  records === null ? null : formerRecord('Contribution', 1, share(id, partition, records));
const addressOf = (pipeline: TaskAddress['pipeline'], partition: number): TaskAddress => ({
  ...{ stateId: manifest.stateId, pipeline, partition },
});

/** A state of 0.1 without deliveries, and what is published from it. */
async function given() {
  const store = memoryStore();
  await store.create(manifest, { status: POSITIONS, kpi: [[7], [8]] });
  const published: OutgoingRecord[] = [];
  const emit = async (records: readonly OutgoingRecord[]): Promise<void> => void published.push(...records);
  const deps = { store, sink: { emit }, contribution, retiredTopic: RETIRED_TOPIC };
  const put = (task: TaskAddress, hash: string, field: string | number, value: Buffer | null) => {
    const name = typeof field === 'number' ? numberField(field) : Buffer.from(field);
    return writeState(store, task, [{ hash, entries: [[name, value]] }]);
  };
  return { store, published, deps, put };
}
type Given = Awaited<ReturnType<typeof given>>;

/** Adds a retired delivery with a sum of so many records; null: it was deleted. */
async function addRetired(
  { put }: Given,
  id: string,
  sum: number | null,
  held: readonly Held[],
): Promise<void> {
  const kpi = addressOf('kpi', partitionOf(Buffer.from(id), PARTITIONS));
  await put(kpi, FORMER_RETIRED_HASH, id, Buffer.from('1764000000000/1763990000000'));
  await put(kpi, SUMS_HASH, id, stored(id, 0, sum));
  for (const [partition, each] of held.entries()) {
    await put(kpi, sharesHash(id), partition, stored(id, partition, each.kpi));
    await put(addressOf('status', partition), CONTRIBUTIONS_HASH, id, stored(id, partition, each.status));
  }
}

const counted = (...records: readonly number[]): Held[] =>
  records.map((each) => ({ status: each, kpi: each }));

/** `<delivery>/<partition>`, the contribution and from where on feedback is late. */
const shown = ({ topic, partition, key, value }: OutgoingRecord) => {
  const { retiredFrom, ...last } = contribution.decode(value!);
  return { topic, place: `${String(key)}/${partition}`, last: { ...last, retiredFrom: null }, retiredFrom };
};
const retirement = (id: string, partition: number, records: number) => ({
  ...{ topic: RETIRED_TOPIC, place: `${id}/${partition}` },
  last: records === 0 ? { ...emptySum(id, manifest.stateId), partition } : share(id, partition, records),
  retiredFrom: { ...POSITIONS[partition] },
});
/** How many records each published contribution counts, in the order of partitions. */
const countsOf = (published: readonly OutgoingRecord[]): number[] =>
  published.map((each) => shown(each).last.revision);

describe('the take-over of deliveries that a state of 0.1 has retired', () => {
  it('publishes each once per partition: its last contribution, and the positions of the status task', async () => {
    const state = await given();
    await addRetired(state, OLD, 11, counted(4, 7));
    await addRetired(state, OTHER, 3, counted(1, 2));
    await state.put(addressOf('status', 0), CONTRIBUTIONS_HASH, 'open', stored('open', 0, 9));
    expect(await takeOverRetirements(state.deps, manifest)).toBe(2);
    expect(state.published.map(shown)).toEqual([
      retirement(OLD, 0, 4),
      retirement(OLD, 1, 7),
      retirement(OTHER, 0, 1),
      retirement(OTHER, 1, 2),
    ]);
  });

  it('publishes empty contributions of a delivery whose sum was deleted, also of what status tasks still have', async () => {
    const state = await given();
    await addRetired(state, OLD, null, [
      { status: 4, kpi: null },
      { status: null, kpi: null },
    ]);
    expect(await takeOverRetirements(state.deps, manifest)).toBe(1);
    expect(state.published.map(shown)).toEqual([retirement(OLD, 0, 0), retirement(OLD, 1, 0)]);
  });

  it('does so where the sum is there again, because one of its partitions has adopted an empty contribution', async () => {
    const state = await given();
    await addRetired(state, OLD, 0, [
      { status: null, kpi: null },
      { status: 4, kpi: null },
    ]);
    const adopted = { ...share(OLD, 0, 0), retiredFrom: { 0: 30, 1: 20 } };
    await state.put(addressOf('status', 0), CONTRIBUTIONS_HASH, OLD, contribution.encode(adopted));
    await state.put(addressOf('kpi', 0), sharesHash(OLD), 0, Buffer.alloc(0));
    await takeOverRetirements(state.deps, manifest);
    expect(state.published.map(shown)).toEqual([retirement(OLD, 1, 0)]);
  });

  it.each<[string, Held, number]>([
    ['the one that both have', { status: 4, kpi: 4 }, 4],
    ['that of the kpi task, where the status task has deleted its own', { status: null, kpi: 4 }, 4],
    ['that of the status task, where the kpi task has not read it yet', { status: 6, kpi: 4 }, 6],
    ['that of the status task, where the kpi task has none', { status: 6, kpi: null }, 6],
    ['that of the kpi task, where the status task has an older copy', { status: 2, kpi: 4 }, 4],
    ['an empty one, where neither has one', { status: null, kpi: null }, 0],
  ])('takes for the last contribution %s', async (_, held, last) => {
    const state = await given();
    await addRetired(state, OLD, 9, [held, { status: 5, kpi: 5 }]);
    await takeOverRetirements(state.deps, manifest);
    expect(state.published.map(shown)).toEqual([retirement(OLD, 0, last), retirement(OLD, 1, 5)]);
  });

  it('takes that of the status task where the share of the kpi task is stored empty', async () => {
    const state = await given();
    await addRetired(state, OLD, 9, counted(4, 5));
    await state.put(addressOf('kpi', 0), sharesHash(OLD), 0, Buffer.alloc(0));
    await takeOverRetirements(state.deps, manifest);
    expect(countsOf(state.published)).toEqual([4, 5]);
  });

  it('skips the partitions that have adopted a retirement, and counts no delivery that is retired in all of them', async () => {
    const state = await given();
    await addRetired(state, OLD, 9, counted(4, 5));
    const adopt = (partition: number, records: number) => {
      const adopted = contribution.encode({ ...share(OLD, partition, records), retiredFrom: { 0: 1 } });
      return state.put(addressOf('status', partition), CONTRIBUTIONS_HASH, OLD, adopted);
    };
    await adopt(1, 5);
    expect(await takeOverRetirements(state.deps, manifest)).toBe(1);
    expect(state.published.map(shown)).toEqual([retirement(OLD, 0, 4)]);
    await adopt(0, 4);
    expect(await takeOverRetirements(state.deps, manifest)).toBe(0);
    expect(state.published).toHaveLength(1);
  });

  it('reads contribution and positions of one moment, where an earlier worker goes on meanwhile', async () => {
    const state = await given();
    await addRetired(state, OLD, 25, counted(20, 5));
    const task = addressOf('status', 0);
    /** Folds one more record of the delivery, at every read: as many as the first position is beyond 10. */
    const fold = async (): Promise<void> => {
      const records = (await state.store.inspect(task))!.positions[0]! - 10 + 1;
      const write = {
        hash: CONTRIBUTIONS_HASH,
        entries: [[Buffer.from(OLD), stored(OLD, 0, records)]] as const,
      };
      await writeState(state.store, task, [write], ([first, ...rest]) => [first! + 1, ...rest]);
    };
    const afterFold =
      <Args extends unknown[], T>(read: (...args: Args) => Promise<T>) =>
      async (...args: Args): Promise<T> => {
        await fold();
        return read(...args);
      };
    const { load, loadAt, inspect, scan } = state.store;
    const store: Pick<Store, 'load' | 'loadAt' | 'inspect' | 'scan'> = {
      ...{ load: afterFold(load), loadAt: afterFold(loadAt), inspect: afterFold(inspect), scan },
    };
    await takeOverRetirements({ ...state.deps, store }, manifest);
    const [{ last, retiredFrom }] = state.published.map(shown) as [ReturnType<typeof shown>];
    expect(last.revision).toBeGreaterThan(20);
    expect(retiredFrom?.[0]).toBe(last.revision + 10);
  });

  it('does nothing where the manifest knows their topic, by its name in Kafka', async () => {
    const state = await given();
    await addRetired(state, OLD, 9, counted(4, 5));
    const deps = { ...state.deps, retiredTopic: `tenant.${RETIRED_TOPIC}` };
    const knowing = (topic: string): Manifest => ({
      ...manifest,
      topicIds: { ...manifest.topicIds, [topic]: 'id' },
    });
    expect(await takeOverRetirements(deps, knowing(`tenant.${RETIRED_TOPIC}`))).toBe(0);
    expect(state.published).toEqual([]);
    expect(await takeOverRetirements(deps, knowing(RETIRED_TOPIC))).toBe(1);
  });

  it('publishes those of a manifest that knows no topics', async () => {
    const state = await given();
    await addRetired(state, OLD, 9, counted(4, 5));
    const { topicIds: _, ...former } = manifest;
    expect(await takeOverRetirements(state.deps, former)).toBe(1);
  });
});

describe('the take-over of more deliveries than are published at once', () => {
  const ids = [...namesOf(0, 130), ...namesOf(1, 120)];
  const all = async (): Promise<Given> => {
    const state = await given();
    for (const [index, id] of ids.entries()) await addRetired(state, id, 2, counted(index + 1, index + 2));
    return state;
  };
  const places = ids.flatMap((id) => [`${id}/0`, `${id}/1`]).sort();
  /** What a reader of the compacted topic is left with. */
  const lastOf = (published: readonly OutgoingRecord[]) =>
    new Map(published.map((each) => [shown(each).place, shown(each)]));

  it('publishes all of them, each once per partition', async () => {
    const state = await all();
    expect(await takeOverRetirements(state.deps, manifest)).toBe(250);
    expect(state.published.map((each) => shown(each).place).sort()).toEqual(places);
  });

  it.each([0, 1, 2, 3])(
    'leaves the topic as it would have been where it is interrupted within emit %i, and repeated',
    async (failing) => {
      const state = await all();
      let emits = 0;
      const emit = async (records: readonly OutgoingRecord[]): Promise<void> => {
        const isFailing = emits++ === failing;
        await state.deps.sink.emit(isFailing ? records.slice(0, records.length / 2) : records);
        if (isFailing) throw new Error('interrupted');
      };
      const interrupted = takeOverRetirements({ ...state.deps, sink: { emit } }, manifest);
      await expect(interrupted).rejects.toThrow('interrupted');
      const before = lastOf(state.published);
      expect([before.size > 0, before.size < places.length]).toEqual([true, true]);
      expect(await takeOverRetirements(state.deps, manifest)).toBe(250);
      const whole = await all();
      await takeOverRetirements(whole.deps, manifest);
      expect(lastOf(state.published)).toEqual(lastOf(whole.published));
      expect([...lastOf(state.published).keys()].sort()).toEqual(places);
    },
  );
});
