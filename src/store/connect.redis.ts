import { Cluster, Redis, type RedisOptions } from 'ioredis';
import { EfsError } from '../base/errors';
import { causeText, connectFailure, redisFailure } from './failure.redis';
import type { RedisClient } from './scripts.redis';

export interface ConnectOptions {
  readonly log: {
    info(fields: object, message: string): void;
    warn(fields: object, message: string): void;
  };
  /** Shown by CLIENT LIST. */
  readonly name?: string;
  /** How long a command may take before its outcome counts as unknown. */
  readonly commandTimeoutMs?: number;
  /** PEM texts for a `rediss://` URL. Without `ca` the well-known authorities are trusted. */
  readonly tls?: { readonly ca?: string; readonly cert?: string; readonly key?: string };
}

const COMMAND_TIMEOUT_MS = 5_000;
const RECONNECT_MAX_MS = 2_000;
const KEEP_ALIVE_MS = 30_000;
const OLDEST_MAJOR = 7;

const backoff = (attempt: number): number => Math.min(50 * 2 ** Math.min(attempt - 1, 10), RECONNECT_MAX_MS);

/**
 * Connects to the Redis of a `redis://` or `rediss://` URL, and to all nodes of its cluster where it belongs to one: the
 * server is asked; `?cluster=true` says so where it may not be (a user without INFO). Throws `redis-unavailable`,
 * `access-refused`, `tls-failed`, or `config-invalid` for a URL that is none.
 *
 * While the connection is down, commands fail at once instead of piling up; it is dialled again for ever, at most
 * every two seconds. Commands without a reply are sent again on the next connection: a commit bears that.
 */
export async function connectRedis(url: string, options: ConnectOptions): Promise<RedisClient> {
  const { redis, cluster } = parseUrl(url);
  const shared = connectionOptions(redis, options);
  const single = new Redis(shared);
  await opened(single, options);
  if (!cluster && !(await belongsToCluster(single))) return single;
  single.disconnect();
  const whole = new Cluster([{ host: shared.host ?? 'localhost', port: shared.port ?? 6379 }], {
    redisOptions: shared,
    lazyConnect: true,
    enableOfflineQueue: false,
    clusterRetryStrategy: backoff,
    clusterNodeRetryStrategy: backoff,
    slotsRefreshTimeout: options.commandTimeoutMs ?? COMMAND_TIMEOUT_MS,
    // Certificates name hosts; without TLS an address is as good.
    ...(shared.tls ? { dnsLookup: (host, done) => done(null, host) } : {}),
  });
  await opened(whole, options);
  return whole;
}

/** Closes the connection, without waiting for replies. */
export function closeRedis(client: RedisClient): void {
  client.disconnect();
}

interface Address {
  readonly redis: RedisOptions;
  readonly cluster: boolean;
}

function parseUrl(text: string): Address {
  const url = URL.canParse(text) ? new URL(text) : null;
  const database = url?.pathname.replace(/^\//, '') ?? '';
  if (!url || !/^rediss?:$/.test(url.protocol) || !/^\d*$/.test(database))
    throw new EfsError(
      'config-invalid',
      'the Redis URL is not redis://[user:password@]host[:port][/database]',
    );
  const redis: RedisOptions = {
    host: url.hostname.replace(/^\[|\]$/g, '') || 'localhost',
    port: Number(url.port || 6379),
    db: Number(database),
  };
  if (url.username) redis.username = decodeURIComponent(url.username);
  if (url.password) redis.password = decodeURIComponent(url.password);
  if (url.protocol === 'rediss:') redis.tls = {};
  return { redis, cluster: url.searchParams.get('cluster') === 'true' };
}

function connectionOptions(address: RedisOptions, options: ConnectOptions): RedisOptions {
  const commandTimeout = options.commandTimeoutMs ?? COMMAND_TIMEOUT_MS;
  return {
    ...address,
    ...(address.tls ? { tls: { ...options.tls } } : {}),
    lazyConnect: true,
    commandTimeout,
    connectTimeout: commandTimeout,
    connectionName: options.name ?? 'efs',
    keepAlive: KEEP_ALIVE_MS,
    enableOfflineQueue: false,
    maxRetriesPerRequest: 3,
    retryStrategy: backoff,
    // After a failover the old master refuses writes on connections it still has.
    reconnectOnError: (error) => error.message.startsWith('READONLY'),
  };
}

/** Waits until the client is ready; gives it up otherwise. Later losses and returns are logged, once each. */
async function opened(client: RedisClient, { log }: ConnectOptions): Promise<void> {
  let last: unknown = null;
  let down = false;
  let wasReady = false;
  client.on('error', (error) => (last = error));
  client.on('close', () => {
    if (down || !wasReady || client.status === 'end') return;
    down = true;
    log.warn({ cause: last === null ? 'closed by Redis' : causeText(last) }, 'lost the connection to Redis');
  });
  client.on('ready', () => {
    if (down) log.info({}, 'connected to Redis again');
    [down, last, wasReady] = [false, null, true];
  });
  try {
    await client.connect();
    // Opens the connection to each master now: the first commands would meet it half open.
    if (client instanceof Cluster) await Promise.all(client.nodes('master').map((node) => node.ping()));
  } catch (error) {
    client.disconnect();
    throw connectFailure(last ?? error);
  }
}

async function belongsToCluster(client: Redis): Promise<boolean> {
  return /^cluster_enabled:1/m.test((await infoOf(client)) ?? '');
}

/** What INFO says, or null where the user may not ask. Throws `redis-unavailable`. */
async function infoOf(client: Redis): Promise<string | null> {
  try {
    return await client.info();
  } catch (error) {
    if (error instanceof Error && error.message.startsWith('NOPERM')) return null;
    throw redisFailure(error);
  }
}

/**
 * Throws `redis-evicts` unless every master keeps what it is given (`maxmemory-policy noeviction`), and `config-invalid`
 * where one is older than Redis 7. What the user may not ask is not checked. Throws `redis-unavailable`.
 */
export async function checkServer(client: RedisClient): Promise<void> {
  const nodes = client instanceof Cluster ? client.nodes('master') : [client];
  for (const info of await Promise.all(nodes.map(infoOf))) {
    const policy = /^maxmemory_policy:(\S+)/m.exec(info ?? '')?.[1];
    const version = /^redis_version:(\S+)/m.exec(info ?? '')?.[1];
    if (policy && policy !== 'noeviction')
      throw new EfsError(
        'redis-evicts',
        `Redis has maxmemory-policy ${policy}: it drops state when memory is short`,
      );
    if (version && Number.parseInt(version, 10) < OLDEST_MAJOR)
      throw new EfsError(
        'config-invalid',
        `Redis ${version} is too old: it takes Redis ${OLDEST_MAJOR} or Valkey`,
      );
  }
}
