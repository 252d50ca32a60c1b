import fc from 'fast-check';
import { closeRedis, connectRedis } from '../../src/store/connect.redis';
import type { RedisClient } from '../../src/store/scripts.redis';
import type { Claim, Commit, Generations, Sealed, Store } from '../../src/store/store';
import { memoryStore } from '../../src/store/store.memory';
import { redisStore } from '../../src/store/store.redis';
import { describeWithServers } from '../servers/servers';
import { describeDefences } from './defence.contract';
import {
  bytes,
  claimed,
  commitOf,
  manifestOf,
  newNamespace,
  ownRead,
  ownScan,
  read,
  start,
  task,
  write,
} from './given';
import { lineLog, redisSubject } from './redis.subject';
import { describeStore } from './store.contract';

describeWithServers(['redis'], 'the store in Redis', (servers) => {
  let client: RedisClient;
  beforeAll(async () => {
    client = await connectRedis(servers.redisUrl, { log: lineLog().log });
  });
  afterAll(() => closeRedis(client));

  describeStore(() => redisSubject(client));
  describeDefences((without) => redisSubject(client, without));

  it('sends a script by its text when Redis no longer caches it', async () => {
    const store = redisSubject(client).store(newNamespace());
    const claim = await claimed(store);
    await client.script('FLUSH');
    expect(await store.commit(task, commitOf(claim, { writes: [write('c', { a: '1' })] }))).toBe('committed');
    await client.script('FLUSH');
    expect(await read(store, 'c', 'a')).toBe('1');
  });

  it.each<[string, string, (store: Store, claim: Claim) => Promise<unknown>]>([
    ['a hash that is loaded', 'h:c', (store) => read(store, 'c', 'a')],
    ['a hash that is scanned', 'h:c', (store) => store.scan(task, 'c', '0')],
    [
      'a hash that is counted',
      'h:c',
      (store) => store.count(task, { hash: 'x', fields: [bytes('a')] }, ['c']),
    ],
    [
      'a hash that is written',
      'h:c',
      (store, claim) => store.commit(task, commitOf(claim, { writes: [write('c', { a: '1' })] })),
    ],
    ['a task that is claimed', 't', (store) => store.claim(task, 1)],
    ['a task that is inspected', 't', (store) => store.inspect(task)],
    ['an outbox', 'o', (store) => store.claim(task, 1)],
  ])('names the key that holds a value of another type: %s', async (_, end, use) => {
    const namespace = newNamespace();
    const store = redisSubject(client).store(namespace);
    const claim = await claimed(store);
    const key = `efs:${namespace}:{1.s.0}:${end}`;
    await client.del(key);
    await client.lpush(key, 'garbage');
    await expect(use(store, claim)).rejects.toMatchObject({
      code: 'state-damaged',
      message: `Redis key ${key} holds a value of another type`,
    });
  });

  it('names the key of a task whose positions are no offsets', async () => {
    const namespace = newNamespace();
    const store = redisSubject(client).store(namespace);
    await claimed(store);
    const key = `efs:${namespace}:{1.s.0}:t`;
    await client.hset(key, 'p', 'x,1');
    const problem = {
      code: 'state-damaged',
      message: `Redis key ${key}: positions that are no offsets are stored`,
    };
    await expect(store.claim(task, 1)).rejects.toMatchObject(problem);
    await expect(store.inspect(task)).rejects.toMatchObject(problem);
  });

  it('writes all keys of a task under its namespace with one hash tag', async () => {
    const namespace = newNamespace();
    const store = redisSubject(client).store(namespace);
    const claim = await claimed(store);
    const writes = [write('m/{x}/0', { a: '1' })];
    await store.commit(task, commitOf(claim, { writes, outbox: bytes('out') }));
    const keys = await client.keys(`efs:${namespace}:{1.s.0}*`);
    expect(keys.sort()).toEqual(['h:m/{x}/0', 'o', 't'].map((end) => `efs:${namespace}:{1.s.0}:${end}`));
  });

  it('writes a manifest under the field names of version 0.1, and reads one of 0.1 and one from before there were cut-overs', async () => {
    const namespace = newNamespace();
    const store = redisStore(client, { namespace });
    const key = `efs:${namespace}:{generations}:active`;
    const settings = { partitions: 2, defaultPolicy: 'EFS', domainGroups: 'google=gmail.com', buckets: 1 };
    const oldest = { ...settings, generation: 1, succeeds: false, targets: [[7], [8]] };
    const cutOver = { publishedAs: 1, takesOver: null, settled: true };
    const present = { ...settings, generation: 1, ...cutOver, contributions: [5, 6] };
    for (const [text, contributions] of [
      [oldest, []],
      [{ ...oldest, ...cutOver }, []],
      [present, [5, 6]],
    ] as const) {
      await client.set(key, JSON.stringify(text));
      expect(await store.active()).toEqual({ ...manifestOf(1), contributionsFrom: contributions });
    }
    await client.set(key, JSON.stringify({ ...present, settled: false }));
    expect(await store.active()).toEqual({ ...manifestOf(1), contributionsFrom: null });
    await store.deactivate(manifestOf(1));
    await store.create(manifestOf(1), start);
    expect(JSON.parse((await client.get(key)) ?? '')).toEqual(present);
  });

  it('returns the same as the store in memory for any sequence of operations', async () => {
    const small = fc.integer({ min: 0, max: 2 });
    const step = fc.integer({ min: -1, max: 1 });
    const entries = fc.array(fc.tuple(small, fc.option(fc.uint8Array({ maxLength: 3 }))), { maxLength: 4 });
    const act = fc.oneof(
      fc.record({ kind: fc.constant('claim' as const) }),
      fc.record({
        kind: fc.constant('commit' as const),
        epoch: small,
        sequence: small,
        expected: small,
        next: small,
        outbox: fc.option(fc.uint8Array({ maxLength: 3 })),
        writes: fc.array(fc.record({ hash: small, entries }), { maxLength: 3 }),
      }),
      fc.record({ kind: fc.constant('create' as const), generation: fc.integer({ min: 1, max: 2 }) }),
      fc.record({ kind: fc.constant('deactivate' as const), generation: small }),
      fc.record({ kind: fc.constant('propose' as const), generation: fc.integer({ min: 1, max: 3 }) }),
      fc.record({
        kind: fc.constant('replace' as const),
        generation: small,
        isComplete: fc.boolean(),
        to: fc.integer({ min: 1, max: 3 }),
      }),
      fc.record({ kind: fc.constant('begin drop' as const), generation: small }),
      fc.record({ kind: fc.constant('unlist' as const), generation: small }),
      fc.record({ kind: fc.constant('list' as const) }),
      fc.record({ kind: fc.constant('seal' as const), number: small }),
      fc.record({ kind: fc.constant('read' as const), epoch: step, sequence: step }),
    );
    type Act = typeof act extends fc.Arbitrary<infer T> ? T : never;

    type Normalise = (found: Partial<Claim> | Sealed | null) => unknown;

    /** One store counts its epochs, the other takes them from the clock: each is replaced by its order of appearance. */
    const epochsByOrder = (): Normalise => {
      const seen = [0];
      const orderOf = (epoch: number | undefined): number | undefined => {
        if (epoch !== undefined && !seen.includes(epoch)) seen.push(epoch);
        return epoch === undefined ? undefined : seen.indexOf(epoch);
      };
      return (found) =>
        found && {
          ...found,
          epoch: orderOf('epoch' in found ? found.epoch : undefined),
          committedBy: orderOf(found.committedBy),
        };
    };

    const perform = async (store: Store & Generations, normalise: Normalise, what: Act): Promise<unknown> => {
      switch (what.kind) {
        case 'claim':
          return normalise(await store.claim(task, 1));
        case 'create':
          return store.create(manifestOf(what.generation), start);
        case 'deactivate':
          return store.deactivate(manifestOf(what.generation));
        case 'propose':
          return store.propose(manifestOf(what.generation), start);
        case 'replace':
          return store.replaceActive(
            { ...manifestOf(what.generation), ...(what.isComplete ? {} : { contributionsFrom: null }) },
            manifestOf(what.to),
          );
        case 'begin drop':
          return store.beginDrop(what.generation);
        case 'unlist':
          return store.unlist(what.generation);
        case 'list':
          return store.list();
        case 'seal':
          return normalise(await store.seal(task, what.number));
        case 'read': {
          const { epoch, sequence } = (await store.inspect(task)) ?? { epoch: 0, sequence: 0 };
          const known = { epoch: epoch + what.epoch, sequence: sequence + what.sequence };
          return { read: await ownRead(store, known), scan: await ownScan(store, known) };
        }
        case 'commit': {
          // Offsets from the stored state, so that every outcome occurs.
          const found = (await store.inspect(task)) ?? { epoch: 0, sequence: 0, positions: [0, 0] };
          const commit: Commit = {
            epoch: found.epoch + (what.epoch === 0 ? 0 : what.epoch - 1),
            sequence: found.sequence + (what.sequence === 0 ? 1 : what.sequence - 1),
            expected: found.positions.map((position) => position + Math.max(0, what.expected - 1)),
            next: found.positions.map((position) => position + what.next),
            outbox: what.outbox && Buffer.from(what.outbox),
            writes: what.writes.map((each) => ({
              hash: `h${each.hash}`,
              entries: each.entries.map(
                ([field, value]) => [bytes(`f${field}`), value && Buffer.from(value)] as const,
              ),
            })),
          };
          return store.commit(task, commit);
        }
      }
    };
    const reads = [0, 1, 2].map((hash) => ({
      hash: `h${hash}`,
      fields: [0, 1, 2].map((f) => bytes(`f${f}`)),
    }));
    const claim = { kind: 'claim' } as const;
    const next = { epoch: 0, sequence: 0, expected: 0, next: 1, outbox: null, writes: [] };
    const committedInBetween: Act[] = [claim, { kind: 'commit', ...next }, claim];
    const written: [number, Uint8Array<ArrayBuffer>][] = [[0, Uint8Array.of(1)]];
    const createdAgain: Act[] = [
      { kind: 'commit', ...next, writes: [{ hash: 0, entries: written }], outbox: Uint8Array.of(2) },
      { kind: 'deactivate', generation: 1 },
      { kind: 'create', generation: 1 },
      claim,
    ];
    await fc.assert(
      fc.asyncProperty(fc.array(act, { minLength: 5, maxLength: 25 }), async (acts) => {
        const [model, real] = [memoryStore(), redisSubject(client).store(newNamespace())];
        const [ofModel, ofReal] = [epochsByOrder(), epochsByOrder()];
        for (const what of [{ kind: 'create' as const, generation: 1 }, ...acts]) {
          expect(await perform(real, ofReal, what)).toEqual(await perform(model, ofModel, what));
          expect(await real.load(task, reads)).toEqual(await model.load(task, reads));
          expect(ofReal(await real.inspect(task))).toEqual(ofModel(await model.inspect(task)));
          expect(await real.active()).toEqual(await model.active());
        }
      }),
      { numRuns: 60, examples: [[committedInBetween], [createdAgain]] },
    );
  });
});
