import { isTimeout, redisFailure } from './failure.redis';
import type { Keys } from './keys';
import { runScript, type RedisClient, type Script, type Scripts } from './scripts.redis';

/** What every operation works with. */
export interface Context {
  readonly client: RedisClient;
  readonly keys: Keys;
  readonly scripts: Scripts;
}

/** Waits for a reply. A connection on which one is overdue may be dead without knowing it: it is given up. */
export async function reply<T>({ client }: Context, pending: Promise<T>): Promise<T> {
  try {
    return await pending;
  } catch (error) {
    if (isTimeout(error) && client.status === 'ready') client.disconnect(true);
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
