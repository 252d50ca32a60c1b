import { closeRedis, connectRedis } from '../../src/store/connect.redis';
import { redisStore } from '../../src/store/store.redis';
import { pollMs } from '../servers/child';
import { cli, isInSync, type RedisServer, startRedisCluster, startRedisSentinel } from '../servers/redis';
import { describeWithServers } from '../servers/servers';
import { type CommitLoad, startCommitLoad, type Tally } from './commit-load';
import { newNamespace } from './given';
import { lineLog } from './redis.subject';

const TIMEOUT_MS = 1_000;
/** The other servers detect the failure after two seconds, then elect and promote; the client times out and reconnects. */
const WITHIN_MS = 20_000;

const isMaster = async ({ port }: RedisServer): Promise<boolean> =>
  (await cli(port, ['role'])).startsWith('master');

async function until(holds: () => Promise<boolean>): Promise<void> {
  while (!(await holds())) await pollMs(50);
}

interface Failover {
  /** A master, and the replica that follows it; then the others. */
  readonly nodes: readonly RedisServer[];
  readonly master: RedisServer;
  readonly replica: RedisServer;
  readonly load: CommitLoad;
}

interface Servers {
  readonly url: string;
  readonly nodes: readonly RedisServer[];
  /** The replica of the first node. */
  readonly replica: RedisServer;
  stop(): Promise<void>;
}

/** Runs a test under a load of commits, on servers of its own. */
async function underLoad({ url, nodes, replica, stop }: Servers, run: (at: Failover) => Promise<void>) {
  const client = await connectRedis(url, { log: lineLog().log, commandTimeoutMs: TIMEOUT_MS });
  let load: CommitLoad | null = null;
  try {
    load = await startCommitLoad(redisStore(client, { namespace: newNamespace() }));
    await load.progress(20);
    await run({ nodes, master: nodes[0] as RedisServer, replica, load });
  } finally {
    await load?.stop().catch(() => {});
    closeRedis(client);
    await stop();
  }
}

/** Connections of the client at a node; none may leak. */
const connections = async ({ port }: RedisServer): Promise<number> =>
  (await cli(port, ['client', 'list'])).split('\n').filter((line) => / name=efs /.test(line)).length;

/** Stops the load once every task has made progress; checks the errors and the length of the outage. */
async function finish(load: CommitLoad): Promise<Tally> {
  await load.progress(20);
  const tally = await load.stop();
  expect([...tally.errors].filter((code) => code !== 'redis-unavailable')).toEqual([]);
  expect(tally.longestGapMs).toBeLessThan(WITHIN_MS);
  return tally;
}

// The tests run at the same time: they mostly wait until servers agree that another one is down.
describeWithServers(['own-redis'], 'a failover under a load of commits', () => {
  describe('under Sentinel', () => {
    type Watched = Failover & { readonly name: string; readonly sentinel: RedisServer };
    const test = (title: string, run: (at: Watched) => Promise<void>): void =>
      it.concurrent(title, async () => {
        const { name, sentinels, nodes, url, stop } = await startRedisSentinel();
        const [, replica] = nodes as [RedisServer, RedisServer];
        const sentinel = sentinels[0] as RedisServer;
        await underLoad({ url, nodes, replica, stop }, (at) => run({ ...at, name, sentinel }));
      });

    test('moves the client to the replica when the primary is killed, and not back when that one restarts', async ({
      master,
      load,
    }) => {
      await master.kill();
      await load.progress(1);
      await master.restart();
      await load.progress(200);
      await until(async () => !(await isMaster(master)));
      await finish(load);
      expect(await connections(master)).toBe(0);
    });

    test('moves the client to the replica when the primary hangs, and not back when that one resumes', async ({
      master,
      replica,
      load,
    }) => {
      master.pause();
      await load.progress(1);
      expect(await isMaster(replica)).toBe(true);
      master.resume();
      await load.progress(200);
      await finish(load);
      expect(await connections(master)).toBe(0);
      expect(await connections(replica)).toBe(1);
    });

    test('moves the client to the replica at SENTINEL FAILOVER before the primary has been demoted', async ({
      master,
      replica,
      load,
      name,
      sentinel,
    }) => {
      await cli(sentinel.port, ['sentinel', 'failover', name]);
      await until(async () => (await connections(replica)) === 1);
      // The former primary would accept writes for ten more seconds.
      expect([await connections(master), await isMaster(master)]).toEqual([0, true]);
      await load.progress(20);
      await until(async () => !(await isMaster(master)));
      await finish(load);
    });
  });

  describe('in a cluster', () => {
    const test = (title: string, run: (at: Failover) => Promise<void>): void =>
      it.concurrent(title, async () => {
        const { nodes, urls, stop } = await startRedisCluster({ replicas: 1 });
        const followers = (await cli(nodes[0]?.port ?? 0, ['role'])).split('\n');
        const replica = nodes.find(({ port }) => followers.includes(String(port))) as RedisServer;
        await underLoad({ url: urls[0] ?? '', nodes, replica, stop }, run);
      });

    test('moves the client to the replica when a master is killed, which returns as a replica', async ({
      master,
      replica,
      load,
    }) => {
      await master.kill();
      await until(() => isMaster(replica));
      await load.progress(20);
      await master.restart();
      await until(async () => !(await isMaster(master)));
      await finish(load);
    });

    test('moves the client to the replica when the only node of the URL hangs, and not back when that one resumes', async ({
      nodes,
      master,
      replica,
      load,
    }) => {
      master.pause();
      await load.progress(20);
      expect(await isMaster(replica)).toBe(true);
      master.resume();
      await until(async () => !(await isMaster(master)));
      await load.progress(200);
      await finish(load);
      for (const node of nodes) expect(await connections(node)).toBeLessThanOrEqual(1);
    });

    /** Repeats the failover, as an operator would, where the master took longer than the five seconds that Redis waits. */
    const takeOver = async (next: RedisServer): Promise<void> => {
      expect(await cli(next.port, ['cluster', 'failover'])).toBe('OK\n');
      const asked = performance.now();
      await until(async () => performance.now() - asked > 8_000 || (await isMaster(next)));
      if (!(await isMaster(next))) await takeOver(next);
    };

    test('loses no commit at CLUSTER FAILOVER, in both directions', async ({ master, replica, load }) => {
      for (const next of [replica, master]) {
        await until(() => isInSync(next));
        await takeOver(next);
        await load.progress(20);
      }
      expect(await finish(load)).toMatchObject({ lost: 0 });
    });
  });
});
