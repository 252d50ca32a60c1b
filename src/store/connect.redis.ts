import { Cluster, Redis, type RedisOptions } from 'ioredis';
import { receivedIsRead } from '../base/clock';
import { EfsError, isRetriable } from '../base/errors';
import { parseRedisUrl, type RedisAddress } from '../base/redis-url';
import { causeText, connectFailure, isTimeout, redisFailure } from './failure.redis';
import { ageIn, evictionIn } from './info';
import { PrimaryClient } from './primary.redis';
import type { RedisClient } from './scripts.redis';
import { topologyOf } from './topology';

export interface ConnectOptions {
  readonly log: {
    info(fields: object, message: string): void;
    warn(fields: object, message: string): void;
  };
  /** Shown by CLIENT LIST. */
  readonly name?: string;
  /** How long a command may take before its outcome counts as unknown. */
  readonly commandTimeoutMs?: number;
  /** For a URL that begins with `rediss`. Read at each connection, so a getter can return renewed certificates. */
  readonly tls?: Exclude<RedisOptions['tls'], undefined>;
  /** In place of a user in the URL; empty is the default user. */
  readonly user?: string;
  /** In place of a password in the URL; called at each connection. */
  readonly password?: () => string;
  /** Credentials for sentinels; `password` is called at each connection. */
  readonly sentinel?: { readonly username?: string; readonly password?: () => string };
}

const COMMAND_TIMEOUT_MS = 5_000;
/** How long a node or a sentinel may take to report the masters, before another one is asked. */
const TOPOLOGY_TIMEOUT_MS = 1_000;
const RECONNECT_MAX_MS = 2_000;
/** After so many attempts a node counts as gone from the cluster, until another node reports it again. */
const NODE_RETRIES = 5;
const KEEP_ALIVE_MS = 30_000;

const backoff = (attempt: number): number => Math.min(50 * 2 ** Math.min(attempt - 1, 10), RECONNECT_MAX_MS);

/**
 * Connects to the Redis of a URL (`parseRedisUrl`): to one server, to all nodes of a cluster, or to the primary that
 * sentinels name. Any of several hosts may be down. INFO shows whether a server belongs to a cluster; `?cluster=true`
 * replaces it for a user without INFO. Throws `redis-unavailable`, `access-refused`, `tls-failed`, `redis-replica`, or
 * `config-invalid` for an invalid URL and for one that does not fit the server that answers.
 *
 * While the connection is down, commands fail at once instead of piling up; the client reconnects for ever, at most
 * every two seconds, to the masters of that time. Commands without a reply are sent again on the next connection: a
 * commit is idempotent.
 */
export async function connectRedis(url: string, options: ConnectOptions): Promise<RedisClient> {
  const address = parseRedisUrl(url);
  if ('problem' in address) throw new EfsError('config-invalid', `the Redis URL ${address.problem}`);
  const shared = connectionOptions(address, options);
  const { primaryName } = address;
  const client =
    primaryName === null
      ? await directClient(address, shared, options.password)
      : await sentinelClient({ ...address, primaryName }, shared, options);
  await opened(client, options);
  return client;
}

async function directClient(
  address: RedisAddress,
  shared: RedisOptions,
  password: ConnectOptions['password'],
): Promise<RedisClient> {
  const topology = await anyOf(address.hosts, async (host) =>
    topologyOf(address, await ask({ ...shared, ...host }, infoOf)),
  );
  if (topology === 'single') return managed(new Redis({ ...shared, ...address.hosts[0] }), { password });
  const cluster = clusterClient(address.hosts, shared);
  cluster.on('+node', (node: Redis) => managed(node, { password }));
  return cluster;
}

