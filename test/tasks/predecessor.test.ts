import { SENT_FIELD } from '../../src/pipeline/publish-gate';
import { CONTRIBUTIONS_TOPIC, MESSAGE_STATUS_TOPIC } from '../../src/feedback/topics';
import type { OutgoingRecord } from '../../src/log/sink';
import { pendingOutbox, predecessorOf } from '../../src/tasks/predecessor';
import { FLAGS_HASH, numberField } from '../../src/store/hashes';
import { packOutbox } from '../../src/store/outbox';
import type { Manifest } from '../../src/store/store';
import { memoryStore } from '../../src/store/store.memory';
import { manifestOf } from '../store/given';

const START = { status: [[0], [0]], kpi: [[0], [0]] };

const record = (topic: string, key: string): OutgoingRecord => ({
  ...{ topic, partition: 0, key: Buffer.from(key), value: Buffer.from('x') },
});
const CHANGE = record(MESSAGE_STATUS_TOPIC, 'said before the cut-over');
const OWN = [record(MESSAGE_STATUS_TOPIC, 'of long ago'), record(CONTRIBUTIONS_TOPIC, 'd1/2.0')];

/** A store with a generation 1, which has spoken in partition 0 under a number, and who has taken over from it. */
async function given(first: Partial<Manifest>, spokenAs: number | null) {
  const store = memoryStore();
  await store.create({ ...manifestOf(1), ...first }, START, []);
  const task = { stateId: 1, pipeline: 'status', partition: 0 } as const;
  const { epoch } = (await store.claim(task, Infinity))!;
  const entries = spokenAs === null ? [] : ([[SENT_FIELD, numberField(spokenAs)]] as const);
  const writes = [{ hash: FLAGS_HASH, entries }];
  const outbox = packOutbox([CHANGE, record(CONTRIBUTIONS_TOPIC, 'd1/1.0')]);
  await store.commit(task, { epoch, sequence: 1, expected: [0], next: [0], writes, outbox });
  return { store, second: { ...manifestOf(2), predecessor: 1 } };
}

describe('the predecessor, whose state tells what was said of a partition', () => {
  it.each<[string, Partial<Manifest>, number | null, number | null]>([
    ['is a first generation', { hasPredecessor: false }, null, 1],
    ['is one that has ended its silence', { hasPredecessor: true, generation: 3 }, 3, 1],
    ['is none that never spoke', { hasPredecessor: true }, null, null],
    [
      'is none that has spoken, but not since it was brought back',
      { hasPredecessor: true, generation: 3 },
      1,
      null,
    ],
  ])('%s', async (_, first, spokenAs, expected) => {
    const { store, second } = await given(first, spokenAs);
    expect((await predecessorOf(store, second, 0))?.stateId ?? null).toBe(expected);
  });

  it('is none that is not on the list any more, and none of a generation that took over from nobody', async () => {
    const { store, second } = await given({ hasPredecessor: false }, null);
    expect(await predecessorOf(store, { ...second, predecessor: 7 }, 0)).toBeNull();
    expect(await predecessorOf(store, { ...second, predecessor: null }, 0)).toBeNull();
  });
});

describe('what is left to say at a claim', () => {
  it('is all of the own outbox, once the generation has spoken', async () => {
    const { store } = await given({ hasPredecessor: true, generation: 3 }, 3);
    const manifest = { ...manifestOf(1), hasPredecessor: true, generation: 3, predecessor: 2 };
    expect(await pendingOutbox(store, manifest, 0, OWN)).toEqual(OWN);
  });

  it('is what the predecessor may not have said of messages, and nothing of its own that is older', async () => {
    const { store, second } = await given({ hasPredecessor: false }, null);
    const left = await pendingOutbox(store, { ...second, hasPredecessor: true }, 0, OWN);
    expect(left).toEqual([CHANGE, OWN[1]]);
  });

  it('is nothing of messages where there is no predecessor: all of them will be restated', async () => {
    const { store, second } = await given({ hasPredecessor: false }, null);
    expect(
      await pendingOutbox(store, { ...second, hasPredecessor: true, predecessor: null }, 0, OWN),
    ).toEqual([OWN[1]]);
  });
});
