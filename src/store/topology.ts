import { EfsError } from '../base/errors';
import type { RedisAddress } from '../base/redis-url';
import { fieldOf, replicaIn } from './info';

/**
 * How to connect to the hosts of a `redis://` URL, from the INFO reply of one of them; null where the user lacks the
 * right to INFO. Throws `redis-replica` for a replica outside a cluster, and `config-invalid` where the URL does not fit
 * the server that answers.
 */
export function topologyOf(address: RedisAddress, info: string | null): 'single' | 'cluster' {
  const claimsCluster = address.cluster || address.hosts.length > 1;
  if (info === null) return claimsCluster ? 'cluster' : 'single';
  const field = (name: string): string | undefined => fieldOf(info, name);
  if ((field('redis_mode') ?? field('server_mode')) === 'sentinel')
    throw new EfsError(
      'config-invalid',
      'Redis: the server is a sentinel; begin EFS_REDIS_URL with redis+sentinel://',
    );
  const isCluster = field('cluster_enabled') === '1';
  if (claimsCluster && !isCluster)
    throw new EfsError(
      'config-invalid',
      'Redis: the server is in no cluster, but EFS_REDIS_URL names nodes of one; name one server, or sentinels',
    );
  if (isCluster && address.database !== 0)
    throw new EfsError(
      'config-invalid',
      'Redis: a cluster has no database but 0; leave it out of EFS_REDIS_URL',
    );
  const replica = isCluster ? null : replicaIn(info);
  if (replica !== null) throw replica;
  return isCluster ? 'cluster' : 'single';
}
