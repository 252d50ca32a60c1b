import { NotOwned } from '../../src/store/store';
import { memoryStore } from '../../src/store/store.memory';
import { ownedStore } from '../../src/tasks/owned-store';
import { bytes, commitOf, kpiTask, manifestOf, start, task, write } from '../store/given';

const READS = [{ hash: 'c', fields: [bytes('a')] }];

/** The store of a task whose owner has claimed it and committed a value. */
async function given() {
  const store = memoryStore();
  await store.create(manifestOf(1), start);
  const address = { ...task };
  const own = ownedStore(store, address, (attempt) => attempt());
  const claim = (await own.claim(1))!;
  const before = store.snapshot();
  const commit = commitOf(claim, { writes: [write('c', { a: '1' })] });
  expect(await own.commit(commit)).toBe('committed');
  const both = async (): Promise<unknown[]> => [
    await own.load(address, READS).catch((error: unknown) => error),
    await own.scan(address, 'c', '0').catch((error: unknown) => error),
  ];
  return { store, address, own, claim, commit, before, both };
}

const VALUES = [[[bytes('1')]], { cursor: '0', entries: [[bytes('a'), bytes('1')]] }];
const refused = (outcome: 'fenced' | 'rolled-back' | 'lost') => [
  new NotOwned(outcome),
  new NotOwned(outcome),
];

describe('the store of a task, as its owner reads it', () => {
  it('returns what the owner has committed', async () => {
    const { both } = await given();
    expect(await both()).toEqual(VALUES);
  });

  it('refuses an older state, also one that gives way to the newer one before the next commit', async () => {
    const { store, own, claim, commit, before, both } = await given();
    const latest = store.snapshot();
    store.restore(before);
    expect(await both()).toEqual(refused('rolled-back'));
    store.restore(latest);
    expect(await both()).toEqual(VALUES);
    const next = commitOf({ ...claim, sequence: commit.sequence, positions: commit.next });
    expect(await own.commit(next)).toBe('committed');
  });

  it('refuses a state that another owner has claimed, and one that is gone', async () => {
    const { store, both } = await given();
    await store.claim(task, 1);
    expect(await both()).toEqual(refused('fenced'));
    store.wipe();
    expect(await both()).toEqual(refused('lost'));
  });

  it('goes on from the claimed commit after another claim', async () => {
    const { store, own, before, both, address } = await given();
    store.restore(before);
    await own.claim(1);
    expect((await both())[0]).toEqual([[null]]);
    expect(await own.load(address, READS)).toEqual([[null]]);
  });

  it('remembers no commit that was refused', async () => {
    const { own, claim, both } = await given();
    const refusedCommit = commitOf({ ...claim, sequence: 7 }, { writes: [write('c', { a: '2' })] });
    expect(await own.commit(refusedCommit)).toBe('rolled-back');
    expect(await both()).toEqual(VALUES);
  });

  it('reads the state of other tasks as it is', async () => {
    const { store, own } = await given();
    const other = (await store.claim(kpiTask, 1))!;
    await store.commit(kpiTask, commitOf(other, { writes: [write('c', { a: '3' })] }));
    expect(await own.load(kpiTask, READS)).toEqual([[bytes('3')]]);
    expect((await own.scan(kpiTask, 'c', '0')).entries).toEqual([[bytes('a'), bytes('3')]]);
  });
});
