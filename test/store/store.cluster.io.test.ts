import { Cluster } from 'ioredis';
import { checkServer, closeRedis, connectRedis } from '../../src/store/connect.redis';
import type { RedisClient } from '../../src/store/scripts.redis';
import type { Claim } from '../../src/store/store';
import { pollMs } from '../servers/child';
import { cli, startRedisCluster, type RedisClusterServer } from '../servers/redis';
import { describeWithServers } from '../servers/servers';
import { before } from '../support/bounds';
import { describeDefences } from './defence.contract';
import { claimed, commitOf, newNamespace, read, task, untilAnswers, write } from './given';
import { mastersOf, lineLog, redisSubject } from './redis.subject';
import { describeStore } from './store.contract';

const TIMEOUT_MS = 1_000;

describeWithServers(['own-redis'], 'the store in a Redis Cluster with replicas', () => {
  let servers: RedisClusterServer;
  let client: RedisClient;
  beforeAll(async () => {
    // No pause of a busy machine is taken for a failure: nothing here waits for a failover.
    servers = await startRedisCluster({ replicas: 1, args: ['--cluster-node-timeout', '30000'] });
    client = await connectRedis(servers.urls[0] ?? '', {
      log: lineLog().log,
      commandTimeoutMs: TIMEOUT_MS,
    });
  });
  afterAll(async () => {
    closeRedis(client);
    await servers.stop();
  });

  it('is recognised from a plain URL of one of its nodes', async () => {
    expect(client).toBeInstanceOf(Cluster);
    expect(mastersOf(client)).toHaveLength(3);
    await checkServer(client);
  });

  it('is found from a replica, also while the first nodes of the URL are down', async () => {
    const replica = servers.nodes[5]?.port;
    for (const url of [`redis://127.0.0.1:${replica}`, `redis://127.0.0.1:1,127.0.0.1:${replica}`]) {
      const found = await connectRedis(url, { log: lineLog().log, commandTimeoutMs: TIMEOUT_MS });
      expect(mastersOf(found)).toHaveLength(3);
      closeRedis(found);
    }
  });

  describeStore(() => redisSubject(client));
  describeDefences((without) => redisSubject(client, without));

  it('sends a script by its text when its node no longer caches it', async () => {
    const store = redisSubject(client).store(newNamespace());
    const claim = await claimed(store);
    for (const node of mastersOf(client)) await node.script('FLUSH');
    expect(await store.commit(task, commitOf(claim))).toBe('committed');
  });

  it('is refused where one node has an eviction policy', async () => {
    const third = mastersOf(client)[2];
    await third?.config('SET', 'maxmemory-policy', 'volatile-ttl');
    await expect(checkServer(client)).rejects.toMatchObject({ code: 'redis-evicts' });
    await third?.config('SET', 'maxmemory-policy', 'noeviction');
    await checkServer(client);
  });

  it('is unavailable within the command timeout when its nodes hang, and takes commits after they resume', async () => {
    const namespace = newNamespace();
    const store = redisSubject(client).store(namespace);
    await claimed(store);
    const partitionOne = { ...task, partition: 1 };
    await store.claim(partitionOne, 1);
    for (const node of servers.nodes) node.pause();
    const both = (): Promise<unknown>[] => [task, partitionOne].map((each) => store.inspect(each));
    for (const pending of await before(TIMEOUT_MS * 3, () => Promise.allSettled(both())))
      expect(pending).toMatchObject({ status: 'rejected', reason: { code: 'redis-unavailable' } });
    for (const node of servers.nodes) node.resume();
    await untilAnswers(() => store.inspect(task));
    const writes = [write('c', { a: '1' })];
    const claim = (await store.claim(task, 1)) as Claim;
    expect(await store.commit(task, commitOf(claim, { writes }))).toBe('committed');
    expect(await read(store, 'c', 'a')).toBe('1');
  });
});

describeWithServers(['own-redis'], 'a Redis Cluster that has lost a master without a replica', () => {
  it('is unavailable at the start, and takes commits once the master is back', async () => {
    const servers = await startRedisCluster();
    const [first, , third] = servers.nodes;
    const connect = (): Promise<RedisClient> =>
      connectRedis(first?.url ?? '', { log: lineLog().log, commandTimeoutMs: TIMEOUT_MS });
    await third?.kill();
    while (!(await cli(first?.port ?? 0, ['cluster', 'info'])).includes('cluster_state:fail'))
      await pollMs(50);
    await expect(connect()).rejects.toMatchObject({ code: 'redis-unavailable' });
    await third?.restart();
    const client = await untilAnswers(connect);
    const store = redisSubject(client).store(newNamespace());
    const claim = await untilAnswers(() => claimed(store));
    expect(await untilAnswers(() => store.commit(task, commitOf(claim)))).toBe('committed');
    closeRedis(client);
    await servers.stop();
  });
});
