import { must } from '../base/assert';
import { inPortions } from './pages';
import { type Context, reply, run } from './context.redis';
import { showPositions } from './packing';
import { type GenerationRef, type Generations, type Manifest, type NewTask, newTasks } from './store';

/** Tasks created at once. */
const CREATED_AT_ONCE = 64;

/** The list of generations in Redis. */
export function redisGenerations(context: Context): Generations {
  const { keys, scripts, client } = context;
  const list = [keys.active, keys.all];
  const generations: Generations = {
    active: async () => manifestIn(await reply(client.get(keys.active))),
    async list() {
      const all = Object.values(await reply(client.hgetall(keys.all))).map(manifestIn);
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
    async create(manifest, start) {
      const before = await generations.active();
      if (before?.stateId === manifest.stateId) return before;
      await initTasks(context, manifest, newTasks(manifest, start));
      const args = [String(manifest.stateId), textOf(manifest)];
      const active = (await run(context, scripts.activate, list, args)) as Buffer;
      return must(manifestIn(active.toString()), 'no generation is active after one was created');
    },
    async propose(manifest, start) {
      const id = String(manifest.stateId);
      const before = manifestIn(await reply(client.hget(keys.all, id)));
      if (before !== null) return before;
      await initTasks(context, manifest, newTasks(manifest, start));
      await reply(client.hsetnx(keys.all, id, textOf(manifest)));
      return must(manifestIn(await reply(client.hget(keys.all, id))), 'a proposal is listed');
    },
    async replaceActive(from, to) {
      const expected = [...refArgs(from), from.contributionsFrom === null ? '0' : '1'];
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
  // Written up to version 0.1.
  readonly succeeds?: unknown;
  readonly targets?: unknown;
  // Absent in manifests stored up to version 0.1.
  readonly contributions?: readonly number[];
  // Absent in manifests stored before there were cut-overs.
  readonly publishedAs?: number;
  readonly takesOver?: number | null;
  readonly settled?: boolean;
}

function textOf(manifest: Manifest): string {
  const { stateId, generation, predecessor, contributionsFrom, ...same } = manifest;
  const stored: Stored = {
    ...same,
    generation: stateId,
    publishedAs: generation,
    takesOver: predecessor,
    settled: contributionsFrom !== null,
    contributions: contributionsFrom ?? [],
  };
  return JSON.stringify(stored);
}

function manifestIn(text: string | null): Manifest | null {
  if (text === null) return null;
  const {
    generation,
    publishedAs,
    takesOver,
    settled,
    contributions,
    succeeds: _,
    targets: __,
    ...same
  } = JSON.parse(text) as Stored;
  return {
    ...same,
    stateId: generation,
    generation: publishedAs ?? generation,
    predecessor: takesOver ?? null,
    contributionsFrom: settled === false ? null : (contributions ?? []),
  };
}

/** Creates the tasks, each at its start and sealed against lower numbers; a claimed task keeps its state. */
async function initTasks(
  context: Context,
  { generation }: Manifest,
  tasks: readonly NewTask[],
): Promise<void> {
  const { keys, scripts } = context;
  const init = ({ address, positions }: NewTask): Promise<unknown> =>
    run(context, scripts.create, [keys.task(address)], [showPositions(positions), String(generation - 1)]);
  for (const some of inPortions(tasks, CREATED_AT_ONCE)) await Promise.all(some.map(init));
}
