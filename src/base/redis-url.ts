/** The hosts and the log-in of Redis, from `EFS_REDIS_URL`. */
export interface RedisAddress {
  /** One server, nodes of one cluster, or sentinels; at least one. */
  readonly hosts: readonly { readonly host: string; readonly port: number }[];
  /** The name of the primary at the sentinels; null where the hosts are not sentinels. */
  readonly primaryName: string | null;
  /** Whether the URL says that the hosts are nodes of a cluster. */
  readonly cluster: boolean;
  readonly tls: boolean;
  readonly username?: string;
  readonly password?: string;
  readonly database: number;
}

const SCHEME = /^rediss?(\+sentinel)?:\/\//;
const REDIS_PORT = 6379;
const SENTINEL_PORT = 26379;

/** Splits a URL with several hosts, separated by commas, into one URL per host; null where the text is not a URL. */
export function urlPerHost(text: string): readonly [URL, ...URL[]] | null {
  const [, start = '', hosts = '', rest = ''] = /^([^/?#]*:\/\/(?:[^/?#]*@)?)([^/?#]*)(.*)$/.exec(text) ?? [];
  const texts = hosts.split(',').map((host) => start + host.trim() + rest);
  const [first, ...others] = texts.filter((each) => URL.canParse(each)).map((each) => new URL(each));
  return first && others.length + 1 === texts.length ? [first, ...others] : null;
}

function decoded(text: string): string | null {
  try {
    return decodeURIComponent(text);
  } catch {
    return null;
  }
}

/**
 * Reads `redis://[user:password@]host[:port],…[/database][?cluster=true]`, or `redis+sentinel://…/name[/database]`;
 * `rediss` for TLS. A problem completes "EFS_REDIS_URL …" and quotes nothing.
 */
export function parseRedisUrl(text: string): RedisAddress | { readonly problem: string } {
  const urls = urlPerHost(text);
  if (urls === null) return { problem: 'is not a URL' };
  if (!SCHEME.test(text))
    return {
      problem:
        'does not begin with redis:// or rediss://, or for sentinels redis+sentinel:// or rediss+sentinel://',
    };
  if (urls.some((url) => url.hostname === '')) return { problem: 'names no host, or an empty one' };
  const [first] = urls;
  const isSentinel = /^rediss?\+sentinel:$/.test(first.protocol);
  const path = first.pathname.split('/').slice(1);
  const name = isSentinel ? path.shift() : undefined;
  if (isSentinel && !name)
    return { problem: 'names no primary after the sentinels: redis+sentinel://host,host/name' };
  const [database = '', ...more] = path;
  if (!/^\d*$/.test(database) || more.length > 0) return { problem: 'has a path that is no database number' };
  const [username, password, primaryName] = [first.username, first.password, name ?? ''].map(decoded);
  if (username == null || password == null || primaryName == null)
    return { problem: 'has a % that encodes no character; write % as %25' };
  const standardPort = isSentinel ? SENTINEL_PORT : REDIS_PORT;
  return {
    hosts: urls.map(({ hostname, port }) => ({
      host: hostname.replace(/^\[|\]$/g, ''),
      port: Number(port || standardPort),
    })),
    primaryName: isSentinel ? primaryName : null,
    cluster: first.searchParams.get('cluster') === 'true',
    tls: first.protocol.startsWith('rediss'),
    ...(username === '' ? {} : { username }),
    ...(password === '' ? {} : { password }),
    database: Number(database),
  };
}
