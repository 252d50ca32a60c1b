import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';

import { allOf, freePort, pollMs, serverDir, startServer, type Server } from './child';

/** The server under test: `redis-server`, or another one with the same arguments, such as `valkey-server`. */
export const REDIS_SERVER = process.env['EFS_TEST_REDIS_SERVER'] ?? 'redis-server';

export interface RedisOptions {
  /** Added to the server's arguments, after ours, so they win: `['--appendonly', 'yes']`. */
  args?: string[];
  /** PEM files; with them every port takes TLS only. */
  tls?: { readonly ca: string; readonly cert: string; readonly key: string };
}

export interface RedisServer extends Server {
  url: string;
  port: number;
}

export interface RedisClusterServer extends Omit<Server, 'pid'> {
  /** One url per node that was a master at the start; any of them discovers the others. */
  urls: string[];
  /** The three masters of the start, then their replicas. */
  nodes: RedisServer[];
}

export interface RedisSentinelServer extends Omit<Server, 'pid'> {
  /** `redis+sentinel://` with all three sentinels. */
  url: string;
  /** The primary's name at the sentinels. */
  name: string;
  /** The primary of the start, then its replica. */
  nodes: RedisServer[];
  sentinels: RedisServer[];
}

/** How long a node or a primary does not answer before the others replace it. */
const NODE_TIMEOUT_MS = 2_000;
const SENTINEL_NAME = 'efs';
/** A replica is in sync within milliseconds, not after five seconds. */
const REPLICATION = ['--repl-diskless-sync-delay', '0'];

/** The authority's file, by ports that accept TLS only. */
const authorities = new Map<number, string>();

/** Runs `redis-cli` on a node; returns its output. */
export async function cli(port: number, args: readonly string[]): Promise<string> {
  const ca = authorities.get(port);
  const tls = ca === undefined ? [] : ['--tls', '--cacert', ca];
  const command = REDIS_SERVER.replace(/server$/, 'cli');
  return (await promisify(execFile)(command, ['-p', String(port), ...tls, ...args])).stdout;
}

/** The options that open a port, for the command line without their `--`. */
function portOptions(port: number, tls: RedisOptions['tls']): [name: string, value: string][] {
  if (tls === undefined) return [['port', String(port)]];
  authorities.set(port, tls.ca);
  return [
    ['port', '0'],
    ['tls-port', String(port)],
    ['tls-ca-cert-file', tls.ca],
    ['tls-cert-file', tls.cert],
    ['tls-key-file', tls.key],
    ['tls-auth-clients', 'optional'],
    ['tls-replication', 'yes'],
  ];
}

/** Waits until `holds` for all. */
async function untilAll<T>(all: readonly T[], holds: (each: T) => Promise<boolean>): Promise<void> {
  while (!(await Promise.all(all.map(holds))).every(Boolean)) await pollMs(50);
}

/** Whether a node is a replica that is in sync with its master. */
export const isInSync = async ({ port }: RedisServer): Promise<boolean> =>
  (await cli(port, ['info', 'replication'])).includes('master_link_status:up');

/**
 * Starts redis-server on a port of its own: noeviction, without persistence unless `args` ask for it. It keeps the master
 * it follows in its configuration file, as after a failover.
 */
export async function startRedis(options: RedisOptions = {}): Promise<RedisServer> {
  const port = await freePort();
  const dir = serverDir('redis');
  const file = join(dir, 'redis.conf');
  writeFileSync(file, '');
  const open = portOptions(port, options.tls).flatMap(([name, value]) => [`--${name}`, value]);
  const basics = [...open, '--bind', '127.0.0.1', '--dir', dir, '--daemonize', 'no'];
  const storage = ['--save', '', '--appendonly', 'no', '--maxmemory-policy', 'noeviction'];
  const server = await startServer({
    name: 'redis',
    command: REDIS_SERVER,
    args: [file, ...basics, ...storage, ...(options.args ?? [])],
    dir,
    startTimeoutMs: 20_000,
    ready: (log) => log.includes('Ready to accept connections'),
  });
  return { ...server, port, url: `${options.tls ? 'rediss' : 'redis'}://127.0.0.1:${port}` };
}

/**
 * Starts a Redis Cluster of three masters with `replicas` each, none where absent; resolves when every slot is served
 * and every replica in sync.
 */
