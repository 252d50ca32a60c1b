import { EfsError } from '../base/errors';
import { inPortions } from '../base/portions';
import type { OutgoingRecord } from '../log/sink';
import { CUT_FIELD, SUPPRESSED_FIELD, UNTIL_FIELD } from '../pipeline/publish-gate';
import { isMarker, removalOf, retiredAmong, retiredWrites } from '../pipeline/retention';
import { FLAGS_HASH, numberField } from '../store/hashes';
import { packOutbox, unpackOutbox } from '../store/outbox';
import type { Retirement } from '../store/retired';
import type { Generations, Manifest, Store, TaskAddress, Write } from '../store/store';
import {
  type GenerationHistory,
  generationHistory,
  type GenerationDeps,
  latestNumber,
  type AllocationDeps,
  refuseDropping,
} from './generation';

/*
 * A cut-over puts one generation in another one's place:
 *
 *   read      what was retired so far is read from the contributions: that may take a while, and KPIs still go on
 *   switch    one atomic act on the list: the other one is active, under a number above all others, not yet settled
 *   seal      the tasks of the one before can be neither claimed nor committed to: where they stand is where they end
 *   mute      the kpi tasks of the other one begin at the end of the contributions, and say nothing
 *   settle    its targets are where the one before ended; from here on workers may run it
 *
 * Each step can be done again, by anybody: whoever finds a cut-over that is not settled completes it. What follows is what
 * follows a lost state: status tasks pass their targets and announce their contributions and a barrier, then kpi tasks
 * publish what differs from what was published last (gate.ts). So readers see no gap and no overlap, also on the way back.
 */

export interface CutOverDeps
  extends AllocationDeps, Pick<GenerationDeps, 'inputWatermarks' | 'contributionWatermarks'> {
  readonly store: Store & Generations;
}

/** What became of the wish to make a generation the active one. */
export interface Promotion {
  readonly outcome: 'promoted' | 'active-already';
  readonly manifest: Manifest;
  readonly before: Manifest;
}

/**
 * Makes a generation the active one; null stands for the only candidate. Throws `not-found` (no such generation, or no
 * state at all), `generation-dropping`, `generation-incomplete` where its state is not whole, `position-lost` where Kafka no
 * longer holds what it would have to read: all of them before anything has changed.
 */
export async function promote(deps: CutOverDeps, generation: number | null): Promise<Promotion> {
  let lives: readonly GenerationHistory[] = [];
  for (;;) {
    const before = await settledActive(deps);
    const listed = await deps.store.list();
    const wanted = choose(listed, before, generation);
    if (wanted.stateId === before.stateId) return { outcome: 'active-already', manifest: before, before };
    refuseDropping(wanted);
    await refuseIncomplete(deps, wanted);
    const known = lives;
    lives = await Promise.all(
      tasksOf(wanted, 'kpi').map(({ partition }) => generationHistory(deps, partition, known[partition])),
    );
    const manifest: Manifest = {
      ...wanted,
      generation: numberFor(wanted, listed),
      hasPredecessor: true,
      predecessor: before.stateId,
      cutoverComplete: false,
      catchUpOffsets: [],
    };
    if (!(await deps.store.replaceActive(before, manifest))) continue;
    return { outcome: 'promoted', manifest: await settle(deps, manifest, lives), before };
  }
}

async function settledActive(deps: CutOverDeps): Promise<Manifest> {
  const active = await deps.store.active();
  if (active === null) throw new EfsError('not-found', 'there is no state: the service has not run yet');
  return settle(deps, active);
}

function choose(listed: readonly Manifest[], active: Manifest, generation: number | null): Manifest {
  if (generation !== null) {
    const found = listed.find((each) => each.stateId === generation);
    if (found === undefined) throw new EfsError('not-found', `there is no generation ${generation}`);
    return found.stateId === active.stateId ? active : found;
  }
  const candidates = listed.filter((each) => each.generation === 0);
  const [only] = candidates;
  if (only === undefined || candidates.length > 1) {
    const names = candidates.map((each) => each.stateId).join(', ');
    const what = only === undefined ? 'there is no candidate' : `there are several candidates (${names})`;
    throw new EfsError('not-found', `${what}: name a generation`);
  }
  return only;
}

/** A candidate that comes after all others keeps its name as its number. */
function numberFor({ stateId, generation }: Manifest, listed: readonly Manifest[]): number {
  const published = Math.max(...listed.map((each) => each.generation));
  return generation === 0 && stateId > published ? stateId : latestNumber(listed) + 1;
}

const tasksOf = ({ stateId, partitions }: Manifest, pipeline: TaskAddress['pipeline']): TaskAddress[] =>
  Array.from({ length: partitions }, (_, partition) => ({ stateId, pipeline, partition }));

