import { must } from '../base/assert';
import { EfsError } from '../base/errors';
import { inPortions } from '../base/portions';
import { type Context, reply, run } from './context.redis';
import { showPositions } from './packing';
import type {
  Commit,
  CommitOutcome,
  Generations,
  Manifest,
  Seed,
  Standing,
  StartPositions,
  TaskAddress,
  Write,
} from './store';

/** Tasks laid out at once. */
const CREATED_AT_ONCE = 64;

type Commits = (task: TaskAddress, commit: Commit) => Promise<CommitOutcome>;

/** The list of generations in Redis. `commit` writes the first state of a task that is laid out. */
export function redisGenerations(context: Context, commit: Commits): Generations {
  const { keys, scripts, client } = context;
  const list = [keys.active, keys.all];
  const generations: Generations = {
    active: async () => manifestIn(await reply(context, client.get(keys.active))),
    async list() {
      const all = Object.values(await reply(context, client.hgetall(keys.all))).map(manifestIn);
      // A store of an earlier version has an active one and no list.
      const active = await generations.active();
      const isListed = all.some((each) => each?.stateId === active?.stateId);
      return [...all, ...(isListed ? [] : [active])]
        .filter((each) => each !== null)
        .sort((a, b) => a.stateId - b.stateId);
    },
    async forget({ stateId, generation }) {
      await run(context, scripts.forget, [keys.active], [String(stateId), String(generation)]);
    },
    async create(manifest, start, seed) {
      const before = await generations.active();
      if (before?.stateId === manifest.stateId) return before;
      await layOutAll(context, commit, manifest, start, seed);
      const args = [String(manifest.stateId), textOf(manifest)];
      const active = (await run(context, scripts.activate, list, args)) as Buffer;
      return must(manifestIn(active.toString()), 'no generation is active after one was created');
    },
    async propose(manifest, start, seed) {
      const name = String(manifest.stateId);
      const before = manifestIn(await reply(context, client.hget(keys.all, name)));
      if (before !== null) return before;
      await layOutAll(context, commit, manifest, start, seed);
      await reply(context, client.hsetnx(keys.all, name, textOf(manifest)));
      return must(manifestIn(await reply(context, client.hget(keys.all, name))), 'a proposal is listed');
    },
    async replaceActive(from, to) {
      const expected = [...standing(from), from.cutoverComplete ? '1' : '0'];
      const args = [...expected, String(to.stateId), textOf(to)];
      return (await run(context, scripts.replace, list, args)) === 1;
    },
    async beginDrop(generation) {
      return (await run(context, scripts['begin-drop'], list, [String(generation)])) === 1;
    },
    async unlist(generation) {
      return (await run(context, scripts.unlist, list, [String(generation)])) === 1;
    },
  };
  return generations;
}

const standing = ({ stateId, generation }: Standing): string[] => [String(stateId), String(generation)];

/** A manifest as it is stored, under the names that its fields had in version 0.1. */
interface Stored extends Pick<
  Manifest,
  'partitions' | 'defaultPolicy' | 'domainGroups' | 'buckets' | 'dropping'
> {
  readonly generation: number;
  readonly succeeds: boolean;
  readonly targets: Manifest['catchUpOffsets'];
  // Absent in what was stored before there were cut-overs.
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

async function layOutAll(
  context: Context,
  commit: Commits,
  { stateId, generation }: Manifest,
  start: StartPositions,
  seed: Seed,
): Promise<void> {
  const seeded = (partition: number): Write[] =>
    seed.flatMap((part) => (part.partition === partition ? part.writes : []));
  const sealed = generation - 1;
  const layouts = [
    ...start.status.map((at, partition) => () => {
      const task = { stateId, pipeline: 'status', partition } as const;
      return layOut(context, commit, task, { start: at, sealed, seed: [] });
    }),
    ...start.kpi.map((at, partition) => () => {
      const task = { stateId, pipeline: 'kpi', partition } as const;
      return layOut(context, commit, task, { start: at, sealed, seed: seeded(partition) });
    }),
  ];
  for (const some of inPortions(layouts, CREATED_AT_ONCE))
    await Promise.all(some.map((layOutOne) => layOutOne()));
}

/** Brings a task to sequence 0 at `start`, with its seed; leaves one that was claimed. Seals both. */
async function layOut(
  context: Context,
  commit: Commits,
  task: TaskAddress,
  { start, sealed, seed }: { start: readonly number[]; sealed: number; seed: readonly Write[] },
): Promise<void> {
  const args = [showPositions(start), String(sealed)];
  const laidOut = await run(context, context.scripts.create, [context.keys.task(task)], args);
  if (laidOut === 0) return;
  const first: Commit = { epoch: 0, sequence: 0, expected: start, next: start, writes: seed, outbox: null };
  const outcome = await commit(task, first);
  if (outcome === 'committed' || outcome === 'fenced') return;
  throw new EfsError('redis-unavailable', 'Redis: another process is laying out the same generation');
}
