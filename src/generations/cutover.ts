import { EfsError } from '../base/errors';
import { replacedTopic } from '../log/topic-ids';
import { inPortions } from '../store/pages';
import type { OutgoingRecord } from '../log/sink';
import { CUT_OVER_TO, flagEntry, readFlags, SUPPRESSED, SUPPRESSED_UNTIL } from '../pipeline/flags';
import { isRetirementMarker, removalOf, retiredAmong, retiredWrites } from '../pipeline/retention';
import { FLAGS_HASH } from '../store/hashes';
import { packOutbox, unpackOutbox } from '../store/outbox';
import type { Retirement } from '../store/retired';
import type { Manifest, Store, TaskAddress, Write } from '../store/store';
import {
  type GenerationHistory,
  generationHistory,
  type GenerationDeps,
  latestNumber,
  refuseDropping,
  tasksOf,
} from './generation';
import { idsOfTopics } from './topic-ids';

/*
 * A cut-over replaces the active generation by its successor:
 *
 *   scan      reads the retired deliveries from the contributions: that may take a while, and KPIs are still published
 *   switch    atomically updates the list: the successor is active, under a number above all others, cut-over incomplete
 *   seal      ends the predecessor's tasks: they can be neither claimed nor committed to, and their positions are final
 *   suppress  starts the successor's kpi tasks at the end of the contributions, publishing nothing
 *   complete  sets the successor's catch-up offsets to the predecessor's final positions; workers may run it from here on
 *
 * Every step is idempotent, and any process that finds an incomplete cut-over completes it. The sequel is that of a lost
 * state: status tasks catch up and emit their contributions and a barrier, then kpi tasks publish what differs from what
 * was published last (publish-gate.ts). So readers see no gap and no overlap, also on the way back.
 */

/** The result of promoting a generation. */
export interface Promotion {
  readonly outcome: 'promoted' | 'active-already';
  readonly manifest: Manifest;
  readonly before: Manifest;
}

/**
 * Makes a generation the active one; null means the only candidate. Throws `not-found` (no generation with this id, or no
 * state at all), `generation-dropping`, `generation-incomplete` where state is missing, `position-lost` where Kafka no
 * longer holds what it would have to read, `topic-replaced`: all of them before anything has changed.
 */
