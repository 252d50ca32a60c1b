import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { inspect } from 'node:util';
import type { Redis } from 'ioredis';
import { checkServer, closeRedis, connectRedis } from '../../src/store/connect.redis';
import { keysOf } from '../../src/store/keys';
import { packWrite } from '../../src/store/packing';
import { readScripts, runScript, type RedisClient } from '../../src/store/scripts.redis';
import { pollMs } from '../servers/child';
import { startRedis, type RedisServer } from '../servers/redis';
import { describeWithServers } from '../servers/servers';
import { before } from '../support/bounds';
import { bytes, claimed, commitOf, newNamespace, read, task, untilAnswers, write } from './given';
import { lineLog, redisSubject } from './redis.subject';

/** A proxy that can stop forwarding on its open connections without closing them. */
async function stallingProxy(port: number): Promise<{
  port: number;
  stall(): void;
  connections(): number;
  close(): void;
}> {
  const sockets: Socket[] = [];
  const proxy = createServer((downstream) => {
    const upstream = connect(port, '127.0.0.1');
    downstream.pipe(upstream).pipe(downstream);
    for (const socket of [downstream, upstream]) socket.on('error', () => socket.destroy());
    sockets.push(downstream, upstream);
  });
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
  return {
    port: (proxy.address() as AddressInfo).port,
    stall: () => sockets.forEach((socket) => socket.unpipe().resume()),
    connections: () => sockets.length / 2,
    close() {
      proxy.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}

const TIMEOUT_MS = 500;
const UNAVAILABLE = { code: 'redis-unavailable', retriable: true };

describeWithServers(['own-redis'], 'a failing Redis', () => {
  let server: RedisServer;
  let client: RedisClient;
  let admin: RedisClient;
  const { log, lines } = lineLog();
  const options = { log, commandTimeoutMs: TIMEOUT_MS };
  beforeAll(async () => {
    server = await startRedis({ args: ['--appendonly', 'yes', '--appendfsync', 'always'] });
    client = await connectRedis(server.url, options);
    admin = await connectRedis(server.url, { log: lineLog().log });
  });
  afterAll(async () => {
    closeRedis(client);
    closeRedis(admin);
    await server.stop();
  });

  it.each(['allkeys-lru', 'volatile-ttl'])(
    'is refused where its policy may evict keys: %s',
    async (policy) => {
      await admin.config('SET', 'maxmemory-policy', policy);
      const refusal = { code: 'redis-evicts', message: expect.stringContaining(policy) };
      await expect(checkServer(client)).rejects.toMatchObject(refusal);
      await admin.config('SET', 'maxmemory-policy', 'noeviction');
      await checkServer(client);
    },
  );

  it('is checked under a user without rights to CONFIG and to other keys', async () => {
    const rules = [
      'on',
      '>secret@:',
      '~efs:*',
      '-@all',
      '+@read',
      '+@write',
      '+@scripting',
      '+info',
      '+ping',
    ];
    await admin.acl('SETUSER', 'worker', ...rules);
    const url = server.url.replace('//', `//worker:${encodeURIComponent('secret@:')}@`);
    const worker = await connectRedis(url, options);
    await checkServer(worker);
    const store = redisSubject(worker).store(newNamespace());
    expect(await store.commit(task, commitOf(await claimed(store)))).toBe('committed');
    closeRedis(worker);
    const wrong = server.url.replace('//', '//worker:wrong@');
    await expect(connectRedis(wrong, options)).rejects.toMatchObject({ code: 'access-refused' });
  });

  it('writes nothing of a commit when its memory is full', async () => {
    const store = redisSubject(client).store(newNamespace());
    const claim = await claimed(store);
    const outbox = bytes('old');
    await store.commit(task, commitOf(claim, { writes: [write('c', { a: 'old', gone: 'old' })], outbox }));
    await admin.config('SET', 'maxmemory', '1mb');
    const writes = [write('c', { a: 'new', b: 'new', gone: null }), write('d', { a: 'new' })];
    const second = commitOf({ ...claim, sequence: 1, positions: [1, 1] }, { writes });
    await expect(store.commit(task, second)).rejects.toMatchObject(UNAVAILABLE);
    expect(await store.inspect(task)).toMatchObject({ sequence: 1, positions: [1, 1] });
    const stored = async (): Promise<unknown[]> =>
      [
        await read(store, 'c', 'a'),
        await read(store, 'c', 'gone'),
        await read(store, 'c', 'b'),
        await read(store, 'd', 'a'),
      ] as unknown[];
    expect(await stored()).toEqual(['old', 'old', null, null]);
    await admin.config('SET', 'maxmemory', '0');
    expect(await store.commit(task, second)).toBe('committed');
    expect(await stored()).toEqual(['new', null, 'new', 'new']);
  });

  it.each([
    ['cut short', (blob: Buffer) => blob.subarray(0, blob.length - 1)],
    ['too long', (blob: Buffer) => Buffer.concat([blob, bytes('x')])],
    ['without its counts', (blob: Buffer) => blob.subarray(0, 7)],
  ])('writes nothing of a commit whose packed write is %s', async (_, broken) => {
    const namespace = newNamespace();
    const store = redisSubject(client).store(namespace);
    const { epoch } = await claimed(store);
    const keys = keysOf(namespace);
    const written = [keys.task(task), keys.outbox(task), keys.hash(task, 'c'), keys.hash(task, 'd')];
    const [good, bad] = [
      packWrite(write('c', { a: '1' })),
      broken(packWrite(write('d', { b: '2', c: null }))),
    ];
    const args = [String(epoch), '1', '0,0', '1,1', '1', 'out', good, bad];
    await expect(runScript(client, readScripts().commit, written, args)).rejects.toThrow();
    expect(await store.inspect(task)).toMatchObject({ sequence: 0, positions: [0, 0] });
    expect(await read(store, 'c', 'a')).toBeNull();
    expect((await store.claim(task, 1))?.outbox).toBeNull();
  });

  it('is unavailable while it is a replica, and is reached over a new connection afterwards', async () => {
    const store = redisSubject(client).store(newNamespace());
    const claim = await claimed(store);
    const connection = await client.client('ID');
    await admin.replicaof('127.0.0.1', 1);
    await expect(store.commit(task, commitOf(claim))).rejects.toMatchObject(UNAVAILABLE);
    await admin.replicaof('NO', 'ONE');
    await untilAnswers(() => store.inspect(task));
    expect(await untilAnswers(() => store.commit(task, commitOf(claim)))).toBe('committed');
    // After a failover the old connection could lead to the wrong server for ever.
    expect(await client.client('ID')).not.toBe(connection);
  });

  it('is unavailable within the command timeout when it hangs, and takes the commit after it resumes', async () => {
    const store = redisSubject(client).store(newNamespace());
    const claim = await claimed(store);
    const commit = commitOf(claim, { writes: [write('c', { a: '1' })] });
    server.pause();
    const commits = before(TIMEOUT_MS * 3, () => store.commit(task, commit));
    await expect(commits).rejects.toMatchObject(UNAVAILABLE);
    await expect(store.load(task, [{ hash: 'c', fields: [bytes('a')] }])).rejects.toMatchObject(UNAVAILABLE);
    await expect(connectRedis(server.url, options)).rejects.toMatchObject(UNAVAILABLE);
    server.resume();
    expect(await untilAnswers(() => store.commit(task, commit))).toBe('committed');
    expect(await store.inspect(task)).toMatchObject({ sequence: 1 });
    expect(await read(store, 'c', 'a')).toBe('1');
  });

  it('has its connection closed once, however many replies are overdue', async () => {
    const store = redisSubject(client).store(newNamespace());
    await claimed(store);
    const end = jest.spyOn((client as Redis).stream, 'end');
    server.pause();
    await Promise.allSettled(Array.from({ length: 12 }, () => store.inspect(task)));
    while (end.mock.calls.length === 0) await pollMs(1);
    server.resume();
    await untilAnswers(() => store.inspect(task));
    expect(end).toHaveBeenCalledTimes(1);
  });

  it('keeps its connection where this process was too busy to read a reply in time', async () => {
    const store = redisSubject(client).store(newNamespace());
    await claimed(store);
    const end = jest.spyOn((client as Redis).stream, 'end');
    const overdue = store.inspect(task);
    const busyUntil = performance.now() + 1.2 * TIMEOUT_MS;
    while (performance.now() < busyUntil);
    await expect(overdue).rejects.toMatchObject(UNAVAILABLE);
    await store.inspect(task);
    expect(end).not.toHaveBeenCalled();
  });

  it('is reached over a new connection when the old one stalls without being closed, as behind a firewall', async () => {
    const proxy = await stallingProxy(server.port);
    const distant = await connectRedis(`redis://127.0.0.1:${proxy.port}`, options);
    const store = redisSubject(distant).store(newNamespace());
    const claim = await claimed(store);
    proxy.stall();
    await expect(store.commit(task, commitOf(claim))).rejects.toMatchObject(UNAVAILABLE);
    expect(await untilAnswers(() => store.commit(task, commitOf(claim)))).toBe('committed');
    expect(proxy.connections()).toBeGreaterThan(1);
    closeRedis(distant);
    proxy.close();
  });

  it('is unavailable while it is down, and has its state after a restart', async () => {
    const store = redisSubject(client).store(newNamespace());
    const claim = await claimed(store);
    await store.commit(task, commitOf(claim, { writes: [write('c', { a: '1' })], outbox: bytes('out') }));
    await server.kill();
    const second = commitOf({ ...claim, sequence: 1, positions: [1, 1] });
    await expect(store.commit(task, second)).rejects.toMatchObject(UNAVAILABLE);
    await before(TIMEOUT_MS, async () => {
      for (let i = 0; i < 5; i++) await expect(store.commit(task, second)).rejects.toMatchObject(UNAVAILABLE);
    });
    await expect(connectRedis(server.url, options)).rejects.toMatchObject(UNAVAILABLE);
    await server.restart();
    expect(await untilAnswers(() => store.commit(task, second))).toBe('committed');
    expect(await read(store, 'c', 'a')).toBe('1');
    expect(await store.claim(task, 1)).toMatchObject({ sequence: 2, positions: [2, 2], outbox: null });
    expect(lines).toContainEqual(expect.stringMatching(/^lost the connection to Redis/));
    expect(lines).toContainEqual(expect.stringMatching(/^connected to Redis again/));
  });

  it('names the key that holds a value of another type, and no message', async () => {
    const store = redisSubject(client).store('broken');
    await admin.set('efs:broken:{1.s.0}:h:m/secret/0', 'no hash');
    const failure: unknown = await store
      .load(task, [{ hash: 'm/secret/0', fields: [bytes('recipient')] }])
      .catch((error: unknown) => error);
    expect(failure).toMatchObject({
      message: expect.stringMatching(/^Redis key \S+:h:m\/secret\/0 holds a value of another type/),
    });
    expect(inspect(failure, { depth: null, showHidden: true })).not.toContain('recipient');
  });

  it.each(['', 'localhost:6379', 'http://localhost', 'redis://localhost/x'])(
    'is refused at the invalid URL %p',
    async (url) => {
      await expect(connectRedis(url, options)).rejects.toMatchObject({ code: 'config-invalid' });
    },
  );
});
