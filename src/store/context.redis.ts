import { Cluster } from 'ioredis';
import { isTimeout, redisFailure } from './failure.redis';
import type { Keys } from './keys';
import { runScript, type RedisClient, type Script, type Scripts } from './scripts.redis';

/** What every operation works with. */
export interface Context {
  readonly client: RedisClient;
  readonly keys: Keys;
  readonly scripts: Scripts;
}

/** False already when the connection has been given up and is not closed yet, by which many replies may be overdue. */
const isConnected = (client: RedisClient): boolean =>
  client.status === 'ready' && (client instanceof Cluster || !client.stream.writableEnded);

/** Waits for a reply. A connection on which one is overdue may be dead without knowing it: it is given up. */
export async function reply<T>({ client }: Context, pending: Promise<T>): Promise<T> {
  try {
    return await pending;
  } catch (error) {
    if (isTimeout(error) && isConnected(client)) client.disconnect(true);
    throw redisFailure(error);
  }
}

export function run(
  context: Context,
  script: Script,
  keys: readonly string[],
  args: readonly (string | Buffer)[],
): Promise<unknown> {
  return reply(context, runScript(context.client, script, keys, args));
}
