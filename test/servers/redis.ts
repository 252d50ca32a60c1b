import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

import { allOf, freePort, pollMs, serverDir, startServer, type Server } from './child';

export interface RedisOptions {
  /** Added to redis-server's arguments, after ours, so they win: `['--appendonly', 'yes']`. */
  args?: string[];
}

export interface RedisServer extends Server {
  url: string;
  port: number;
}

export interface RedisClusterServer extends Omit<Server, 'pid'> {
  /** One url per master; any of them leads to the others. */
  urls: string[];
  nodes: RedisServer[];
}

const cli = async (port: number, args: string[]): Promise<string> =>
  (await promisify(execFile)('redis-cli', ['-p', String(port), ...args])).stdout;

/** Starts redis-server on a port of its own: noeviction, nothing saved unless `args` say so. */
export async function startRedis(options: RedisOptions = {}): Promise<RedisServer> {
  const port = await freePort();
  const dir = serverDir('redis');
  const basics = ['--port', String(port), '--bind', '127.0.0.1', '--dir', dir, '--daemonize', 'no'];
  const storage = ['--save', '', '--appendonly', 'no', '--maxmemory-policy', 'noeviction'];
  const server = await startServer({
    name: 'redis',
    command: 'redis-server',
    args: [...basics, ...storage, ...(options.args ?? [])],
    dir,
    startTimeoutMs: 20_000,
    ready: (log) => log.includes('Ready to accept connections'),
  });
  return { ...server, port, url: `redis://127.0.0.1:${port}` };
}

/** Starts a Redis Cluster of three masters without replicas; resolves when every slot is served. */
export async function startRedisCluster(options: RedisOptions = {}): Promise<RedisClusterServer> {
  const start = async (): Promise<RedisServer> => {
    const clustered = ['--cluster-enabled', 'yes', '--cluster-node-timeout', '2000'];
    const busPort = ['--cluster-port', String(await freePort())];
    return startRedis({ args: [...clustered, ...busPort, ...(options.args ?? [])] });
  };
  const nodes = [await start(), await start(), await start()];
  const addresses = nodes.map((node) => `127.0.0.1:${node.port}`);
  const ports = nodes.map((node) => node.port);
  await cli(ports[0] ?? 0, ['--cluster', 'create', ...addresses, '--cluster-yes']);
  const whole = async (): Promise<boolean> => {
    const infos = await Promise.all(ports.map((port) => cli(port, ['cluster', 'info'])));
    return infos.every((info) => /cluster_state:ok[^]*cluster_known_nodes:3/.test(info));
  };
  while (!(await whole())) await pollMs(50);
  return { ...allOf(nodes), nodes, urls: nodes.map((node) => node.url) };
}
