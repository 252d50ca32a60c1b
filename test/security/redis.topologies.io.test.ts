import { readFileSync } from 'node:fs';
import { checkServer, closeRedis, connectRedis, type ConnectOptions } from '../../src/store/connect.redis';
import { cli, startRedisCluster, startRedisSentinel } from '../servers/redis';
import { describeWithServers } from '../servers/servers';
import { claimed, commitOf, newNamespace, task } from '../store/given';
import { lineLog, redisSubject } from '../store/redis.subject';
import { type Certificates, makeCertificates } from './certificates';
import { redisRules, sentinelUser } from './rights';
import { PASSWORD } from './secured';

const SENTINEL_PASSWORD = 'an0ther-pass';

describeWithServers(
  ['own-redis'],
  'Redis over TLS, under users with no more rights than the documented ones',
  () => {
    let certificates: Certificates;
    let options: ConnectOptions;
    let stop: () => Promise<void>;
    beforeAll(async () => {
      certificates = await makeCertificates();
      options = { log: lineLog().log, tls: { ca: readFileSync(certificates.ca, 'utf8') } };
    });
    afterEach(() => stop());
    afterAll(() => certificates.remove());

    const user = (rules: string): string[] => ['--user', 'efs', 'on', `>${PASSWORD}`, ...rules.split(' ')];
    const as = (url: string, password = PASSWORD): string => url.replace('://', `://efs:${password}@`);
    const refused = { code: 'access-refused' };

    /** The users of the connections that a port has from us. */
    const usersAt = async (port: number): Promise<string[]> =>
      [...(await cli(port, ['client', 'list'])).matchAll(/ name=efs .* user=(\S+)/g)].map(
        ([, name = '']) => name,
      );

    const commits = async (url: string, change: Partial<ConnectOptions> = {}): Promise<() => void> => {
      const client = await connectRedis(as(url), { ...options, ...change });
      await checkServer(client);
      const store = redisSubject(client).store(newNamespace());
      expect(await store.commit(task, commitOf(await claimed(store)))).toBe('committed');
      return () => closeRedis(client);
    };

    it('serves the store through sentinels with a user and a password of their own', async () => {
      const servers = await startRedisSentinel({
        tls: certificates,
        args: user(redisRules()),
        sentinelLines: [sentinelUser(SENTINEL_PASSWORD)],
      });
      ({ stop } = servers);
      const sentinel = { username: 'efs-sentinel', password: () => SENTINEL_PASSWORD };
      const close = await commits(servers.url, { sentinel });
      expect(await usersAt(servers.nodes[0]?.port ?? 0)).toEqual(['efs']);
      const [watcher] = servers.sentinels;
      expect(await usersAt(watcher?.port ?? 0)).toEqual(['efs-sentinel']);
      // Subscribes to failovers.
      expect(await cli(watcher?.port ?? 0, ['client', 'list'])).toMatch(/ name=efs .* sub=1 /);
      close();
      const wrong = { ...sentinel, password: () => 'wrong' };
      await expect(connectRedis(as(servers.url), { ...options, sentinel: wrong })).rejects.toMatchObject(
        refused,
      );
      await expect(connectRedis(as(servers.url, 'wrong'), { ...options, sentinel })).rejects.toMatchObject(
        refused,
      );
      const tls = { ca: readFileSync(certificates.otherCa, 'utf8') };
      const untrusted = connectRedis(as(servers.url), { ...options, sentinel, tls });
      await expect(untrusted).rejects.toThrow(/certificate/);
    });

    it('serves the store as a cluster', async () => {
      const servers = await startRedisCluster({
        tls: certificates,
        replicas: 1,
        args: user(`${redisRules()} +cluster|slots`),
      });
      ({ stop } = servers);
      const url = `rediss://${servers.urls.map((each) => each.slice('rediss://'.length)).join(',')}`;
      const close = await commits(url);
      expect(await usersAt(servers.nodes[0]?.port ?? 0)).toEqual(['efs']);
      close();
      await expect(connectRedis(as(url, 'wrong'), options)).rejects.toMatchObject(refused);
      for (const { port } of servers.nodes) await cli(port, ['acl', 'setuser', 'efs', '-cluster|slots']);
      await expect(connectRedis(as(url), options)).rejects.toMatchObject(refused);
    });
  },
);
