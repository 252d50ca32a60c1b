import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Cluster, type Redis } from 'ioredis';
import type { ConnectOptions } from '../../src/store/connect.redis';
import { readScripts, scriptOf, type RedisClient, type Scripts } from '../../src/store/scripts.redis';
import type { Check } from '../../src/store/store.memory';
import type { Generations, Store } from '../../src/store/store';
import { redisStore } from '../../src/store/store.redis';
import type { Subject } from './given';

/** The lines of commit.lua that make each check; that of reads is not made there. */
const CHECKS: Record<Check, readonly string[]> = {
  reads: [],
  epoch: ["if epoch > owner then return 'fenced' end\n", "if epoch < owner then return 'rolled-back' end\n"],
  sequence: ["if sequence ~= commit - 1 then return 'rolled-back' end\n"],
  positions: ["if positions ~= expected then return 'rolled-back' end\n"],
};

/** The scripts, with checks removed from the commit. */
export function scriptsWithout(without: readonly Check[]): Scripts {
  let text = readFileSync(join(__dirname, '../../src/store/commit.lua'), 'utf8');
  for (const line of without.flatMap((check) => CHECKS[check])) {
    if (!text.includes(line)) throw new Error(`commit.lua has no line ${line}`);
    text = text.replace(line, '');
  }
  return { ...readScripts(), commit: scriptOf(text) };
}

export const mastersOf = (client: RedisClient): Redis[] =>
  client instanceof Cluster ? client.nodes('master') : [client];

/** The keys of a namespace, each with its node. */
async function keysIn(client: RedisClient, namespace: string): Promise<{ node: Redis; key: Buffer }[]> {
  const found = mastersOf(client).map(async (node) => {
    const keys = await node.keysBuffer(`efs:${namespace}:*`);
    return keys.map((key) => ({ node, key }));
  });
  return (await Promise.all(found)).flat();
}

async function wipe(client: RedisClient, namespace: string): Promise<void> {
  for (const { node, key } of await keysIn(client, namespace)) await node.del(key);
}

/** A store whose reads do not tell what their owner knows. */
function withoutKnown(store: Store & Generations): Store & Generations {
  return {
    ...store,
    load: (task, reads) => store.load(task, reads),
    scan: (task, hash, cursor) => store.scan(task, hash, cursor),
  };
}

/** A store in Redis, damaged by Redis' own commands: a snapshot is DUMP and RESTORE of every key of the namespace. */
export function redisSubject(client: RedisClient, without: readonly Check[] = []): Subject {
  const scripts = scriptsWithout(without);
  return {
    store(namespace) {
      const store = redisStore(client, { namespace }, scripts);
      return without.includes('reads') ? withoutKnown(store) : store;
    },
    async snapshot(namespace) {
      const keys = await keysIn(client, namespace);
      const dumps = await Promise.all(
        keys.map(async ({ node, key }) => ({ node, key, dump: await node.dumpBuffer(key) })),
      );
      return async () => {
        await wipe(client, namespace);
        for (const { node, key, dump } of dumps) await node.restore(key, 0, dump);
      };
    },
    wipe: (namespace) => wipe(client, namespace),
  };
}

/** Records log lines. */
export function lineLog(): { log: ConnectOptions['log']; lines: string[] } {
  const lines: string[] = [];
  const record = (fields: object, message: string): void => {
    lines.push(`${message} ${JSON.stringify(fields)}`);
  };
  return { log: { info: record, warn: record }, lines };
}
