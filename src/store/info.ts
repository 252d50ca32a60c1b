import { EfsError } from '../base/errors';
import type { MasterFacts } from './inspection';

/* What the INFO reply of a server shows. */

const OLDEST_MAJOR = 7;

export const fieldOf = (info: string, name: string): string | undefined =>
  new RegExp(`^${name}:(\\S*)`, 'm').exec(info)?.[1];

/** The failure where an INFO reply is a replica's, or null. */
export function replicaIn(info: string): EfsError | null {
  if (fieldOf(info, 'role') !== 'slave') return null;
  const master = `${fieldOf(info, 'master_host')}:${fieldOf(info, 'master_port')}`;
  return new EfsError(
    'redis-replica',
    `Redis: the server is a replica of ${master} and takes no writes (READONLY)`,
  );
}

/** The failure where the server of an INFO reply may drop keys, or null. */
export function evictionIn(info: string): EfsError | null {
  const policy = fieldOf(info, 'maxmemory_policy');
  if (policy === undefined || policy === 'noeviction') return null;
  return new EfsError(
    'redis-evicts',
    `Redis has maxmemory-policy ${policy}: it drops state when memory is short`,
  );
}

/** The failure where the server of an INFO reply is too old, or null. */
export function ageIn(info: string): EfsError | null {
  const version = fieldOf(info, 'redis_version');
  if (version === undefined || Number.parseInt(version, 10) >= OLDEST_MAJOR) return null;
  return new EfsError(
    'config-invalid',
    `Redis ${version} is too old: it takes Redis ${OLDEST_MAJOR} or Valkey`,
  );
}

/** All that is asked of a server. `save` are its snapshot rules, null where they are not known. */
export function masterIn(name: string, info: string, save: string | null): MasterFacts {
  const field = (of: string): string | undefined => fieldOf(info, of);
  const savesAll = field('aof_enabled') === '1';
  const failing = [field('rdb_last_bgsave_status'), field('aof_last_write_status')].includes('err');
  const known = save === null && !savesAll ? 'unknown' : savesAll || save !== '' ? 'on' : 'off';
  return {
    name,
    version: `${field('server_name') ?? 'Redis'} ${field('valkey_version') ?? field('redis_version') ?? '?'}`,
    replicas: Number(field('connected_slaves') ?? 0),
    usedBytes: Number(field('used_memory') ?? 0),
    maxBytes: Number(field('maxmemory') ?? 0),
    persistence: failing ? 'failing' : known,
  };
}
