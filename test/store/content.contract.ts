import type { Generations, Store } from '../../src/store/store';
import { bytes, claimed, commitOf, manifestOf, read, readAll, start, task, write } from './given';

export function reads(fresh: () => Store & Generations): void {
  it('a load returns values in the requested order: absent fields, absent hashes, and a field requested twice', async () => {
    const store = fresh();
    const writes = [write('x', { a: '1', b: '2' }), write('y', { a: '3' })];
    await store.commit(task, commitOf(await claimed(store), { writes }));
    const fields = ['b', 'none', 'a', 'b'].map(bytes);
    const loaded = await store.load(task, [
      { hash: 'y', fields },
      { hash: 'none', fields },
      { hash: 'x', fields },
      { hash: 'y', fields: [bytes('a')] },
    ]);
    expect(loaded.map((values) => values.map((value) => value?.toString() ?? null))).toEqual([
      [null, null, '3', null],
      [null, null, null, null],
      ['2', null, '1', '2'],
      ['3'],
    ]);
  });

  it('a load accepts no reads, and reads without fields', async () => {
    const store = fresh();
    await store.commit(task, commitOf(await claimed(store), { writes: [write('x', { a: '1' })] }));
    expect(await store.load(task, [])).toEqual([]);
    const none = { hash: 'x', fields: [] };
    expect(await store.load(task, [none, none])).toEqual([[], []]);
    const some = { hash: 'x', fields: [bytes('a')] };
    expect(await store.load(task, [none, some, none])).toEqual([[], [bytes('1')], []]);
  });

  it('a count returns the values of one hash, and the numbers of fields of others, 0 for a hash that does not exist', async () => {
    const store = fresh();
    const writes = [write('x', { a: '1', b: '2' }), write('y', { a: '3' })];
    await store.commit(task, commitOf(await claimed(store), { writes }));
    const fields = ['b', 'none'].map(bytes);
    expect(await store.count(task, { hash: 'x', fields }, ['y', 'none', 'x', 'y'])).toEqual({
      values: [bytes('2'), null],
      fields: [1, 0, 2, 1],
    });
  });

  it('a load of a task without state returns nulls', async () => {
    expect(await fresh().load(task, [{ hash: 'x', fields: [bytes('a')] }])).toEqual([[null]]);
  });

  it('a scan returns all of a large hash, in pages, while fields are deleted', async () => {
    const store = fresh();
    const claim = await claimed(store);
    const names = Array.from({ length: 5_000 }, (_, i) => `f${i}`);
    const all = write('c', Object.fromEntries(names.map((name) => [name, name])));
    await store.commit(task, commitOf(claim, { writes: [all] }));
    const first = await store.scan(task, 'c', '0');
    expect(first.cursor).not.toBe('0');
    expect(first.entries.length).toBeGreaterThan(0);
    const seen = new Set(first.entries.map(([field]) => field.toString()));
    const gone = write('c', Object.fromEntries([...seen].map((name) => [name, null])));
    await store.commit(task, commitOf({ ...claim, sequence: 1, positions: [1, 1] }, { writes: [gone] }));
    for (let { cursor } = first; cursor !== '0';) {
      const page = await store.scan(task, 'c', cursor);
      for (const [field] of page.entries) seen.add(field.toString());
      cursor = page.cursor;
    }
    expect(seen).toEqual(new Set(names));
  });

  it('a scan of a missing hash returns no entries', async () => {
    expect(await fresh().scan(task, 'none', '0')).toEqual({ cursor: '0', entries: [] });
  });
}

export function contents(fresh: () => Store & Generations): void {
  it('fields, values and outbox keep every byte, also empty ones', async () => {
    const store = fresh();
    const every = Buffer.from(Array.from({ length: 256 }, (_, i) => i));
    const pairs = [
      [every, Buffer.alloc(0)],
      [Buffer.alloc(0), every],
      [bytes('0'), Buffer.concat([every, every])],
      ...[...every].map((byte) => [Buffer.from([byte]), Buffer.from([255 - byte])]),
    ] as [Buffer, Buffer][];
    const writes = [{ hash: 'c', entries: pairs }];
    await store.commit(task, commitOf(await claimed(store), { writes, outbox: every }));
    const last = new Map(pairs.map(([field, value]) => [field.toString('latin1'), value]));
    const [loaded] = await store.load(task, [{ hash: 'c', fields: pairs.map(([field]) => field) }]);
    expect(loaded).toEqual(pairs.map(([field]) => last.get(field.toString('latin1'))));
    expect((await readAll(store, 'c')).size).toBe(last.size);
    expect((await store.claim(task, 1))?.outbox).toEqual(every);
  });

  it('a hash may have any name, and different names are different hashes', async () => {
    const store = fresh();
    const names = ['m/{d}/0', 'm/}{/0', 'm/ü\u{1f4e7}/0', 'm/a:t/0', 'm/*/0', 't', 'o', '', 'm/a b\n/0'];
    const writes = names.map((name, i) => write(name, { a: String(i) }));
    await store.commit(task, commitOf(await claimed(store), { writes }));
    const loaded = await store.load(
      task,
      names.map((hash) => ({ hash, fields: [bytes('a')] })),
    );
    expect(loaded.map(([value]) => String(value))).toEqual(names.map((_, i) => String(i)));
  });

  it('a stored value does not change with the buffers of the caller', async () => {
    const store = fresh();
    const value = bytes('value');
    const commit = { writes: [{ hash: 'c', entries: [[bytes('a'), value] as const] }] };
    await store.commit(task, commitOf(await claimed(store), commit));
    value.fill(0);
    const [first] = await store.load(task, [{ hash: 'c', fields: [bytes('a')] }]);
    first?.[0]?.fill(0);
    expect(await read(store, 'c', 'a')).toBe('value');
  });

  it('tasks of other generations, pipelines and partitions are not changed by a commit', async () => {
    const store = fresh();
    const claim = await claimed(store);
    await store.create(manifestOf(11), start);
    const others = [
      { ...task, partition: 1 },
      { ...task, pipeline: 'kpi' as const },
      { ...task, stateId: 11 },
    ];
    const before = await Promise.all(others.map((other) => store.inspect(other)));
    const commit = commitOf(claim, { writes: [write('c', { a: '1' })], outbox: bytes('out') });
    await store.commit(task, commit);
    expect(await Promise.all(others.map((other) => store.inspect(other)))).toEqual(before);
    expect(await Promise.all(others.map((other) => read(store, 'c', 'a', other)))).toEqual([
      null,
      null,
      null,
    ]);
    for (const other of others) expect((await store.claim(other, 11))?.outbox).toBeNull();
  });
}
