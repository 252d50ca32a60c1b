import { randomBytes } from 'node:crypto';
import type { Generations, Store, Write } from '../../src/store/store';
import { bytes, claimed, commitOf, read, readAll, task, write } from './given';

export function claims(fresh: () => Store & Generations): void {
  it('a claim of a task without state returns null and creates none', async () => {
    const store = fresh();
    expect(await store.claim(task, 1)).toBeNull();
    expect(await store.inspect(task)).toBeNull();
  });

  it('each claim raises the epoch', async () => {
    const store = fresh();
    const { epoch, ...first } = await claimed(store);
    expect(first).toEqual({ sequence: 0, positions: [0, 0], committedBy: 0, outbox: null });
    expect(epoch).toBeGreaterThan(0);
    expect((await store.claim(task, 1))?.epoch).toBeGreaterThan(epoch);
  });

  it('a claim returns the sequence, positions and outbox of the last commit', async () => {
    const store = fresh();
    const claim = await claimed(store);
    const outbox = randomBytes(300);
    await store.commit(task, commitOf(claim, { next: [4, 9_007_199_254_740_991], outbox }));
    const stored = { sequence: 1, positions: [4, 9_007_199_254_740_991] };
    const again = (await store.claim(task, 1))!;
    expect(again).toEqual({ epoch: again.epoch, ...stored, committedBy: claim.epoch, outbox });
    expect(await store.inspect(task)).toEqual({ epoch: again.epoch, ...stored });
  });

  it('an inspection does not raise the epoch', async () => {
    const store = fresh();
    const { epoch } = await claimed(store);
    await store.inspect(task);
    expect((await store.inspect(task))?.epoch).toBe(epoch);
  });
}

export function commits(fresh: () => Store & Generations): void {
  it('a commit writes values, positions and outbox together', async () => {
    const store = fresh();
    const claim = await claimed(store);
    const writes = [write('m/d1/0', { a: '1' }), write('c', { d1: 'total' })];
    expect(await store.commit(task, commitOf(claim, { writes, outbox: bytes('out') }))).toBe('committed');
    expect([await read(store, 'm/d1/0', 'a'), await read(store, 'c', 'd1')]).toEqual(['1', 'total']);
    expect(await store.claim(task, 1)).toMatchObject({
      sequence: 1,
      positions: [1, 1],
      outbox: bytes('out'),
    });
  });

  it('a repeated commit is answered committed and writes nothing again', async () => {
    const store = fresh();
    const claim = await claimed(store);
    const first = commitOf(claim, { writes: [write('c', { a: 'first' })], outbox: bytes('out') });
    await store.commit(task, first);
    const again = { ...first, writes: [write('c', { a: 'second' })], outbox: null };
    expect(await store.commit(task, again)).toBe('committed');
    expect(await read(store, 'c', 'a')).toBe('first');
    expect(await store.claim(task, 1)).toMatchObject({ sequence: 1, outbox: bytes('out') });
  });

  it('a commit replaces the outbox, and clears it where it has none', async () => {
    const store = fresh();
    const claim = await claimed(store);
    await store.commit(task, commitOf(claim, { outbox: bytes('one') }));
    const second = commitOf({ ...claim, sequence: 1, positions: [1, 1] }, { outbox: bytes('two') });
    await store.commit(task, second);
    const again = (await store.claim(task, 1))!;
    expect(again.outbox).toEqual(bytes('two'));
    await store.commit(task, commitOf(again));
    expect((await store.claim(task, 1))?.outbox).toBeNull();
  });

  it('an empty outbox is distinguished from none', async () => {
    const store = fresh();
    await store.commit(task, commitOf(await claimed(store), { outbox: Buffer.alloc(0) }));
    expect((await store.claim(task, 1))?.outbox).toEqual(Buffer.alloc(0));
  });

  it('a commit deletes a field whose value is null', async () => {
    const store = fresh();
    const claim = await claimed(store);
    await store.commit(task, commitOf(claim, { writes: [write('c', { a: '1', b: '2' })] }));
    const next = { ...claim, sequence: 1, positions: [1, 1] };
    await store.commit(task, commitOf(next, { writes: [write('c', { a: null, never: null, x: '3' })] }));
    expect(await readAll(store, 'c')).toEqual(new Map(Object.entries({ b: '2', x: '3' })));
  });

  it('the last of several entries for a field counts', async () => {
    const store = fresh();
    const entries = ['1', null, '2', '3', null].map((value) => [bytes('a'), value && bytes(value)] as const);
    const back = [...entries, [bytes('a'), bytes('4')] as const];
    const writes = [
      { hash: 'gone', entries: entries as Write['entries'] },
      { hash: 'back', entries: back as Write['entries'] },
    ];
    await store.commit(task, commitOf(await claimed(store), { writes }));
    expect([await read(store, 'gone', 'a'), await read(store, 'back', 'a')]).toEqual([null, '4']);
  });

  it('the last of several writes to a hash counts', async () => {
    const store = fresh();
    const writes = [write('c', { a: '1', b: '1' }), write('c', { a: null, b: '2' }), write('c', {})];
    await store.commit(task, commitOf(await claimed(store), { writes }));
    expect(await readAll(store, 'c')).toEqual(new Map([['b', '2']]));
  });

  it('a commit writes more entries at once than a Lua stack holds', async () => {
    const store = fresh();
    const claim = await claimed(store);
    const many = Array.from({ length: 9_001 }, (_, i) => String(i));
    const sets = write('c', Object.fromEntries(many.map((name) => [`f${name}`, name])));
    expect(await store.commit(task, commitOf(claim, { writes: [sets] }))).toBe('committed');
    const fields = many.map((name) => bytes(`f${name}`));
    const [values] = await store.load(task, [{ hash: 'c', fields }]);
    expect(values?.map(String)).toEqual(many);
    expect((await readAll(store, 'c')).size).toBe(9_001);
    const deletes = { hash: 'c', entries: fields.slice(0, 9_000).map((field) => [field, null] as const) };
    await store.commit(task, commitOf({ ...claim, sequence: 1, positions: [1, 1] }, { writes: [deletes] }));
    expect(await readAll(store, 'c')).toEqual(new Map([['f9000', '9000']]));
  });
}
