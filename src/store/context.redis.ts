import { EfsError } from '../base/errors';
import { redisFailure } from './failure.redis';
import type { Keys } from './keys';
import { runScript, type RedisClient, type Script, type Scripts } from './scripts.redis';

/** The dependencies of every operation. */
export interface Context {
  readonly client: RedisClient;
  readonly keys: Keys;
  readonly scripts: Scripts;
}

/** Waits for a reply. Throws the service's own errors (`redisFailure`). */
export async function reply<T>(pending: Promise<T>): Promise<T> {
  try {
    return await pending;
  } catch (error) {
    throw redisFailure(error);
  }
}

export function run(
  context: Context,
  script: Script,
  keys: readonly string[],
  args: readonly (string | Buffer)[],
): Promise<unknown> {
  return reply(runScript(context.client, script, keys, args)).catch((error: unknown) =>
    namingKey(context, keys, error),
  );
}

const isWrongType = (error: unknown): boolean =>
  error instanceof Error && error.message.includes('WRONGTYPE');

/** Throws the error; `state-damaged`, with the key, where one of these keys holds another type than the service has written. */
export async function namingKey(context: Context, keys: readonly string[], error: unknown): Promise<never> {
  if (!isWrongType(error)) throw error;
  for (const key of keys) {
    const probe = key.endsWith(':o') ? context.client.strlen(key) : context.client.hlen(key);
    const isWrong = await probe.then(() => false, isWrongType);
    if (isWrong)
      throw new EfsError('state-damaged', `Redis key ${key} holds a value of another type`, { cause: error });
  }
  throw error;
}
