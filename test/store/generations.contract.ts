import type { Claim } from '../../src/store/store';
import {
  claimed,
  commitOf,
  kpiTask,
  manifestOf,
  newNamespace,
  read,
  readAll,
  start,
  task,
  write,
  type Subject,
} from './given';

export function generations(subject: () => Subject): void {
  const seed = [
    { partition: 1, writes: [write('p', { d1: 'kpi' })] },
    { partition: 1, writes: [write('p', { d2: 'kpi2' })] },
  ];

  it('has none at first', async () => {
    expect(await subject().store(newNamespace()).active()).toBeNull();
  });

  it('lays out every task at its start, with the seed in the kpi tasks', async () => {
    const store = subject().store(newNamespace());
    expect(await store.create(manifestOf(1), start, seed)).toEqual(manifestOf(1));
    expect(await store.active()).toEqual(manifestOf(1));
    const at = { epoch: 0, sequence: 0 };
    expect(await store.inspect(task)).toEqual({ ...at, positions: [0, 0] });
    expect(await store.inspect({ ...task, partition: 1 })).toEqual({ ...at, positions: [10, 10] });
    const seeded = { ...kpiTask, partition: 1 };
    expect(await store.inspect(seeded)).toEqual({ ...at, positions: [5] });
    expect(await readAll(store, 'p', seeded)).toEqual(new Map(Object.entries({ d1: 'kpi', d2: 'kpi2' })));
    expect((await readAll(store, 'p', kpiTask)).size).toBe(0);
    expect((await readAll(store, 'p', { ...task, partition: 1 })).size).toBe(0);
    expect(await store.claim(seeded, 1)).toMatchObject({ sequence: 0, positions: [5], outbox: null });
  });

  it('leaves the active generation active when another one is made beside it', async () => {
    const store = subject().store(newNamespace());
    const claim = await claimed(store);
    expect(await store.create({ ...manifestOf(2), buckets: 9 }, start, [])).toEqual(manifestOf(1));
    expect(await store.active()).toEqual(manifestOf(1));
    expect(await store.commit(task, commitOf(claim))).toBe('committed');
    expect(await store.inspect({ ...task, stateId: 2 })).toMatchObject({ epoch: 0 });
  });

  it('does not touch an active generation that is made again', async () => {
    const store = subject().store(newNamespace());
    await store.commit(task, commitOf(await claimed(store), { writes: [write('c', { a: '1' })] }));
    const other = { status: [[99, 99]], kpi: [[99]] };
    expect(await store.create({ ...manifestOf(1), buckets: 9 }, other, seed)).toEqual(manifestOf(1));
    expect(await store.inspect(task)).toMatchObject({ sequence: 1, positions: [1, 1] });
    expect(await store.inspect(kpiTask)).toMatchObject({ positions: [0] });
  });

  it('forgets an active generation, and no other', async () => {
    const store = subject().store(newNamespace());
    await store.forget(manifestOf(1));
    await store.create(manifestOf(1), start, []);
    await store.forget(manifestOf(0));
    await store.forget(manifestOf(2));
    expect(await store.active()).toEqual(manifestOf(1));
    await store.forget(manifestOf(1));
    expect(await store.active()).toBeNull();
    expect(await store.create(manifestOf(2), start, [])).toEqual(manifestOf(2));
  });

  it('redoes what an interrupted creation left, but for tasks that were claimed since', async () => {
    const store = subject().store(newNamespace());
    await claimed(store);
    // Not active: as an interrupted creation leaves it.
    await store.create(manifestOf(2), start, seed);
    const second = { ...task, stateId: 2 };
    const claim = (await store.claim(second, 2)) as Claim;
    await store.commit(second, commitOf(claim, { writes: [write('c', { a: '1' })] }));
    await store.create(
      manifestOf(2),
      {
        status: [
          [50, 50],
          [60, 60],
        ],
        kpi: [[70], [80]],
      },
      seed,
    );
    expect(await store.inspect(second)).toEqual({ epoch: claim.epoch, sequence: 1, positions: [1, 1] });
    expect(await read(store, 'c', 'a', second)).toBe('1');
    expect(await store.inspect({ ...second, partition: 1 })).toMatchObject({
      sequence: 0,
      positions: [60, 60],
    });
    const seeded = { ...second, pipeline: 'kpi' as const, partition: 1 };
    expect(await store.inspect(seeded)).toEqual({ epoch: 0, sequence: 0, positions: [80] });
    expect(await read(store, 'p', 'd2', seeded)).toBe('kpi2');
  });

  it('agrees on one manifest when several make it at once', async () => {
    const namespace = newNamespace();
    const makers = [1, 2, 3].map((buckets) =>
      subject()
        .store(namespace)
        .create({ ...manifestOf(1), buckets }, start, seed),
    );
    const made = await Promise.all(makers);
    expect(made).toEqual(made.map(() => made[0]));
    expect(await subject().store(namespace).active()).toEqual(made[0]);
    expect(await subject().store(namespace).inspect(task)).toEqual({
      epoch: 0,
      sequence: 0,
      positions: [0, 0],
    });
  });

  it('lists what was made and proposed, and keeps what was proposed apart from what is active', async () => {
    const store = subject().store(newNamespace());
    await store.create(manifestOf(1), start, []);
    const candidate = { ...manifestOf(2), generation: 0 };
    expect(await store.propose(candidate, start, seed)).toEqual(candidate);
    expect(await store.propose({ ...candidate, buckets: 7 }, start, [])).toEqual(candidate);
    expect(await store.list()).toEqual([manifestOf(1), candidate]);
    expect(await store.active()).toEqual(manifestOf(1));
    expect(await readAll(store, 'p', { ...kpiTask, stateId: 2, partition: 1 })).toEqual(
      new Map(Object.entries({ d1: 'kpi', d2: 'kpi2' })),
    );
    expect(await store.unlist(1)).toBe(false);
    expect(await store.unlist(2)).toBe(true);
    expect(await store.list()).toEqual([manifestOf(1)]);
  });

  it('replaces the active one in one act, if it is the one expected', async () => {
    const store = subject().store(newNamespace());
    const [first, second] = [manifestOf(1), { ...manifestOf(2), cutoverComplete: false }];
    await store.propose(second, start, []);
    expect(await store.replaceActive(first, second)).toBe(false);
    await store.create(first, start, []);
    for (const other of [manifestOf(3), { ...first, generation: 4 }, { ...first, cutoverComplete: false }])
      expect(await store.replaceActive(other, second)).toBe(false);
    const both = await Promise.all([1, 2].map(() => store.replaceActive(first, second)));
    expect(both.sort()).toEqual([false, true]);
    expect(await store.active()).toEqual(second);
    expect(await store.list()).toEqual([first, second]);
    expect(await store.replaceActive(second, { ...second, cutoverComplete: true })).toBe(true);
    expect(await store.active()).toMatchObject({ cutoverComplete: true });
    await store.forget({ stateId: 2, generation: 1 });
    expect(await store.active()).not.toBeNull();
  });

  it('never makes one active again whose deletion has begun, nor one that is not on the list', async () => {
    const store = subject().store(newNamespace());
    const [first, second] = [manifestOf(1), manifestOf(2)];
    await store.create(first, start, []);
    expect(await store.replaceActive(first, second)).toBe(false);
    await store.propose(second, start, []);
    expect(await store.beginDrop(1)).toBe(false);
    expect(await store.beginDrop(2)).toBe(true);
    expect(await store.beginDrop(2)).toBe(true);
    expect(await store.beginDrop(3)).toBe(true);
    expect(await store.list()).toEqual([first, { ...second, dropping: true }]);
    expect(await store.propose(second, start, [])).toMatchObject({ dropping: true });
    expect(await store.replaceActive(first, second)).toBe(false);
    expect(await store.active()).toEqual(first);
  });

  it('seals a task against all who know a lesser number, for good', async () => {
    const store = subject().store(newNamespace());
    const claim = await claimed(store);
    const outbox = Buffer.from('left');
    await store.commit(task, commitOf(claim, { outbox }));
    expect(await store.seal(task, 2)).toEqual({ positions: [1, 1], outbox });
    expect(await store.seal(task, 2)).toEqual({ positions: [1, 1], outbox });
    expect(await store.inspect(task)).toMatchObject({ epoch: claim.epoch + 1 });
    expect(await store.commit(task, commitOf({ ...claim, sequence: 1, positions: [1, 1] }))).toBe('fenced');
    expect(await store.claim(task, 2)).toBeNull();
    await store.seal(task, 1);
    expect(await store.claim(task, 3)).toMatchObject({ positions: [1, 1] });
    expect(await store.seal({ ...task, partition: 9 }, 1)).toBeNull();
  });

  it('lays out tasks that whoever knows the generation under a lesser number cannot claim, nor go on with', async () => {
    const store = subject().store(newNamespace());
    const candidate = { ...manifestOf(2), generation: 0 };
    const builders = { ...task, stateId: 2 };
    await store.propose(candidate, start, []);
    const claim = (await store.claim(builders, 0)) as Claim;
    await store.create(manifestOf(2), start, []);
    expect(await store.commit(builders, commitOf(claim))).toBe('fenced');
    for (const partition of [0, 1]) expect(await store.claim({ ...builders, partition }, 0)).toBeNull();
    expect(await store.claim(builders, 2)).toMatchObject({ sequence: 0 });
  });

  it('reads values with the positions that they stand for', async () => {
    const store = subject().store(newNamespace());
    const reads = [{ hash: 'c', fields: [Buffer.from('a'), Buffer.from('b')] }];
    expect(await store.loadAt(task, reads)).toBeNull();
    await store.commit(task, commitOf(await claimed(store), { writes: [write('c', { a: '1' })] }));
    expect(await store.loadAt(task, reads)).toEqual({
      positions: [1, 1],
      values: [[Buffer.from('1'), null]],
    });
    expect(await store.loadAt(task, [])).toEqual({ positions: [1, 1], values: [] });
  });

  it('erases hashes, then the task', async () => {
    const store = subject().store(newNamespace());
    const writes = [write('c', { a: '1' }), write('w', { b: '2' })];
    await store.commit(task, commitOf(await claimed(store), { writes, outbox: Buffer.from('x') }));
    await store.erase(task, ['c', 'none']);
    await store.erase(task, []);
    expect([await read(store, 'c', 'a'), await read(store, 'w', 'b')]).toEqual([null, '2']);
    await store.eraseTask(task);
    expect(await store.inspect(task)).toBeNull();
    expect(await store.claim(task, 9)).toBeNull();
  });

  it('lays out hundreds of partitions', async () => {
    const store = subject().store(newNamespace());
    const positions = Array.from({ length: 300 }, (_, i) => [i]);
    await store.create({ ...manifestOf(1), partitions: 300 }, { status: positions, kpi: positions }, []);
    expect((await store.claim({ ...task, partition: 299 }, 1))?.positions).toEqual([299]);
    expect((await store.claim({ ...kpiTask, partition: 150 }, 1))?.positions).toEqual([150]);
  });

  it('keeps namespaces apart', async () => {
    const [one, two] = [subject().store(newNamespace()), subject().store(newNamespace())];
    const claim = await claimed(one);
    expect(await two.active()).toBeNull();
    expect(await two.claim(task, 1)).toBeNull();
    await claimed(two);
    await one.commit(task, commitOf(claim, { writes: [write('c', { a: '1' })] }));
    expect(await read(two, 'c', 'a')).toBeNull();
    expect(await two.inspect(task)).toMatchObject({ sequence: 0, positions: [0, 0] });
  });
}
