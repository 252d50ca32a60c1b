import { cli, type RedisServer, startRedis, startRedisCluster, startRedisSentinel } from '../servers/redis';

export const REDIS_TOPOLOGIES = ['cluster', 'sentinel', 'single'] as const;
export type RedisTopology = (typeof REDIS_TOPOLOGIES)[number];

/** A master and its replicas, whichever of them is the master now. */
export type Shard = readonly RedisServer[];

export interface ShardedRedis {
  /** For `EFS_REDIS_URL`. */
  readonly url: string;
  readonly shards: readonly Shard[];
  /** Whether every shard has one master and its replicas in sync, and all of them agree on that. */
  isWhole(): Promise<boolean>;
  stop(): Promise<void>;
}

/** A replica keeps a copy of its master's data; a Redis without one persists them itself. */
const DURABLE = ['--appendonly', 'yes', '--appendfsync', 'always'];

/**
 * Starts a cluster of three masters with a replica each, a primary with a replica and three sentinels, or one Redis
 * that writes everything to its disk.
 */
export async function startShards(topology: RedisTopology): Promise<ShardedRedis> {
  switch (topology) {
    case 'cluster': {
      const { nodes, urls, stop } = await startRedisCluster({ replicas: 1 });
      const isOk = async (): Promise<boolean> =>
        (await askAll(nodes, ['cluster', 'info'])).every((info) =>
          /cluster_state:ok[^]*cluster_slots_fail:0/.test(info),
        );
      return whole(await shardsOf(nodes, 3), urls[0] ?? '', isOk, stop);
    }
    case 'sentinel': {
      const { nodes, sentinels, url, stop } = await startRedisSentinel();
      const isOk = async (): Promise<boolean> =>
        (await askAll(sentinels, ['info', 'sentinel'])).every((info) => /status=ok,.*slaves=1,/.test(info));
      return whole([nodes], url, isOk, stop);
    }
    case 'single': {
      const redis = await startRedis({ args: DURABLE });
      return whole([[redis]], redis.url, async () => true, redis.stop);
    }
  }
}

function whole(
  shards: readonly Shard[],
  url: string,
  isOk: () => Promise<boolean>,
  stop: () => Promise<void>,
): ShardedRedis {
  const inSync = async (shard: Shard): Promise<boolean> => {
    const roles = await Promise.all(shard.map(roleOf));
    const following = roles.filter((role) => role?.[0] === 'slave' && role[3] === 'connected').length;
    return roles.filter(isMaster).length === 1 && following === shard.length - 1;
  };
  const isWhole = async (): Promise<boolean> =>
    (await Promise.all(shards.map(inSync))).every(Boolean) && isOk();
  return { url, shards, isWhole, stop };
}

/** The answer of each node; an empty text where one does not answer. */
const askAll = (nodes: readonly RedisServer[], command: readonly string[]): Promise<string[]> =>
  Promise.all(nodes.map(({ port }) => cli(port, command).catch(() => '')));

/** The answer to ROLE, line by line; null where there is none. */
async function roleOf(node: RedisServer): Promise<string[] | null> {
  const [answer = ''] = await askAll([node], ['role']);
  return answer === '' ? null : answer.trimEnd().split('\n');
}

const isMaster = (role: string[] | null): boolean => role?.[0] === 'master';

/** Each of the first `masters` nodes with those that follow it. */
async function shardsOf(nodes: readonly RedisServer[], masters: number): Promise<Shard[]> {
  const roles = await Promise.all(nodes.map(roleOf));
  return nodes
    .slice(0, masters)
    .map((master) => [
      master,
      ...nodes.filter((_, index) => roles[index]?.[0] === 'slave' && roles[index][2] === String(master.port)),
    ]);
}

/** The member that is the master now, by its own ROLE; null while there is none. */
export async function masterOf(shard: Shard): Promise<RedisServer | null> {
  const roles = await Promise.all(shard.map(roleOf));
  return shard.find((_, index) => isMaster(roles[index] ?? null)) ?? null;
}
