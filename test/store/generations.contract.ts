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
  it('an empty store has no active generation', async () => {
    expect(await subject().store(newNamespace()).active()).toBeNull();
  });

  it('create starts every task at its positions, without state or outbox', async () => {
    const store = subject().store(newNamespace());
    expect(await store.create(manifestOf(1), start)).toEqual(manifestOf(1));
    expect(await store.active()).toEqual(manifestOf(1));
    const at = { epoch: 0, sequence: 0 };
    expect(await store.inspect(task)).toEqual({ ...at, positions: [0, 0] });
    expect(await store.inspect({ ...task, partition: 1 })).toEqual({ ...at, positions: [10, 10] });
    const second = { ...kpiTask, partition: 1 };
    expect(await store.inspect(kpiTask)).toEqual({ ...at, positions: [0] });
    expect(await store.inspect(second)).toEqual({ ...at, positions: [5] });
    for (const hash of ['c', 'p', 's', 'f']) expect((await readAll(store, hash, second)).size).toBe(0);
    expect(await store.claim(second, 1)).toMatchObject({
      ...{ sequence: 0, positions: [5], committedBy: 0, outbox: null },
    });
  });

  it('an active generation stays active when another one is created', async () => {
    const store = subject().store(newNamespace());
    const claim = await claimed(store);
    expect(await store.create({ ...manifestOf(2), buckets: 9 }, start)).toEqual(manifestOf(1));
    expect(await store.active()).toEqual(manifestOf(1));
    expect(await store.commit(task, commitOf(claim))).toBe('committed');
    expect(await store.inspect({ ...task, stateId: 2 })).toMatchObject({ epoch: 0 });
  });

  it('an active generation that is created again is not changed', async () => {
    const store = subject().store(newNamespace());
    await store.commit(task, commitOf(await claimed(store), { writes: [write('c', { a: '1' })] }));
    const other = { status: [[99, 99]], kpi: [[99]] };
    expect(await store.create({ ...manifestOf(1), buckets: 9 }, other)).toEqual(manifestOf(1));
    expect(await store.inspect(task)).toMatchObject({ sequence: 1, positions: [1, 1] });
    expect(await store.inspect(kpiTask)).toMatchObject({ positions: [0] });
  });

  it('deactivate deactivates the active generation, and no other', async () => {
    const store = subject().store(newNamespace());
    await store.deactivate(manifestOf(1));
    await store.create(manifestOf(1), start);
    await store.deactivate(manifestOf(0));
    await store.deactivate(manifestOf(2));
    expect(await store.active()).toEqual(manifestOf(1));
    await store.deactivate(manifestOf(1));
    expect(await store.active()).toBeNull();
    expect(await store.create(manifestOf(2), start)).toEqual(manifestOf(2));
  });

  it('a repeated create resets what an interrupted one left, except tasks that were claimed since', async () => {
    const store = subject().store(newNamespace());
    await claimed(store);
    // Not active: as an interrupted creation leaves it.
    await store.create(manifestOf(2), start);
    const second = { ...task, stateId: 2 };
    const claim = (await store.claim(second, 2)) as Claim;
    await store.commit(second, commitOf(claim, { writes: [write('c', { a: '1' })] }));
    await store.create(manifestOf(2), {
      status: [
        [50, 50],
        [60, 60],
      ],
      kpi: [[70], [80]],
    });
    expect(await store.inspect(second)).toEqual({ epoch: claim.epoch, sequence: 1, positions: [1, 1] });
    expect(await read(store, 'c', 'a', second)).toBe('1');
    expect(await store.inspect({ ...second, partition: 1 })).toMatchObject({
      sequence: 0,
      positions: [60, 60],
    });
    const unclaimed = { ...second, pipeline: 'kpi' as const, partition: 1 };
    expect(await store.inspect(unclaimed)).toEqual({ epoch: 0, sequence: 0, positions: [80] });
  });

  it('concurrent creates agree on one manifest', async () => {
    const namespace = newNamespace();
    const creates = [1, 2, 3].map((buckets) =>
      subject()
        .store(namespace)
        .create({ ...manifestOf(1), buckets }, start),
    );
    const made = await Promise.all(creates);
    expect(made).toEqual(made.map(() => made[0]));
    expect(await subject().store(namespace).active()).toEqual(made[0]);
    expect(await subject().store(namespace).inspect(task)).toEqual({
      epoch: 0,
      sequence: 0,
      positions: [0, 0],
    });
  });

  it('created and proposed generations are listed, and a proposed one is not active', async () => {
    const store = subject().store(newNamespace());
    await store.create(manifestOf(1), start);
    const candidate = { ...manifestOf(2), generation: 0 };
    expect(await store.propose(candidate, start)).toEqual(candidate);
    expect(await store.propose({ ...candidate, buckets: 7 }, start)).toEqual(candidate);
    expect(await store.list()).toEqual([manifestOf(1), candidate]);
    expect(await store.active()).toEqual(manifestOf(1));
    expect(await store.inspect({ ...kpiTask, stateId: 2, partition: 1 })).toMatchObject({ positions: [5] });
    expect(await store.unlist(1)).toBe(false);
    expect(await store.unlist(2)).toBe(true);
    expect(await store.list()).toEqual([manifestOf(1)]);
  });

  it('replaceActive replaces the active generation atomically, only if it is the expected one', async () => {
    const store = subject().store(newNamespace());
    const [first, second] = [manifestOf(1), { ...manifestOf(2), contributionsFrom: null }];
    await store.propose(second, start);
    expect(await store.replaceActive(first, second)).toBe(false);
    await store.create(first, start);
    for (const other of [manifestOf(3), { ...first, generation: 4 }, { ...first, contributionsFrom: null }])
      expect(await store.replaceActive(other, second)).toBe(false);
    const both = await Promise.all([1, 2].map(() => store.replaceActive(first, second)));
    expect(both.sort()).toEqual([false, true]);
    expect(await store.active()).toEqual(second);
    expect(await store.list()).toEqual([first, second]);
    const { contributionsFrom } = manifestOf(2);
    expect(await store.replaceActive({ ...second, contributionsFrom }, second)).toBe(false);
    expect(await store.replaceActive(second, { ...second, contributionsFrom })).toBe(true);
    expect(await store.replaceActive(second, { ...second, contributionsFrom })).toBe(false);
    expect(await store.active()).toEqual(manifestOf(2));
    await store.deactivate({ stateId: 2, generation: 1 });
    expect(await store.active()).not.toBeNull();
  });

  it('a generation that is being dropped or is not listed cannot be activated', async () => {
    const store = subject().store(newNamespace());
    const [first, second] = [manifestOf(1), manifestOf(2)];
    await store.create(first, start);
    expect(await store.replaceActive(first, second)).toBe(false);
    await store.propose(second, start);
    expect(await store.beginDrop(1)).toBe(false);
    expect(await store.beginDrop(2)).toBe(true);
    expect(await store.beginDrop(2)).toBe(true);
    expect(await store.beginDrop(3)).toBe(true);
    expect(await store.list()).toEqual([first, { ...second, dropping: true }]);
    expect(await store.propose(second, start)).toMatchObject({ dropping: true });
    expect(await store.replaceActive(first, second)).toBe(false);
    expect(await store.active()).toEqual(first);
  });

  it('a sealed task refuses owners with the sealed number or a lower one, for good', async () => {
    const store = subject().store(newNamespace());
    const claim = await claimed(store);
    const outbox = Buffer.from('left');
    await store.commit(task, commitOf(claim, { outbox }));
    expect(await store.seal(task, 2)).toEqual({ positions: [1, 1], committedBy: claim.epoch, outbox });
    expect(await store.seal(task, 2)).toEqual({ positions: [1, 1], committedBy: claim.epoch, outbox });
    expect(await store.inspect(task)).toMatchObject({ epoch: claim.epoch + 1 });
    expect(await store.commit(task, commitOf({ ...claim, sequence: 1, positions: [1, 1] }))).toBe('fenced');
    expect(await store.claim(task, 2)).toBeNull();
    await store.seal(task, 1);
    expect(await store.claim(task, 3)).toMatchObject({ positions: [1, 1] });
    expect(await store.seal({ ...task, partition: 9 }, 1)).toBeNull();
  });

  it('a created task can be neither claimed nor committed to under a lower number', async () => {
    const store = subject().store(newNamespace());
    const candidate = { ...manifestOf(2), generation: 0 };
    const rebuilding = { ...task, stateId: 2 };
    await store.propose(candidate, start);
    const claim = (await store.claim(rebuilding, 0)) as Claim;
    await store.create(manifestOf(2), start);
    expect(await store.commit(rebuilding, commitOf(claim))).toBe('fenced');
    for (const partition of [0, 1]) expect(await store.claim({ ...rebuilding, partition }, 0)).toBeNull();
    expect(await store.claim(rebuilding, 2)).toMatchObject({ sequence: 0 });
  });

  it('loadAt returns values with the positions up to which they were folded', async () => {
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

  it('erase deletes hashes, and eraseTask the task', async () => {
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

  it('create starts the tasks of hundreds of partitions', async () => {
    const store = subject().store(newNamespace());
    const positions = Array.from({ length: 300 }, (_, i) => [i]);
    await store.create({ ...manifestOf(1), partitions: 300 }, { status: positions, kpi: positions });
    expect((await store.claim({ ...task, partition: 299 }, 1))?.positions).toEqual([299]);
    expect((await store.claim({ ...kpiTask, partition: 150 }, 1))?.positions).toEqual([150]);
  });

  it('namespaces do not share state', async () => {
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
