import type { Claim, Commit, Generations, Store } from '../../src/store/store';
import {
  bytes,
  claimed,
  commitOf,
  manifestOf,
  newNamespace,
  read,
  readAll,
  start,
  type Subject,
  task,
  write,
} from './given';

/** Each of these would be applied by a store that checked less. */
export function refusals(subject: () => Subject): void {
  const fresh = (): Store & Generations => subject().store(newNamespace());
  const writes = [write('c', { a: 'wrong' })];
  const unchanged = async (store: Store, standing: Partial<Claim>): Promise<void> => {
    expect(await read(store, 'c', 'a')).toBeNull();
    expect(await store.claim(task, 1)).toMatchObject({ outbox: null, ...standing });
  };

  it('fences an owner after another one has claimed', async () => {
    const store = fresh();
    const zombie = await claimed(store);
    await store.claim(task, 1);
    expect(await store.commit(task, commitOf(zombie, { writes, outbox: bytes('out') }))).toBe('fenced');
    await unchanged(store, { sequence: 0, positions: [0, 0] });
  });

  it('fences even a resend of a commit that was written', async () => {
    const store = fresh();
    const commit = commitOf(await claimed(store));
    await store.commit(task, commit);
    await store.claim(task, 1);
    expect(await store.commit(task, commit)).toBe('fenced');
  });

  it.each([
    ['an epoch that the store has not given yet', { epoch: Number.MAX_SAFE_INTEGER }],
    ['an older sequence', { sequence: 0, next: [1, 1] }],
    ['a later sequence', { sequence: 2 }],
    ['other positions in the first topic', { expected: [1, 0] }],
    ['other positions in the last topic', { expected: [0, 1] }],
    ['positions of fewer topics', { expected: [0] }],
    ['no positions', { expected: [] }],
  ])('answers rolled-back to %s, and writes nothing', async (_, change: Partial<Commit>) => {
    const store = fresh();
    const claim = await claimed(store);
    const commit = commitOf(claim, { writes, outbox: bytes('out'), ...change });
    expect(await store.commit(task, commit)).toBe('rolled-back');
    await unchanged(store, { sequence: 0, positions: [0, 0] });
  });

  it('answers rolled-back to a commit of the stored sequence that led elsewhere', async () => {
    const store = fresh();
    const claim = await claimed(store);
    await store.commit(task, commitOf(claim));
    expect(await store.commit(task, commitOf(claim, { next: [2, 1], writes }))).toBe('rolled-back');
    await unchanged(store, { sequence: 1, positions: [1, 1] });
  });

  it('answers rolled-back after an older state was put back, and goes on from there', async () => {
    const namespace = newNamespace();
    const store = subject().store(namespace);
    const claim = await claimed(store);
    await store.commit(task, commitOf(claim, { writes: [write('c', { a: 'old' })] }));
    const restore = await subject().snapshot(namespace);
    const second = { ...claim, sequence: 1, positions: [1, 1] };
    await store.commit(task, commitOf(second, { writes: [write('c', { a: 'new', b: 'new' })] }));
    await restore();
    const third = commitOf({ ...claim, sequence: 2, positions: [2, 2] }, { writes });
    expect(await store.commit(task, third)).toBe('rolled-back');
    expect(await readAll(store, 'c')).toEqual(new Map([['a', 'old']]));
    const again = (await store.claim(task, 1)) as Claim;
    expect(again).toMatchObject({ sequence: 1, positions: [1, 1], outbox: null });
    expect(await store.commit(task, commitOf(again))).toBe('committed');
  });

  it('answers rolled-back to an owner whose claim was undone', async () => {
    const namespace = newNamespace();
    const store = subject().store(namespace);
    await claimed(store);
    const restore = await subject().snapshot(namespace);
    const later = (await store.claim(task, 1)) as Claim;
    await restore();
    expect(await store.commit(task, commitOf(later, { writes }))).toBe('rolled-back');
    await unchanged(store, { sequence: 0 });
  });

  it.each<[string, (namespace: string) => Promise<() => Promise<void>>]>([
    ['older than it was', (namespace) => subject().snapshot(namespace)],
    ['empty', async (namespace) => () => subject().wipe(namespace)],
  ])('never gives an epoch twice, also where the store comes back %s', async (_, prepare) => {
    const namespace = newNamespace();
    const store = subject().store(namespace);
    await store.create(manifestOf(1), start, []);
    const harm = await prepare(namespace);
    const zombie = (await store.claim(task, 1)) as Claim;
    await harm();
    // The floor of an epoch is the time in milliseconds.
    await new Promise((resolve) => setTimeout(resolve, 2));
    const owner = await claimed(store);
    expect(owner.epoch).toBeGreaterThan(zombie.epoch);
    expect(await store.commit(task, commitOf(zombie, { writes }))).toBe('fenced');
    expect(await store.commit(task, commitOf(owner))).toBe('committed');
  });

  it('answers lost where the state is gone, and makes none', async () => {
    const namespace = newNamespace();
    const store = subject().store(namespace);
    const claim = await claimed(store);
    await subject().wipe(namespace);
    expect(await store.commit(task, commitOf(claim, { writes, outbox: bytes('out') }))).toBe('lost');
    expect(await read(store, 'c', 'a')).toBeNull();
    expect(await store.claim(task, 1)).toBeNull();
    expect(await store.active()).toBeNull();
  });
}
