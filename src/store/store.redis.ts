import { must } from '../base/assert';
import { type Clock, systemClock } from '../base/clock';
import { EfsError } from '../base/errors';
import { type Context, namingKey, reply, run } from './context.redis';
import { redisGenerations } from './generations.redis';
import { keysOf } from './keys';
import { packRead, packWrite, parsePositions, showPositions } from './packing';
import { readScripts, type RedisClient, type Scripts } from './scripts.redis';
import {
  type Claim,
  type Commit,
  type CommitId,
  type CommitOutcome,
  type Counted,
  type Generations,
  type Read,
  refuseOthers,
  type Sealed,
  type Store,
  type TaskAddress,
  type TaskProgress,
} from './store';

export interface RedisStoreOptions {
  /** Separates installations that share a Redis (`namespaceOf`). */
  readonly namespace: string;
  /** Default: the system clock. */
  readonly clock?: Pick<Clock, 'now'>;
}

/** Entries per page of a scan, roughly. */
const PAGE = 1_000;

/** State in Redis 7, Valkey, or a cluster of either. Several stores may share a client. `scripts` is for tests. */
export function redisStore(
  client: RedisClient,
  options: RedisStoreOptions,
  scripts: Scripts = readScripts(),
): Store & Generations {
  const { clock = systemClock } = options;
  const context: Context = { client, keys: keysOf(options.namespace), scripts };
  return {
    claim: (task, number) => claim(context, task, number, clock.now()),
    load: async (task, reads, known) => {
      if (reads.every(({ fields }) => fields.length === 0)) return reads.map(() => []);
      const { at, values } = await load(context, task, reads);
      if (known !== undefined) refuseOthers(commitIn(at), known);
      return values;
    },
    loadAt: async (task, reads) => {
      const { at, values } = await load(context, task, reads);
      const positions = at[2] ?? null;
      return positions === null ? null : { positions: parsePositions(positions.toString()), values };
    },
    count: (task, read, hashes) => count(context, task, read, hashes),
    commit: (task, what) => commit(context, task, what),
    inspect: (task) => inspect(context, task),
    outboxBytes: (task) => reply(client.strlen(context.keys.outbox(task))),
    scan: (task, hash, cursor, known) => scan(context, task, hash, cursor, known),
    seal: (task, number) => seal(context, task, number),
    erase: async (task, hashes) => {
      const keys = hashes.map((hash) => context.keys.hash(task, hash));
      if (keys.length > 0) await reply(client.unlink(keys));
    },
    eraseTask: async (task) => {
      await reply(client.unlink(context.keys.outbox(task), context.keys.task(task)));
    },
    ...redisGenerations(context),
  };
}

async function claim(
  context: Context,
  task: TaskAddress,
  number: number,
  now: number,
): Promise<Claim | null> {
  const keys = [context.keys.task(task), context.keys.outbox(task)];
  const found = (await run(context, context.scripts.claim, keys, [String(number), String(now)])) as
    (Buffer | null)[] | null;
  return (
    found && { ...progressOf(context, task, found), committedBy: Number(found[3]), outbox: found[4] ?? null }
  );
}

async function seal(context: Context, task: TaskAddress, number: number): Promise<Sealed | null> {
  const keys = [context.keys.task(task), context.keys.outbox(task)];
  const found = (await run(context, context.scripts.seal, keys, [String(number)])) as
    (Buffer | null)[] | null;
  if (found === null) return null;
  const positions = must(found[0], 'a task is incomplete').toString();
  return {
    positions: parsePositions(positions),
    committedBy: Number(found[1]),
    outbox: found[2] ?? null,
  };
}

async function inspect(context: Context, task: TaskAddress): Promise<TaskProgress | null> {
  const found = await reply(context.client.hmgetBuffer(context.keys.task(task), 'e', 'q', 'p')).catch(
    (error: unknown) => namingKey(context, [context.keys.task(task)], error),
  );
  return found[0] ? progressOf(context, task, found) : null;
}

function progressOf({ keys }: Context, task: TaskAddress, found: readonly (Buffer | null)[]): TaskProgress {
  try {
    const [epoch, sequence, positions] = found
      .slice(0, 3)
      .map((part) => must(part, 'a task is incomplete').toString());
    return { epoch: Number(epoch), sequence: Number(sequence), positions: parsePositions(positions ?? '') };
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new EfsError('state-damaged', `Redis key ${keys.task(task)}: ${why}`, { cause: error });
  }
}

/** Epoch, sequence and positions, as far as they are stored. */
type Stored = readonly (Buffer | null)[];

/** The last commit of a task; null where it has no state. */
function commitIn([epoch, sequence]: Stored): CommitId | null {
  return epoch == null || sequence == null ? null : { epoch: Number(epoch), sequence: Number(sequence) };
}

async function load(
  context: Context,
  task: TaskAddress,
  reads: readonly Read[],
): Promise<{ at: Stored; values: readonly (readonly (Buffer | null)[])[] }> {
  const nonEmpty = reads.filter((read) => read.fields.length > 0);
  const keys = [context.keys.task(task), ...nonEmpty.map((read) => context.keys.hash(task, read.hash))];
  const [at = [], ...found] = (await run(
    context,
    context.scripts.load,
    keys,
    nonEmpty.map(packRead),
  )) as (Buffer | null)[][];
  let next = 0;
  const values = reads.map((read) =>
    read.fields.length > 0 ? must(found[next++], 'a read without an answer') : [],
  );
  return { at, values };
}

async function count(
  context: Context,
  task: TaskAddress,
  read: Read,
  hashes: readonly string[],
): Promise<Counted> {
  const { keys, scripts } = context;
  const names = [read.hash, ...hashes].map((hash) => keys.hash(task, hash));
  const [values, fields] = (await run(context, scripts.count, names, [packRead(read)])) as [
    (Buffer | null)[],
    number[],
  ];
  return { values, fields };
}

async function commit(context: Context, task: TaskAddress, what: Commit): Promise<CommitOutcome> {
  const { keys, scripts } = context;
  const writes = what.writes.filter((write) => write.entries.length > 0);
  const outcome = await run(
    context,
    scripts.commit,
    [keys.task(task), keys.outbox(task), ...writes.map((write) => keys.hash(task, write.hash))],
    [
      String(what.epoch),
      String(what.sequence),
      showPositions(what.expected),
      showPositions(what.next),
      what.outbox ? '1' : '0',
      what.outbox ?? '',
      ...writes.map(packWrite),
    ],
  );
  return String(outcome) as CommitOutcome;
}

async function scan(
  context: Context,
  task: TaskAddress,
  hash: string,
  cursor: string,
  known?: CommitId,
): Promise<{ cursor: string; entries: readonly (readonly [Buffer, Buffer])[] }> {
  const keys = [context.keys.task(task), context.keys.hash(task, hash)];
  const [at, next, flat] = (await run(context, context.scripts.scan, keys, [cursor, String(PAGE)])) as [
    Stored,
    Buffer,
    Buffer[],
  ];
  if (known !== undefined) refuseOthers(commitIn(at), known);
  const entries: [Buffer, Buffer][] = [];
  for (let i = 0; i + 1 < flat.length; i += 2) entries.push([flat[i] as Buffer, flat[i + 1] as Buffer]);
  return { cursor: next.toString(), entries };
}