function clusterClient(hosts: RedisAddress['hosts'], shared: RedisOptions): Cluster {
  const seeds = [...hosts];
  const cluster = new Cluster(seeds, {
    redisOptions: shared,
    lazyConnect: true,
    enableOfflineQueue: false,
    // A node answers CLUSTERDOWN itself to the commands concerned.
    enableReadyCheck: false,
    clusterRetryStrategy: backoff,
    clusterNodeRetryStrategy: (attempt) => (attempt > NODE_RETRIES ? null : backoff(attempt)),
    slotsRefreshTimeout: TOPOLOGY_TIMEOUT_MS,
    // Certificates name hosts, so host names are kept; one that does not resolve belongs to a node that is down.
    dnsLookup: (host, done) => done(null, host),
  });
  // The seeds are read at each reconnect; the nodes of the URL may be gone by then.
  cluster.on('refresh', () => {
    const known = cluster.nodes().map(({ options: { host = '', port = 0 } }) => ({ host, port }));
    seeds.splice(0, seeds.length, ...hosts, ...known);
  });
  return cluster;
}

async function sentinelClient(
  { hosts, primaryName }: RedisAddress & { readonly primaryName: string },
  shared: RedisOptions,
  { password, sentinel = {} }: ConnectOptions,
): Promise<Redis> {
  const { username: _, password: __, db: ___, ...rest } = shared;
  const { username, password: sentinelPassword } = sentinel;
  const toSentinel = {
    ...rest,
    ...(username === undefined ? {} : { username }),
    ...(sentinelPassword ? { password: sentinelPassword() } : {}),
    enableReadyCheck: false,
  };
  await anyOf(hosts, (host) => ask({ ...toSentinel, ...host }, (client) => primaryOf(client, primaryName)));
  const primary = new PrimaryClient(
    {
      ...shared,
      sentinels: [...hosts],
      name: primaryName,
      ...(username === undefined ? {} : { sentinelUsername: username }),
      ...(sentinelPassword ? { sentinelPassword: sentinelPassword() } : {}),
      ...(shared.tls ? { sentinelTLS: shared.tls, enableTLSForSentinelMode: true } : {}),
      sentinelCommandTimeout: TOPOLOGY_TIMEOUT_MS,
      sentinelRetryStrategy: backoff,
    },
    hosts.map((host) =>
      managed(new Redis({ ...toSentinel, ...host, autoResubscribe: false }), { password: sentinelPassword }),
    ),
    primaryName,
  );
  return managed(primary, { password, sentinelPassword });
}

/** Throws `config-invalid` where the server is no sentinel, or does not watch a primary of this name. */
async function primaryOf(client: Redis, name: string): Promise<void> {
  const found = await client.call('sentinel', 'get-master-addr-by-name', name).catch((error: Error) => {
    if (!/^ERR unknown command/i.test(error.message)) throw redisFailure(error);
    throw new EfsError(
      'config-invalid',
      'Redis: the server is no sentinel; begin EFS_REDIS_URL with redis://',
    );
  });
  if (found === null)
    throw new EfsError(
      'config-invalid',
      `Redis: the sentinels watch no primary that is named ${JSON.stringify(name)}`,
    );
}

/** The first answer of any host. Throws a permanent failure where there is one, else that of the first host. */
async function anyOf<T>(
  hosts: RedisAddress['hosts'],
  question: (host: RedisAddress['hosts'][number]) => Promise<T>,
): Promise<T> {
  try {
    return await Promise.any(hosts.map(question));
  } catch (error) {
    const { errors } = error as AggregateError;
    throw errors.find((each) => !isRetriable(each)) ?? errors[0];
  }
}

/** Asks one server over a connection of its own. */
async function ask<T>(options: RedisOptions, question: (client: Redis) => Promise<T>): Promise<T> {
  const client = new Redis({ ...options, retryStrategy: () => null });
  try {
    await connected(client);
    return await question(client);
  } finally {
    client.disconnect();
  }
}

/** Waits until the client is ready; else throws its first failure and disconnects. */
async function connected(client: RedisClient): Promise<void> {
  const failure = new Promise<never>((_, reject) => client.on('error', reject));
  try {
    await Promise.race([client.connect(), failure]);
  } catch (error) {
    client.disconnect();
    throw connectFailure(error);
  }
}