export async function startRedisCluster(
  options: RedisOptions & { replicas?: number } = {},
): Promise<RedisClusterServer> {
  const { replicas = 0, args = [], tls } = options;
  const start = async (): Promise<RedisServer> => {
    const clustered = ['--cluster-enabled', 'yes', '--cluster-node-timeout', String(NODE_TIMEOUT_MS)];
    const busPort = ['--cluster-port', String(await freePort())];
    const bus = tls ? ['--tls-cluster', 'yes'] : [];
    return startRedis({ ...options, args: [...clustered, ...busPort, ...bus, ...REPLICATION, ...args] });
  };
  const nodes: RedisServer[] = [];
  while (nodes.length < 3 * (1 + replicas)) nodes.push(await start());
  const addresses = nodes.map(({ port }) => `127.0.0.1:${port}`);
  const first = nodes[0]?.port ?? 0;
  const spread = ['--cluster-replicas', String(replicas), '--cluster-yes'];
  await cli(first, ['--cluster', 'create', ...addresses, ...spread]);
  const whole = new RegExp(`cluster_state:ok[^]*cluster_known_nodes:${nodes.length}\\b`);
  await untilAll(nodes, async ({ port }) => whole.test(await cli(port, ['cluster', 'info'])));
  await untilAll(nodes.slice(3), isInSync);
  const urls = nodes.slice(0, 3).map((node) => node.url);
  return { ...allOf(nodes), nodes, urls };
}

type SentinelOptions = RedisOptions & {
  /** Added to the configuration file of each sentinel. */
  sentinelLines?: string[];
};

/** Starts one sentinel that watches the primary at `primaryPort`; it keeps its state in its configuration file. */
async function startSentinel(
  primaryPort: number,
  { tls, sentinelLines = [] }: SentinelOptions,
): Promise<RedisServer> {
  const port = await freePort();
  const dir = serverDir('sentinel');
  const file = join(dir, 'sentinel.conf');
  const lines = [
    ...portOptions(port, tls).map((option) => option.join(' ')),
    'bind 127.0.0.1',
    `dir ${dir}`,
    `sentinel monitor ${SENTINEL_NAME} 127.0.0.1 ${primaryPort} 2`,
    `sentinel down-after-milliseconds ${SENTINEL_NAME} ${NODE_TIMEOUT_MS}`,
    `sentinel failover-timeout ${SENTINEL_NAME} 5000`,
    ...sentinelLines,
  ];
  writeFileSync(file, lines.join('\n') + '\n');
  const server = await startServer({
    name: 'sentinel',
    command: REDIS_SERVER,
    args: [file, '--sentinel'],
    dir,
    startTimeoutMs: 20_000,
    ready: (log) => log.includes('+monitor'),
  });
  return { ...server, port, url: `${tls ? 'rediss' : 'redis'}://127.0.0.1:${port}` };
}

/** Starts a primary, its replica and three sentinels; resolves when the sentinels have found each other and the replica. */
export async function startRedisSentinel(options: SentinelOptions = {}): Promise<RedisSentinelServer> {
  const start = (): Promise<RedisServer> =>
    startRedis({ ...options, args: [...REPLICATION, ...(options.args ?? [])] });
  const nodes = [await start(), await start()];
  const [primaryPort, replicaPort] = nodes.map(({ port }) => port) as [number, number];
  await cli(replicaPort, ['replicaof', '127.0.0.1', String(primaryPort)]);
  await cli(replicaPort, ['config', 'rewrite']);
  await untilAll(nodes.slice(1), isInSync);
  const sentinels: RedisServer[] = [];
  while (sentinels.length < 3) sentinels.push(await startSentinel(primaryPort, options));
  await untilAll(sentinels, async ({ port }) =>
    /name=efs,status=ok,.*slaves=1,sentinels=3/.test(await cli(port, ['info', 'sentinel'])),
  );
  const hosts = sentinels.map(({ port }) => `127.0.0.1:${port}`).join(',');
  const url = `${options.tls ? 'rediss' : 'redis'}+sentinel://${hosts}/${SENTINEL_NAME}`;
  return { ...allOf([...sentinels, ...nodes]), url, name: SENTINEL_NAME, nodes, sentinels };
}
