import { Cluster, type Redis } from 'ioredis';
import type { Clock } from '../base/clock';
import { infoOf } from './connect.redis';
import { redisFailure } from './failure.redis';
import { evictionIn, replicaIn } from './info';
import type { RedisClient } from './scripts.redis';
import type { StateServer } from './server';

/** Every master of a Redis. A user without INFO, or without TIME, skips what they would show. */
export function redisServer(client: RedisClient, clock: Pick<Clock, 'now'>): StateServer {
  const masters = (): Redis[] => (client instanceof Cluster ? client.nodes('master') : [client]);
  return {
    async inspect() {
      const infos = await Promise.all(masters().map(infoOf));
      const problems = infos.map((info) => (info === null ? null : (replicaIn(info) ?? evictionIn(info))));
      const times = await Promise.all(masters().map((node) => aheadOf(node, clock)));
      return { problem: problems.find((each) => each !== null) ?? null, aheadMs: Math.max(...times) };
    },
    onReconnect: (listener) => void client.on('ready', listener),
  };
}

/** The own time is read before the server's, so that a slow answer never makes a right clock look ahead. */
async function aheadOf(node: Redis, clock: Pick<Clock, 'now'>): Promise<number> {
  const own = clock.now();
  try {
    const [seconds, microseconds] = await node.time();
    return own - (Number(seconds) * 1_000 + Math.floor(Number(microseconds) / 1_000));
  } catch (error) {
    if (error instanceof Error && error.message.startsWith('NOPERM')) return 0;
    throw redisFailure(error);
  }
}
