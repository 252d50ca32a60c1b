import { must } from '../base/assert';
import { EfsError } from '../base/errors';
import { inPortions } from './pages';
import { type Context, reply, run } from './context.redis';
import { showPositions } from './packing';
import {
  type Commit,
  type CommitOutcome,
  type GenerationRef,
  type Generations,
  type Manifest,
  type NewTask,
  newTasks,
  type TaskAddress,
} from './store';

/** Tasks created at once. */
const CREATED_AT_ONCE = 64;

type Commits = (task: TaskAddress, commit: Commit) => Promise<CommitOutcome>;

/** The list of generations in Redis. `commit` writes the first state of a created task. */
export function redisGenerations(context: Context, commit: Commits): Generations {
  const { keys, scripts, client } = context;
  const list = [keys.active, keys.all];
  const generations: Generations = {
    active: async () => manifestIn(await reply(context, client.get(keys.active))),
    async list() {
      const all = Object.values(await reply(context, client.hgetall(keys.all))).map(manifestIn);
      // A store written by an earlier version has an active generation and no list.
      const active = await generations.active();
      const isListed = all.some((each) => each?.stateId === active?.stateId);
      return [...all, ...(isListed ? [] : [active])]
        .filter((each) => each !== null)
        .sort((a, b) => a.stateId - b.stateId);
    },
    async deactivate({ stateId, generation }) {
      await run(context, scripts.deactivate, [keys.active], [String(stateId), String(generation)]);
    },
    async create(manifest, start, seed) {
      const before = await generations.active();
      if (before?.stateId === manifest.stateId) return before;
      await initTasks(context, commit, manifest, newTasks(manifest, start, seed));
      const args = [String(manifest.stateId), textOf(manifest)];
      const active = (await run(context, scripts.activate, list, args)) as Buffer;
      return must(manifestIn(active.toString()), 'no generation is active after one was created');
    },
    async propose(manifest, start, seed) {
      const id = String(manifest.stateId);
      const before = manifestIn(await reply(context, client.hget(keys.all, id)));
      if (before !== null) return before;
      await initTasks(context, commit, manifest, newTasks(manifest, start, seed));
      await reply(context, client.hsetnx(keys.all, id, textOf(manifest)));
      return must(manifestIn(await reply(context, client.hget(keys.all, id))), 'a proposal is listed');
    },
    async replaceActive(from, to) {
      const expected = [...refArgs(from), from.cutoverComplete ? '1' : '0'];
      const args = [...expected, String(to.stateId), textOf(to)];
      return (await run(context, scripts.replace, list, args)) === 1;
    },
    async beginDrop(stateId) {
      return (await run(context, scripts['begin-drop'], list, [String(stateId)])) === 1;
    },
    async unlist(stateId) {
      return (await run(context, scripts.unlist, list, [String(stateId)])) === 1;
    },
  };
  return generations;
}

const refArgs = ({ stateId, generation }: GenerationRef): string[] => [String(stateId), String(generation)];

/** A manifest as stored, with the field names of version 0.1: its `generation` is the state id. */
interface Stored extends Pick<
  Manifest,
  'partitions' | 'defaultPolicy' | 'domainGroups' | 'buckets' | 'topicIds' | 'dropping'
> {
  readonly generation: number;
  readonly succeeds: boolean;
  readonly targets: Manifest['catchUpOffsets'];
  // Absent in manifests stored before there were cut-overs.
  readonly publishedAs?: number;
  readonly takesOver?: number | null;
  readonly settled?: boolean;
}

function textOf(manifest: Manifest): string {
  const { stateId, generation, hasPredecessor, predecessor, cutoverComplete, catchUpOffsets, ...same } =
    manifest;
  const stored: Stored = {
    ...same,
    generation: stateId,
    publishedAs: generation,
    succeeds: hasPredecessor,
    takesOver: predecessor,
    settled: cutoverComplete,
    targets: catchUpOffsets,
  };
  return JSON.stringify(stored);
}

function manifestIn(text: string | null): Manifest | null {
  if (text === null) return null;
  const { generation, publishedAs, succeeds, takesOver, settled, targets, ...same } = JSON.parse(
    text,
  ) as Stored;
  return {
    ...same,
    stateId: generation,
    generation: publishedAs ?? generation,
    hasPredecessor: succeeds,
    predecessor: takesOver ?? null,
    cutoverComplete: settled ?? true,
    catchUpOffsets: targets,
  };
}

async function initTasks(
  context: Context,
  commit: Commits,
  { generation }: Manifest,
  tasks: readonly NewTask[],
): Promise<void> {
  for (const some of inPortions(tasks, CREATED_AT_ONCE))
    await Promise.all(some.map((task) => initTask(context, commit, task, generation - 1)));
}

/** Brings a task to sequence 0 at its start, with its seed; a claimed task keeps its state. Seals both. */
async function initTask(
  context: Context,
  commit: Commits,
  { address, positions, writes }: NewTask,
  sealed: number,
): Promise<void> {
  const args = [showPositions(positions), String(sealed)];
  const created = await run(context, context.scripts.create, [context.keys.task(address)], args);
  if (created === 0) return;
  const at = { expected: positions, next: positions };
  const outcome = await commit(address, { epoch: 0, sequence: 0, ...at, writes, outbox: null });
  if (outcome === 'committed' || outcome === 'fenced') return;
  throw new EfsError('redis-unavailable', 'Redis: another process is creating the same generation');
}
