import { CONTRIBUTIONS_TOPIC, MESSAGE_STATUS_TOPIC } from '../../src/feedback/topics';
import type { OutgoingRecord } from '../../src/log/sink';
import { flagEntry, LIVE_AS } from '../../src/pipeline/flags';
import type { PublishCheckpoint } from '../../src/pipeline/publishing';
import { FLAGS_HASH } from '../../src/store/hashes';
import { packOutbox } from '../../src/store/outbox';
import type { Manifest } from '../../src/store/store';
import { memoryStore } from '../../src/store/store.memory';
import { predecessorOf } from '../../src/tasks/predecessor';
import { commitOf, manifestOf, task } from '../store/given';

const START = { status: [[0], [0]], kpi: [[0], [0]] };
const record = (topic: string, key: string): OutgoingRecord => ({
  ...{ topic, partition: 0, key: Buffer.from(key), value: Buffer.from('x') },
});
const OUTBOX = [
  record(MESSAGE_STATUS_TOPIC, 'published before the cut-over'),
  record(CONTRIBUTIONS_TOPIC, 'd1/1.0'),
];

/** A store with generation 1, which has gone live in partition 0 under a number, and the manifest of its successor. */
async function given(first: Partial<Manifest> = {}, liveAs: number | null = null) {
  const store = memoryStore();
  await store.create({ ...manifestOf(1), ...first }, START);
  const claim = (await store.claim(task, Infinity))!;
  const writes = [{ hash: FLAGS_HASH, entries: liveAs === null ? [] : [flagEntry(LIVE_AS, liveAs)] }];
  await store.commit(task, commitOf(claim, { next: [5], writes, outbox: packOutbox(OUTBOX) }));
  const second = { ...manifestOf(2), generation: 7, predecessor: 1 };
  const at = (change: Partial<PublishCheckpoint> = {}): PublishCheckpoint => ({
    ...{ stateId: 1, epoch: claim.epoch, positions: [5], ...change },
  });
  return { store, second, claim, at };
}

describe('the predecessor whose state is what was published of a partition', () => {
  it.each<[string, number, number | null, boolean]>([
    ['is a first generation, which has no flag', 1, null, true],
    ['has gone live under its number', 3, 3, true],
    ['is null where it has never gone live', 3, null, false],
    ['is null where it has not gone live since it became active again', 3, 1, false],
    ['is null where it has found itself apart from what was published', 1, 0, false],
  ])('%s', async (_, generation, liveAs, isFound) => {
    const { store, second, at } = await given({ generation }, liveAs);
    const found = await predecessorOf(store, second, 0, at());
    expect(found?.manifest.stateId ?? null).toBe(isFound ? 1 : null);
  });

  it('comes with the outbox that it may not have emitted', async () => {
    const { store, second, at } = await given();
    expect((await predecessorOf(store, second, 0, at()))?.left.outbox).toEqual(packOutbox(OUTBOX));
  });

  it('is found where no checkpoint was committed yet, or the outbox follows the checkpoint', async () => {
    const { store, second, at } = await given();
    for (const checkpoint of [null, at({ positions: [4] })])
      expect((await predecessorOf(store, second, 0, checkpoint))?.manifest).toEqual(manifestOf(1));
  });

  it('is null where its state is not the one that was published last', async () => {
    const { store, second, at } = await given();
    const others = [at({ positions: [6] }), at({ epoch: at().epoch + 1 }), at({ stateId: 3 })];
    for (const checkpoint of others) expect(await predecessorOf(store, second, 0, checkpoint)).toBeNull();
  });

  it('is null where it is no longer listed, has no state, or where the manifest has none', async () => {
    const { store, second } = await given();
    expect(await predecessorOf(store, { ...second, predecessor: 7 }, 0, null)).toBeNull();
    expect(await predecessorOf(store, { ...second, predecessor: null }, 0, null)).toBeNull();
    await store.eraseTask(task);
    expect(await predecessorOf(store, second, 0, null)).toBeNull();
  });

  it('is sealed against every number below that of its successor', async () => {
    const { store, second, claim } = await given();
    await predecessorOf(store, second, 0, null);
    const next = commitOf({ ...claim, sequence: 1, positions: [5] });
    expect(await store.commit(task, next)).toBe('fenced');
    expect(await store.claim(task, second.generation - 1)).toBeNull();
    expect(await store.claim(task, second.generation)).toMatchObject({ positions: [5] });
  });
});
