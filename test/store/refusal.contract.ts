import type { Claim, Commit, CommitId, CommitOutcome, Generations, Store } from '../../src/store/store';
import {
  bytes,
  claimed,
  commitOf,
  manifestOf,
  newNamespace,
  ownRead,
  ownScan,
  read,
  readAll,
  start,
  type Subject,
  task,
  write,
} from './given';

/** Commits that a store with fewer checks would apply. */
export function refusals(subject: () => Subject): void {
  const fresh = (): Store & Generations => subject().store(newNamespace());
  const writes = [write('c', { a: 'wrong' })];
  const unchanged = async (store: Store, expected: Partial<Claim>): Promise<void> => {
    expect(await read(store, 'c', 'a')).toBeNull();
    expect(await store.claim(task, 1)).toMatchObject({ outbox: null, ...expected });
  };

  it('an owner is fenced after another one has claimed the task', async () => {
    const store = fresh();
    const former = await claimed(store);
    await store.claim(task, 1);
    expect(await store.commit(task, commitOf(former, { writes, outbox: bytes('out') }))).toBe('fenced');
    await unchanged(store, { sequence: 0, positions: [0, 0] });
  });

  it('a resent commit is fenced after another owner has claimed, even if it was written', async () => {
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
  ])('a commit with %s is answered rolled-back and writes nothing', async (_, change: Partial<Commit>) => {
    const store = fresh();
    const claim = await claimed(store);
    const commit = commitOf(claim, { writes, outbox: bytes('out'), ...change });
    expect(await store.commit(task, commit)).toBe('rolled-back');
    await unchanged(store, { sequence: 0, positions: [0, 0] });
  });

  it('a commit with the stored sequence and other next positions is answered rolled-back', async () => {
    const store = fresh();
    const claim = await claimed(store);
    await store.commit(task, commitOf(claim));
    expect(await store.commit(task, commitOf(claim, { next: [2, 1], writes }))).toBe('rolled-back');
    await unchanged(store, { sequence: 1, positions: [1, 1] });
  });

  it('a commit is answered rolled-back after an older state was restored, and a new claim continues from there', async () => {
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

  it('an owner whose claim was rolled back is answered rolled-back', async () => {
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
  ])('an epoch is never given twice, also where the store comes back %s', async (_, prepare) => {
    const namespace = newNamespace();
    const store = subject().store(namespace);
    await store.create(manifestOf(1), start);
    const damage = await prepare(namespace);
    const former = (await store.claim(task, 1)) as Claim;
    await damage();
    // The floor of an epoch is the time in milliseconds.
    await new Promise((resolve) => setTimeout(resolve, 2));
    const owner = await claimed(store);
    expect(owner.epoch).toBeGreaterThan(former.epoch);
    expect(await store.commit(task, commitOf(former, { writes }))).toBe('fenced');
    expect(await store.commit(task, commitOf(owner))).toBe('committed');
  });

  /** The first commit of an owner. */
  const firstCommit = async (store: Store & Generations): Promise<CommitId> => {
    const commit = commitOf(await claimed(store), { writes: [write('c', { a: '1' })] });
    await store.commit(task, commit);
    return commit;
  };

  it('reads of an owner return the values where its last commit is the last one of the task', async () => {
    const store = fresh();
    const claim = await claimed(store);
    expect([await ownRead(store, claim), await ownScan(store, claim)]).toEqual([null, {}]);
    const known = await firstCommit(store);
    expect([await ownRead(store, known), await ownScan(store, known)]).toEqual(['1', { a: '1' }]);
  });

  it.each<[CommitOutcome, string, (store: Store & Generations, known: CommitId) => Promise<unknown>]>([
    ['fenced', 'another owner has claimed the task', (store) => store.claim(task, 1)],
    ['fenced', 'the task is sealed', (store) => store.seal(task, 1)],
    [
      'rolled-back',
      'the owner has made a later commit',
      (store, { epoch }) =>
        store.commit(
          task,
          commitOf({ epoch, sequence: 1, positions: [1, 1], committedBy: epoch, outbox: null }),
        ),
    ],
    [
      'lost',
      'the task has no state',
      async (store) => {
        await store.erase(task, ['c']);
        await store.eraseTask(task);
      },
    ],
  ])('reads of an owner throw NotOwned (%s) where %s', async (outcome, _, change) => {
    const store = fresh();
    const known = await firstCommit(store);
    await change(store, known);
    expect([await ownRead(store, known), await ownScan(store, known)]).toEqual([outcome, outcome]);
    expect(await read(store, 'c', 'a')).toBe(outcome === 'lost' ? null : '1');
  });

  it.each([
    ['its claim', false],
    ['its commit', true],
  ])(
    'reads of an owner throw NotOwned (rolled-back) where the state from before %s was restored',
    async (_, isClaimed) => {
      const namespace = newNamespace();
      const store = subject().store(namespace);
      await store.create(manifestOf(1), start);
      const claimNow = async () => (await store.claim(task, 1))!;
      const first = isClaimed ? await claimNow() : null;
      const restore = await subject().snapshot(namespace);
      const claim = first ?? (await claimNow());
      const commit = commitOf(claim, { writes: [write('c', { a: '1' })] });
      if (isClaimed) await store.commit(task, commit);
      const known = isClaimed ? commit : claim;
      await restore();
      expect([await ownRead(store, known), await ownScan(store, known)]).toEqual([
        'rolled-back',
        'rolled-back',
      ]);
      expect(await readAll(store, 'c')).toEqual(new Map());
    },
  );

  it('a commit is answered lost where the state is gone, and creates none', async () => {
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