export async function promote(deps: GenerationDeps, stateId: number | null): Promise<Promotion> {
  let histories: readonly GenerationHistory[] = [];
  for (;;) {
    const before = await activeAfterCutover(deps);
    const listed = await deps.store.list();
    const wanted = choose(listed, before, stateId);
    if (wanted.stateId === before.stateId) return { outcome: 'active-already', manifest: before, before };
    refuseDropping(wanted);
    await refuseIncomplete(deps, wanted);
    const replaced = replacedTopic(deps.positionedTopics, wanted.topicIds, await idsOfTopics(deps));
    if (replaced !== null) throw replaced;
    const known = histories;
    histories = await Promise.all(
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
    return { outcome: 'promoted', manifest: await completeCutover(deps, manifest, histories), before };
  }
}

async function activeAfterCutover(deps: GenerationDeps): Promise<Manifest> {
  const active = await deps.store.active();
  if (active === null) throw new EfsError('not-found', 'there is no state: the service has not run yet');
  return completeCutover(deps, active);
}

function choose(listed: readonly Manifest[], active: Manifest, stateId: number | null): Manifest {
  if (stateId !== null) {
    const found = listed.find((each) => each.stateId === stateId);
    if (found === undefined) throw new EfsError('not-found', `there is no generation ${stateId}`);
    return found.stateId === active.stateId ? active : found;
  }
  const candidates = listed.filter((each) => each.generation === 0);
  const [only] = candidates;
  if (only === undefined || candidates.length > 1) {
    const ids = candidates.map((each) => each.stateId).join(', ');
    const what = only === undefined ? 'there is no candidate' : `there are several candidates (${ids})`;
    throw new EfsError('not-found', `${what}: name a generation`);
  }
  return only;
}

/** The generation number under which it publishes: a candidate above all published ones takes its state id. */
function numberFor({ stateId, generation }: Manifest, listed: readonly Manifest[]): number {
  const published = Math.max(...listed.map((each) => each.generation));
  return generation === 0 && stateId > published ? stateId : latestNumber(listed) + 1;
}

async function refuseIncomplete(deps: GenerationDeps, manifest: Manifest): Promise<void> {
  const { stateId } = manifest;
  for (const task of tasksOf(manifest, 'status')) {
    const { partition } = task;
    const status = await deps.store.inspect(task);
    const kpi = await deps.store.inspect({ ...task, pipeline: 'kpi' });
    if (status === null || kpi === null)
      throw new EfsError(
        'generation-incomplete',
        `generation ${stateId} has no state of partition ${partition}`,
      );
    const watermarks = await deps.inputWatermarks(partition);
    watermarks.forEach(({ low }, topic) => {
      const position = status.positions[topic];
      if (position === undefined || position >= low) return;
      const where = `partition ${partition} of input ${topic}`;
      throw new EfsError(
        'position-lost',
        `generation ${stateId} is at position ${position} of ${where}, but Kafka's earliest offset is ${low}`,
      );
    });
  }
}

/**
 * Completes a cut-over, whichever process began it; returns the manifest that is active in the end. Does nothing for a
 * complete one. What the `histories` hold is not read again.
 */
export async function completeCutover(
  deps: GenerationDeps,
  manifest: Manifest,
  histories: readonly GenerationHistory[] = [],
): Promise<Manifest> {
  if (manifest.cutoverComplete) return manifest;
  const { store } = deps;
  const { stateId, predecessor, generation, partitions } = manifest;
  const before = generation - 1;
  const catchUpOffsets: (readonly number[])[] = [];
  for (let partition = 0; partition < partitions; partition += 1) {
    const own: TaskAddress = { stateId, pipeline: 'status', partition };
    // The rebuild that has built it so far runs under a lower number.
    await store.seal(own, before);
    const sealed = predecessor === null ? null : await store.seal({ ...own, stateId: predecessor }, before);
    // A topic that was created again may end before the predecessor's position in its former log.
    const ends = (await deps.inputWatermarks(partition)).map(({ high }) => high);
    // A predecessor from before a topic was an input has counted nothing of it.
    const counted = sealed?.positions ?? ends;
    catchUpOffsets.push(ends.map((end, topic) => Math.min(end, counted[topic] ?? 0)));
  }
  for (let partition = 0; partition < partitions; partition += 1) {
    const kpi: TaskAddress = { stateId, pipeline: 'kpi', partition };
    const sealed = predecessor === null ? null : await store.seal({ ...kpi, stateId: predecessor }, before);
    if (await isSuppressed(store, kpi, generation)) continue;
    // The successor emits the markers that the predecessor committed and may not have published.
    const pending = unpackOutbox(sealed?.outbox ?? null).filter(isRetirementMarker);
    const { high } = await deps.contributionWatermarks(partition);
    const { retired } = await generationHistory(deps, partition, histories[partition], pending);
    await suppress(store, { ...manifest, partition }, { end: high, retired, pending });
  }
  const completed: Manifest = { ...manifest, catchUpOffsets, cutoverComplete: true };
  if (await store.replaceActive(manifest, completed)) return completed;
  const active = await store.active();
  return active === null ? completed : completeCutover(deps, active);
}

/**
 * Restarts a kpi task, suppressed, at the end of the contributions; once per cut-over. Deliveries retired since the
 * generation was last active, or was proposed, are retired here, too, and what it holds of them is removed: it may be only
 * a part. `pending` are markers that the task is to emit.
 */
async function suppress(
  store: Store,
  { stateId, partition, partitions, generation }: Manifest & { readonly partition: number },
  { end, retired, pending }: KpiStart,
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
      const added = portion.filter(([deliveryId]) => !known.has(deliveryId));
      const removals = added.flatMap(([deliveryId]) => removalOf(deliveryId, partitions));
      if (added.length > 0) await write([...retiredWrites(new Map(added)), ...removals]);
    }
    await write([{ hash: FLAGS_HASH, entries: suppressedUntilComplete(generation) }]);
  }
}

/** Whether a kpi task has been suppressed for the cut-over to this number, or for a later one. */
async function isSuppressed(store: Pick<Store, 'load'>, task: TaskAddress, number: number): Promise<boolean> {
  const [cutOverTo] = await readFlags(store, task, CUT_OVER_TO);
  return (cutOverTo ?? 0) >= number;
}

/** The start of a kpi task at a cut-over. */
interface KpiStart {
  readonly end: number;
  readonly retired: ReadonlyMap<string, Retirement>;
  readonly pending: readonly OutgoingRecord[];
}

/** Maximum number of deliveries that one commit retires. */
const RETIRED_AT_ONCE = 50;

const suppressedUntilComplete = (number: number) => [
  flagEntry(SUPPRESSED, true),
  flagEntry(SUPPRESSED_UNTIL, null),
  flagEntry(CUT_OVER_TO, number),
];