/** Closes the connection, without waiting for replies. */
export function closeRedis(client: RedisClient): void {
  client.disconnect();
}

function connectionOptions(address: RedisAddress, options: ConnectOptions): RedisOptions {
  const commandTimeout = options.commandTimeoutMs ?? COMMAND_TIMEOUT_MS;
  const { username, password } = address;
  return {
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password }),
    db: address.database,
    ...(address.tls ? { tls: options.tls ?? {} } : {}),
    ...(options.user ? { username: options.user } : {}),
    ...(options.password ? { password: options.password() } : {}),
    lazyConnect: true,
    commandTimeout,
    connectTimeout: commandTimeout,
    connectionName: options.name ?? 'efs',
    keepAlive: KEEP_ALIVE_MS,
    enableOfflineQueue: false,
    maxRetriesPerRequest: 3,
    retryStrategy: backoff,
    // A server that hangs never closes its side.
    disconnectTimeout: 0,
    // After a failover the former master refuses writes on its open connections.
    reconnectOnError: (error) => error.message.startsWith('READONLY'),
  };
}

/**
 * The client, or node of a cluster, which from now on renews its passwords before each reconnect, and leaves a connection
 * that may be dead without the client having noticed. Only the node concerned reconnects: `Cluster.disconnect(true)` never
 * ends where a redirection adds a node to the cluster meanwhile (ioredis 5.11).
 */
function managed<Client extends Redis>(
  client: Client,
  passwords: Partial<Record<'password' | 'sentinelPassword', (() => string) | undefined>>,
): Client {
  client.on('reconnecting', () => {
    for (const [name, current] of Object.entries(passwords))
      if (current) Object.assign(client.options, { [name]: current() });
  });
  const sendCommand = client.sendCommand.bind(client);
  client.sendCommand = (command, stream) => {
    if (!sent.has(command)) leaveIfSilent(client, command.promise);
    sent.add(command);
    return sendCommand(command, stream);
  };
  return client;
}

/** Commands that were sent before: another connection has used up a part of their time. */
const sent = new WeakSet<object>();

/**
 * Gives the connection up when the reply to a command is overdue and nothing has come since it was sent. A node that has
 * redirected the command has answered. Many overdue replies give the connection up only once.
 */
function leaveIfSilent(client: Redis, reply: Promise<unknown>): void {
  const { stream } = client;
  const heard = stream?.bytesRead;
  const leave = (): void => {
    const isSilent = client.stream === stream && stream?.bytesRead === heard;
    if (isSilent && client.status === 'ready' && !stream.writableEnded) client.disconnect(true);
  };
  reply.catch((error: unknown) => {
    // Where this process was busy for too long, the reply may have come.
    if (isTimeout(error)) void receivedIsRead().then(leave);
  });
}

/** Waits until the client is ready, else disconnects it. Each later loss and reconnect is logged once. */
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
  await connected(client);
  if (!(client instanceof Cluster)) return;
  // Opens the connection to each master now: the first commands would find it half open.
  await Promise.all(client.nodes('master').map((node) => node.ping())).catch((error: unknown) => {
    client.disconnect();
    throw connectFailure(error);
  });
}

/** The INFO reply, or null where the user lacks the right to it. Throws `redis-unavailable`. */
export async function infoOf(client: Redis): Promise<string | null> {
  try {
    return await client.info();
  } catch (error) {
    if (error instanceof Error && error.message.startsWith('NOPERM')) return null;
    throw redisFailure(error);
  }
}

/**
 * Throws `redis-evicts` unless every master keeps all data (`maxmemory-policy noeviction`), and `config-invalid` where one
 * is older than Redis 7. A user without INFO skips the checks. Throws `redis-unavailable`.
 */
export async function checkServer(client: RedisClient): Promise<void> {
  const nodes = client instanceof Cluster ? client.nodes('master') : [client];
  for (const info of await Promise.all(nodes.map(infoOf))) {
    const problem = evictionIn(info ?? '') ?? ageIn(info ?? '');
    if (problem !== null) throw problem;
  }
}