async function refuseIncomplete(deps: CutOverDeps, manifest: Manifest): Promise<void> {
  const { stateId } = manifest;
  for (const task of tasksOf(manifest, 'status')) {
    const { partition } = task;
    const standing = await deps.store.inspect(task);
    const kpi = await deps.store.inspect({ ...task, pipeline: 'kpi' });
    if (standing === null || kpi === null)
      throw new EfsError(
        'generation-incomplete',
        `generation ${stateId} has no state of partition ${partition}`,
      );
    const held = await deps.inputWatermarks(partition);
    held.forEach(({ low }, topic) => {
      const position = standing.positions[topic] ?? 0;
      if (position >= low) return;
      const where = `partition ${partition} of input ${topic}`;
      throw new EfsError(
        'position-lost',
        `generation ${stateId} stands at ${position} in ${where}, and Kafka holds nothing before ${low}`,
      );
    });
  }
}

/**
 * Completes a cut-over, whoever began it; gives what is active in the end. A settled one is left as it is. What is known of
 * the `lives` before need not be read again.
 */
export async function settle(
  deps: CutOverDeps,
  manifest: Manifest,
  lives: readonly GenerationHistory[] = [],
): Promise<Manifest> {
  if (manifest.cutoverComplete) return manifest;
  const { store } = deps;
  const { stateId, predecessor, generation, partitions } = manifest;
  const before = generation - 1;
  const catchUpOffsets: (readonly number[])[] = [];
  for (let partition = 0; partition < partitions; partition += 1) {
    const own: TaskAddress = { stateId, pipeline: 'status', partition };
    // Whoever has built it up to here knows it under a lesser number.
    await store.seal(own, before);
    const sealed = predecessor === null ? null : await store.seal({ ...own, stateId: predecessor }, before);
    const ended = sealed?.positions ?? (await deps.inputWatermarks(partition)).map(({ high }) => high);
    catchUpOffsets.push(ended);
  }
  for (let partition = 0; partition < partitions; partition += 1) {
    const kpi: TaskAddress = { stateId, pipeline: 'kpi', partition };
    const sealed = predecessor === null ? null : await store.seal({ ...kpi, stateId: predecessor }, before);
    if (await isSuppressed(store, kpi, generation)) continue;
    // What it had announced, and may not have said, is left to the successor to say.
    const pending = unpackOutbox(sealed?.outbox ?? null).filter(isMarker);
    const { high } = await deps.contributionWatermarks(partition);
    const { retired } = await generationHistory(deps, partition, lives[partition], pending);
    await mute(store, { ...manifest, partition }, { end: high, retired, pending });
  }
  const completed: Manifest = { ...manifest, catchUpOffsets, cutoverComplete: true };
  if (await store.replaceActive(manifest, completed)) return completed;
  const active = await store.active();
  return active === null ? completed : settle(deps, active);
}

/**
 * Lets a kpi task begin anew, muted, at the end of the contributions; once for each cut-over. What was retired since the
 * generation was last the active one, or was proposed, is retired here, too. It may hold but a part of that: nothing is
 * to come of it. `unsaid` are markers that it is to emit.
 */
async function mute(
  store: Store,
  { stateId, partition, partitions, generation }: Manifest & { readonly partition: number },
  { end, retired, pending }: Beginning,
): Promise<void> {
  const task: TaskAddress = { stateId, pipeline: 'kpi', partition };
  const outbox = packOutbox(pending);
  while (!(await isSuppressed(store, task, generation))) {
    const claim = await store.claim(task, generation);
    if (claim === null)
      throw new EfsError('generation-incomplete', `generation ${stateId} has lost a kpi task`);
    if (await isSuppressed(store, task, generation)) return;
    let { sequence, positions } = claim;
    const write = async (writes: readonly Write[]): Promise<void> => {
      sequence += 1;
      const { epoch } = claim;
      await store.commit(task, { epoch, sequence, expected: positions, next: [end], writes, outbox });
      positions = [end];
    };
    for (const portion of inPortions([...retired], RETIRED_AT_ONCE)) {
      const ids = portion.map(([deliveryId]) => deliveryId);
      const known = await retiredAmong(store, { stateId, partitions }, ids);
      const news = portion.filter(([deliveryId]) => !known.has(deliveryId));
      const removals = news.flatMap(([deliveryId]) => removalOf(deliveryId, partitions));
      if (news.length > 0) await write([...retiredWrites(new Map(news)), ...removals]);
    }
    await write([{ hash: FLAGS_HASH, entries: suppressedUntilComplete(generation) }]);
  }
}

/** Whether a kpi task has been muted for the cut-over to this number, or for a later one. */
async function isSuppressed(store: Pick<Store, 'load'>, task: TaskAddress, number: number): Promise<boolean> {
  const [flags] = await store.load(task, [{ hash: FLAGS_HASH, fields: [CUT_FIELD] }]);
  return Number(flags?.[0]?.toString('latin1') ?? 0) >= number;
}

/** What a kpi task begins with at a cut-over. */
interface Beginning {
  readonly end: number;
  readonly retired: ReadonlyMap<string, Retirement>;
  readonly pending: readonly OutgoingRecord[];
}

/** Deliveries that one commit retires at most. */
const RETIRED_AT_ONCE = 50;

const suppressedUntilComplete = (number: number) =>
  [
    [SUPPRESSED_FIELD, numberField(1)],
    [UNTIL_FIELD, null],
    [CUT_FIELD, numberField(number)],
  ] as const;
