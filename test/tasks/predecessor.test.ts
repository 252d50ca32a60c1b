import { BARRIER_SENT, flagEntry } from '../../src/pipeline/flags';
import { CONTRIBUTIONS_TOPIC, MESSAGE_STATUS_TOPIC } from '../../src/feedback/topics';
import type { OutgoingRecord } from '../../src/log/sink';
import { pendingOutbox, predecessorOf } from '../../src/tasks/predecessor';
import { FLAGS_HASH } from '../../src/store/hashes';
import { packOutbox } from '../../src/store/outbox';
import type { Manifest } from '../../src/store/store';
import { memoryStore } from '../../src/store/store.memory';
import { manifestOf } from '../store/given';

const START = { status: [[0], [0]], kpi: [[0], [0]] };

const record = (topic: string, key: string): OutgoingRecord => ({
  ...{ topic, partition: 0, key: Buffer.from(key), value: Buffer.from('x') },
});
const CHANGE = record(MESSAGE_STATUS_TOPIC, 'published before the cut-over');
const OWN = [record(MESSAGE_STATUS_TOPIC, 'superseded'), record(CONTRIBUTIONS_TOPIC, 'd1/2.0')];

/** A store with generation 1, which has published in partition 0 under a number, and the manifest of its successor. */
async function given(first: Partial<Manifest>, publishedAs: number | null) {
  const store = memoryStore();
  await store.create({ ...manifestOf(1), ...first }, START, []);
  const task = { stateId: 1, pipeline: 'status', partition: 0 } as const;
  const { epoch } = (await store.claim(task, Infinity))!;
  const entries = publishedAs === null ? [] : [flagEntry(BARRIER_SENT, publishedAs)];
  const writes = [{ hash: FLAGS_HASH, entries }];
  const outbox = packOutbox([CHANGE, record(CONTRIBUTIONS_TOPIC, 'd1/1.0')]);
  await store.commit(task, { epoch, sequence: 1, expected: [0], next: [0], writes, outbox });
  return { store, second: { ...manifestOf(2), predecessor: 1 } };
}

describe('the predecessor whose state records what was published of a partition', () => {
  it.each<[string, Partial<Manifest>, number | null, number | null]>([
    ['is found where it is a first generation', { hasPredecessor: false }, null, 1],
    ['is found where its publishing was resumed', { hasPredecessor: true, generation: 3 }, 3, 1],
    ['is null where it has published nothing', { hasPredecessor: true }, null, null],
    [
      'is null where it has published nothing since it became active again',
      { hasPredecessor: true, generation: 3 },
      1,
      null,
    ],
  ])('%s', async (_, first, publishedAs, expected) => {
    const { store, second } = await given(first, publishedAs);
    expect((await predecessorOf(store, second, 0))?.stateId ?? null).toBe(expected);
  });

  it('is null where it is no longer listed, and where the manifest has none', async () => {
    const { store, second } = await given({ hasPredecessor: false }, null);
    expect(await predecessorOf(store, { ...second, predecessor: 7 }, 0)).toBeNull();
    expect(await predecessorOf(store, { ...second, predecessor: null }, 0)).toBeNull();
  });
});

describe('the pending outbox at a claim', () => {
  it('is the whole own outbox, once the generation has published', async () => {
    const { store } = await given({ hasPredecessor: true, generation: 3 }, 3);
    const manifest = { ...manifestOf(1), hasPredecessor: true, generation: 3, predecessor: 2 };
    expect(await pendingOutbox(store, manifest, 0, OWN)).toEqual(OWN);
  });

  it('has the status changes of the predecessor instead of its own, while its generation has published nothing', async () => {
    const { store, second } = await given({ hasPredecessor: false }, null);
    const pending = await pendingOutbox(store, { ...second, hasPredecessor: true }, 0, OWN);
    expect(pending).toEqual([CHANGE, OWN[1]]);
  });

  it('has no status changes where there is no predecessor: all statuses will be republished', async () => {
    const { store, second } = await given({ hasPredecessor: false }, null);
    expect(
      await pendingOutbox(store, { ...second, hasPredecessor: true, predecessor: null }, 0, OWN),
    ).toEqual([OWN[1]]);
  });
});
