import { Cluster, type Redis } from 'ioredis';
import { EfsError } from '../base/errors';
import { infoOf } from './connect.redis';
import { redisFailure } from './failure.redis';
import { masterIn } from './info';
import type { MasterFacts, StateInspection } from './inspection';
import { keysOf } from './keys';
import { type RedisClient, runScript, scriptOf } from './scripts.redis';

/** Every command of the service with arguments, by which a server finds the key: `KEY`. */
const COMMANDS: readonly string[] = [
  'eval SCRIPT 1 KEY',
  'evalsha SHA 1 KEY',
  'get KEY',
  'set KEY value',
  'del KEY',
  'unlink KEY',
  'exists KEY',
  'strlen KEY',
  'hget KEY field',
  'hmget KEY field',
  'hgetall KEY',
  'hset KEY field value',
  'hsetnx KEY field value',
  'hdel KEY field',
  'hincrby KEY field 1',
  'hlen KEY',
  'hscan KEY 0',
  'info',
  'time',
  'ping',
  'client setname name',
];

/** As an access list names it. */
const wordOf = (command: string): string =>
  command.startsWith('client ') ? 'client|setname' : (command.split(' ')[0] ?? '');

/** The commands that an access list must allow. */
export const COMMAND_WORDS: readonly string[] = COMMANDS.map(wordOf);

/** Answers which of the commands the user may not use; asks the server's access list, and runs none of them. */
const REFUSED = scriptOf(`
local refused = {}
for index, command in ipairs(ARGV) do
  local words = {}
  for word in string.gmatch(command, '%S+') do words[#words + 1] = word == 'KEY' and KEYS[1] or word end
  local known, allowed = pcall(redis.acl_check_cmd, unpack(words))
  if not known or not allowed then refused[#refused + 1] = index end
end
return refused
`);

/** The servers of a client. `namespace` is that of the keys. */
export function redisInspection(client: RedisClient, namespace: string): StateInspection {
  const masters = (): Redis[] => (client instanceof Cluster ? client.nodes('master') : [client]);
  return {
    async masters() {
      const found = await Promise.all(masters().map(factsOf));
      return found.filter((each) => each !== null);
    },
    async refusedCommands() {
      const key = keysOf(namespace).active;
      try {
        const refused = (await runScript(client, REFUSED, [key], [...COMMANDS])) as number[];
        return refused.map((index) => COMMAND_WORDS[index - 1] ?? '');
      } catch (error) {
        // The two commands that run scripts, and the right to the keys.
        const text = error instanceof Error ? error.message : '';
        if (text.startsWith('NOPERM'))
          return [text.includes('key') ? `eval on the key ${key}` : 'eval, evalsha'];
        throw redisFailure(error);
      }
    },
  };
}

async function factsOf(node: Redis): Promise<MasterFacts | null> {
  const info = await infoOf(node);
  const { host = '', port = '' } = node.options;
  return info === null ? null : masterIn(`${host}:${port}`, info, await saveOf(node));
}

/** The rules by which snapshots are taken, empty without any; null where the user may not ask. */
async function saveOf(node: Redis): Promise<string | null> {
  try {
    const [, save = ''] = (await node.config('GET', 'save')) as string[];
    return save;
  } catch (error) {
    const failure = redisFailure(error);
    if (failure instanceof EfsError && failure.retriable) throw failure;
    return null;
  }
}
