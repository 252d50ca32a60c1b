import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Cluster, Redis } from 'ioredis';

export type RedisClient = Redis | Cluster;

/** A Lua script and the SHA-1 by which Redis caches it. */
export interface Script {
  readonly text: string;
  readonly sha: string;
}

/** The names of the scripts, which are those of their files. */
const NAMES = [
  'activate',
  'begin-drop',
  'claim',
  'commit',
  'count',
  'create',
  'deactivate',
  'load',
  'replace',
  'scan',
  'seal',
  'unlist',
] as const;

export type Scripts = Readonly<Record<(typeof NAMES)[number], Script>>;

export function scriptOf(text: string): Script {
  return { text, sha: createHash('sha1').update(text).digest('hex') };
}

/** Reads the scripts beside this file. */
export function readScripts(): Scripts {
  const read = (name: string): Script => scriptOf(readFileSync(join(__dirname, `${name}.lua`), 'utf8'));
  return Object.fromEntries(NAMES.map((name) => [name, read(name)])) as Record<
    (typeof NAMES)[number],
    Script
  >;
}

/**
 * Runs a script by its SHA, and by its text where Redis has not cached it (a restart clears the cache). All keys must be
 * in one slot. Replies are Buffers, numbers and lists of them.
 */
export async function runScript(
  client: RedisClient,
  script: Script,
  keys: readonly string[],
  args: readonly (string | Buffer)[],
): Promise<unknown> {
  const rest = [keys.length, ...keys, ...args];
  try {
    return await client.callBuffer('evalsha', [script.sha, ...rest]);
  } catch (error) {
    if (!(error instanceof Error && error.message.startsWith('NOSCRIPT'))) throw error;
    return await client.callBuffer('eval', [script.text, ...rest]);
  }
}
