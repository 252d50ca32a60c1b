import { closeRedis, connectRedis } from '../../src/store/connect.redis';
import type { RedisClient } from '../../src/store/scripts.redis';
import { redisStore } from '../../src/store/store.redis';
import { pollMs } from '../servers/child';
import {
  cli,
  isInSync,
  type RedisClusterServer,
  type RedisSentinelServer,
  type RedisServer,
  startRedisCluster,
  startRedisSentinel,
} from '../servers/redis';
import { describeWithServers } from '../servers/servers';
import { type CommitLoad, startCommitLoad, type Tally } from './commit-load';
import { newNamespace } from './given';
import { lineLog } from './redis.subject';

const TIMEOUT_MS = 1_000;
/**
 * The other servers detect the failure after two seconds, then elect and promote; the client times out and reconnects. The
 * bound is far from that, so that other files may run beside this one.
 */
const WITHIN_MS = 40_000;

jest.setTimeout(150_000);

const isMaster = async ({ port }: RedisServer): Promise<boolean> =>
  (await cli(port, ['role'])).startsWith('master');

async function until(holds: () => Promise<boolean>): Promise<void> {
  while (!(await holds())) await pollMs(200);
}

describeWithServers(['own-redis'], 'a failover under a load of commits', () => {
  let client: RedisClient;
  let load: CommitLoad;

  const begin = async (url: string): Promise<void> => {
    client = await connectRedis(url, { log: lineLog().log, commandTimeoutMs: TIMEOUT_MS });
    load = await startCommitLoad(redisStore(client, { namespace: newNamespace() }));
    await load.progress(20);
  };

  afterEach(async () => {
    await load.stop().catch(() => {});
    closeRedis(client);
  });

  /** The ids of the client's connections at a node. */
  const connectionIds = async ({ port }: RedisServer): Promise<(string | undefined)[]> =>
    [...(await cli(port, ['client', 'list'])).matchAll(/^id=(\d+) .* name=efs /gm)].map(([, id]) => id);

  /** Connections of the client at a node; none may leak. */
  const connections = async (node: RedisServer): Promise<number> => (await connectionIds(node)).length;

  /** Stops the load once every task has made progress; checks the errors and the length of the outage. */
  const finish = async (): Promise<Tally> => {
    await load.progress(20);
    const tally = await load.stop();
    expect([...tally.errors].filter((code) => code !== 'redis-unavailable')).toEqual([]);
    expect(tally.longestGapMs).toBeLessThan(WITHIN_MS);
    return tally;
  };

  describe('under Sentinel', () => {
    // Each test has servers of its own: the sentinels wait for ten seconds before they replace a primary again.
    let servers: RedisSentinelServer;
    const primary = (): RedisServer => servers.nodes[0] as RedisServer;
    const replica = (): RedisServer => servers.nodes[1] as RedisServer;
    beforeEach(async () => {
      servers = await startRedisSentinel();
      await begin(servers.url);
    });
    afterEach(() => servers.stop());

    it('moves the client to the replica when the primary is killed, and not back when that one restarts', async () => {
      await primary().kill();
      await load.progress(1);
      await primary().restart();
      await load.progress(200);
      await until(async () => !(await isMaster(primary())));
      await finish();
      expect(await connections(primary())).toBe(0);
    });

    it('moves the client to the replica when the primary hangs, and not back when that one resumes', async () => {
      primary().pause();
      await load.progress(1);
      expect(await isMaster(replica())).toBe(true);
      primary().resume();
      await load.progress(200);
      await finish();
      expect(await connections(primary())).toBe(0);
      expect(await connections(replica())).toBe(1);
    });

    it('moves the client to the replica at SENTINEL FAILOVER before the primary has been demoted', async () => {
      await cli(servers.sentinels[0]?.port ?? 0, ['sentinel', 'failover', servers.name]);
      await until(async () => (await connections(replica())) === 1);
      // The former primary would accept writes for ten more seconds.
      expect([await connections(primary()), await isMaster(primary())]).toEqual([0, true]);
      await load.progress(20);
      await until(async () => !(await isMaster(primary())));
      await finish();
    });
  });

  describe('in a cluster', () => {
    let servers: RedisClusterServer;
    /** The first master and its replica, which change places from test to test. */
    let at: { master: RedisServer; replica: RedisServer };
    beforeAll(async () => {
      servers = await startRedisCluster({ replicas: 1 });
      const [master] = servers.nodes as [RedisServer];
      const followers = (await cli(master.port, ['role'])).split('\n');
      const replica = servers.nodes.find(({ port }) => followers.includes(String(port))) as RedisServer;
      at = { master, replica };
    });
    beforeEach(async () => {
      if (await isMaster(at.replica)) at = { master: at.replica, replica: at.master };
      await until(() => isInSync(at.replica));
      await begin(at.master.url);
    });
    afterAll(() => servers.stop());

    it('moves the client to the replica when a master is killed, which returns as a replica', async () => {
      await at.master.kill();
      await until(() => isMaster(at.replica));
      await load.progress(20);
      await at.master.restart();
      await until(async () => !(await isMaster(at.master)));
      await finish();
    });

    it('moves the client to the replica when the only node of the URL hangs, keeps its other connections, and does not move back when that one resumes', async () => {
      // The other masters go on meanwhile: no error reply tells the client to ask for the masters.
      for (const { port } of servers.nodes)
        await cli(port, ['config', 'set', 'cluster-require-full-coverage', 'no']);
      const others = servers.nodes.filter((node) => node !== at.master && node !== at.replica);
      const before = await Promise.all(others.map(connectionIds));
      at.master.pause();
      await load.progress(20);
      expect(await isMaster(at.replica)).toBe(true);
      // The client leaves the connections to other masters alone.
      expect(await Promise.all(others.map(connectionIds))).toEqual(before);
      at.master.resume();
      await until(async () => !(await isMaster(at.master)));
      await load.progress(200);
      await finish();
      for (const node of servers.nodes) expect(await connections(node)).toBeLessThanOrEqual(1);
    });

    /** Repeats the failover, as an operator would, where the master took longer than the five seconds that Redis waits. */
    const takeOver = async (next: RedisServer): Promise<void> => {
      expect(await cli(next.port, ['cluster', 'failover'])).toBe('OK\n');
      const asked = performance.now();
      await until(async () => performance.now() - asked > 8_000 || (await isMaster(next)));
      if (!(await isMaster(next))) await takeOver(next);
    };

    it('loses no commit at CLUSTER FAILOVER, in both directions', async () => {
      for (const next of [at.replica, at.master]) {
        await until(() => isInSync(next));
        await takeOver(next);
        await load.progress(20);
      }
      expect(await finish()).toMatchObject({ lost: 0 });
    });
  });
});
