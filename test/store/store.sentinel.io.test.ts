import { checkServer, closeRedis, connectRedis } from '../../src/store/connect.redis';
import type { RedisClient } from '../../src/store/scripts.redis';
import { type RedisSentinelServer, startRedisSentinel } from '../servers/redis';
import { describeWithServers } from '../servers/servers';
import { describeDefences } from './defence.contract';
import { lineLog, redisSubject } from './redis.subject';
import { describeStore } from './store.contract';

const UNREACHABLE = '127.0.0.1:1';

describeWithServers(['own-redis'], 'the store behind three sentinels', () => {
  let servers: RedisSentinelServer;
  let client: RedisClient;
  const options = { log: lineLog().log, commandTimeoutMs: 1_000 };
  beforeAll(async () => {
    servers = await startRedisSentinel();
    client = await connectRedis(servers.url, options);
    await checkServer(client);
  });
  afterAll(async () => {
    closeRedis(client);
    await servers.stop();
  });

  describeStore(() => redisSubject(client));
  describeDefences((without) => redisSubject(client, without));

  /** Whether these sentinels lead to the primary. */
  const finds = async (hosts: string): Promise<boolean> => {
    const found = await connectRedis(`redis+sentinel://${hosts}/${servers.name}`, options);
    const role = await found.call('role');
    closeRedis(found);
    return String(role).startsWith('master');
  };

  it('is found while all sentinels but one are down or hang', async () => {
    const [first, second, third] = servers.sentinels.map(({ port }) => `127.0.0.1:${port}`);
    expect(await finds(`${UNREACHABLE},${third}`)).toBe(true);
    servers.sentinels[0]?.pause();
    servers.sentinels[1]?.pause();
    expect(await finds(`${first},${second},${third}`)).toBe(true);
    servers.sentinels[0]?.resume();
    servers.sentinels[1]?.resume();
  });

  const [replica, sentinel] = [() => servers.nodes[1]?.url ?? '', () => servers.sentinels[0]?.port ?? 0];

  it.each<[string, () => string, object]>([
    ['no sentinel answers', () => `redis+sentinel://${UNREACHABLE}/efs`, { code: 'redis-unavailable' }],
    [
      'the sentinels watch another primary',
      () => `redis+sentinel://127.0.0.1:${sentinel()}/other`,
      { code: 'config-invalid', message: expect.stringContaining('"other"') },
    ],
    [
      'a server is given as a sentinel',
      () => `redis+sentinel://127.0.0.1:${servers.nodes[0]?.port}/efs`,
      { code: 'config-invalid', message: expect.stringContaining('no sentinel') },
    ],
    [
      'a sentinel is given as a server',
      () => `redis://127.0.0.1:${sentinel()}`,
      { code: 'config-invalid', message: expect.stringContaining('redis+sentinel://') },
    ],
    [
      'a replica is given by mistake',
      replica,
      { code: 'redis-replica', remedy: expect.stringContaining('redis+sentinel://') },
    ],
  ])('is refused where %s', async (_, url, failure) => {
    await expect(connectRedis(url(), options)).rejects.toMatchObject(failure);
  });

  it('is refused at a replica, with the address of its master', async () => {
    const master = `127.0.0.1:${servers.nodes[0]?.port}`;
    await expect(connectRedis(replica(), options)).rejects.toThrow(`is a replica of ${master}`);
  });
});
