import { must } from '../base/assert';
import { EfsError } from '../base/errors';
import { isTimeout, redisFailure } from './failure.redis';
import { keysOf, type Keys } from './keys';
import { packRead, packWrite, parsePositions, showPositions } from './packing';
import { readScripts, runScript, type RedisClient, type Script, type Scripts } from './scripts.redis';
import type {
  Claim,
  Commit,
  CommitOutcome,
  Generations,
  Manifest,
  Read,
  Store,
  TaskAddress,
  Write,
} from './store';

export interface RedisStoreOptions {
  /** Keeps apart what shares a Redis (`namespaceOf`). */
  readonly namespace: string;
}

/** What every operation works with. */
interface Context {
  readonly client: RedisClient;
  readonly keys: Keys;
  readonly scripts: Scripts;
}

/** Entries per page of a scan, roughly. */
const PAGE = 1_000;
/** Tasks laid out at once. */
const CREATED_AT_ONCE = 64;

/** State in Redis 7, Valkey, or a cluster of either. Several stores may share a client. `scripts` is for tests. */
export function redisStore(
  client: RedisClient,
  options: RedisStoreOptions,
  scripts: Scripts = readScripts(),
): Store & Generations {
  const context: Context = { client, keys: keysOf(options.namespace), scripts };
  return {
    claim: (task) => claim(context, task),
    load: (task, reads) => load(context, task, reads),
    commit: (task, what) => commit(context, task, what),
    inspect: (task) => inspect(context, task),
    outboxBytes: (task) => reply(context, client.strlen(context.keys.outbox(task))),
    scan: (task, hash, cursor) => scan(context, task, hash, cursor),
    active: () => active(context),
    forget: (generation) => forget(context, generation),
    create: (manifest, start, seed) => create(context, manifest, start, seed),
  };
}

/** Waits for a reply. A connection on which one is overdue may be dead without knowing it: it is given up. */
async function reply<T>({ client }: Context, pending: Promise<T>): Promise<T> {
  try {
    return await pending;
  } catch (error) {
    if (isTimeout(error) && client.status === 'ready') client.disconnect(true);
    throw redisFailure(error);
  }
}

function run(
  context: Context,
  script: Script,
  keys: readonly string[],
  args: readonly (string | Buffer)[],
): Promise<unknown> {
  return reply(context, runScript(context.client, script, keys, args));
}

async function claim(context: Context, task: TaskAddress): Promise<Claim | null> {
  const keys = [context.keys.task(task), context.keys.outbox(task)];
  const found = (await run(context, context.scripts.claim, keys, [])) as (Buffer | null)[] | null;
  return found && { ...standing(found), outbox: found[3] ?? null };
}

async function inspect(context: Context, task: TaskAddress): Promise<Omit<Claim, 'outbox'> | null> {
  const found = await reply(context, context.client.hmgetBuffer(context.keys.task(task), 'e', 'q', 'p'));
  return found[0] ? standing(found) : null;
}

function standing(found: readonly (Buffer | null)[]): Omit<Claim, 'outbox'> {
  const [epoch, sequence, positions] = found
    .slice(0, 3)
    .map((part) => must(part, 'a task is incomplete').toString());
  return { epoch: Number(epoch), sequence: Number(sequence), positions: parsePositions(positions ?? '') };
}

async function load(
  context: Context,
  task: TaskAddress,
  reads: readonly Read[],
): Promise<readonly (readonly (Buffer | null)[])[]> {
  const asked = reads.filter((read) => read.fields.length > 0);
  if (asked.length === 0) return reads.map(() => []);
  const keys = asked.map((read) => context.keys.hash(task, read.hash));
  const found = (await run(context, context.scripts.load, keys, asked.map(packRead))) as (Buffer | null)[][];
  if (asked.length === reads.length) return found;
  let next = 0;
  return reads.map((read) => (read.fields.length > 0 ? must(found[next++], 'a read without an answer') : []));
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
): Promise<{ cursor: string; entries: readonly (readonly [Buffer, Buffer])[] }> {
  const key = context.keys.hash(task, hash);
  const [next, flat] = await reply(context, context.client.hscanBuffer(key, cursor, 'COUNT', PAGE));
  const entries: [Buffer, Buffer][] = [];
  for (let i = 0; i + 1 < flat.length; i += 2) entries.push([flat[i] as Buffer, flat[i + 1] as Buffer]);
  return { cursor: next.toString(), entries };
}

async function active(context: Context): Promise<Manifest | null> {
  const text = await reply(context, context.client.get(context.keys.active));
  return text === null ? null : (JSON.parse(text) as Manifest);
}

async function forget(context: Context, generation: number): Promise<void> {
  await run(context, context.scripts.forget, [context.keys.active], [String(generation)]);
}

async function create(
  context: Context,
  manifest: Manifest,
  start: Parameters<Generations['create']>[1],
  seed: Parameters<Generations['create']>[2],
): Promise<Manifest> {
  const { generation } = manifest;
  const before = await active(context);
  if (before?.generation === generation) return before;
  const seeded = (partition: number): Write[] =>
    seed.flatMap((part) => (part.partition === partition ? part.writes : []));
  const layouts = [
    ...start.status.map(
      (at, partition) => () => layOut(context, { generation, pipeline: 'status', partition }, at, []),
    ),
    ...start.kpi.map(
      (at, partition) => () =>
        layOut(context, { generation, pipeline: 'kpi', partition }, at, seeded(partition)),
    ),
  ];
  for (let i = 0; i < layouts.length; i += CREATED_AT_ONCE)
    await Promise.all(layouts.slice(i, i + CREATED_AT_ONCE).map((layOutOne) => layOutOne()));
  await reply(context, context.client.set(context.keys.active, JSON.stringify(manifest), 'NX'));
  return must(await active(context), 'no generation is active after one was created');
}

/** Brings a task to sequence 0 at `start`, with its seed; leaves one that was claimed. */
async function layOut(
  context: Context,
  task: TaskAddress,
  start: readonly number[],
  seed: readonly Write[],
): Promise<void> {
  const laidOut = await run(
    context,
    context.scripts.create,
    [context.keys.task(task)],
    [showPositions(start)],
  );
  if (laidOut === 0) return;
  const first: Commit = { epoch: 0, sequence: 0, expected: start, next: start, writes: seed, outbox: null };
  const outcome = await commit(context, task, first);
  if (outcome === 'committed' || outcome === 'fenced') return;
  throw new EfsError('redis-unavailable', 'Redis: another process is laying out the same generation');
}
