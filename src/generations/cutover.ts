import { EfsError } from '../base/errors';
import { replacedTopic } from '../log/topic-ids';
import type { Manifest } from '../store/store';
import { type GenerationDeps, latestNumber, sealAll, tasksOf } from './generation';
import { refuseUnless, stateOf } from './lifecycle';
import { idsOfTopics } from './topic-ids';

/*
 * A cut-over replaces the active generation by its successor:
 *
 *   switch    atomically updates the list: the successor is active, under a number above all others, cut-over incomplete
 *   seal      ends the predecessor's tasks: they can be neither claimed nor committed to, and their positions are final
 *   complete  sets where the successor's kpi tasks start: at the end of the contributions; workers may run it from here on,
 *             and its status tasks publish once they have passed the ends of their inputs
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
  for (;;) {
    const before = await activeAfterCutover(deps);
    const listed = await deps.store.list();
    const wanted = choose(listed, before, stateId);
    if (wanted.stateId === before.stateId) return { outcome: 'active-already', manifest: before, before };
    refuseUnless('promote', wanted, stateOf(wanted, before, true));
    await refuseIncomplete(deps, wanted);
    const replaced = replacedTopic(deps.positionedTopics, wanted.topicIds, await idsOfTopics(deps));
    if (replaced !== null) throw replaced;
    const manifest: Manifest = {
      ...wanted,
      generation: numberFor(wanted, listed),
      predecessor: before.stateId,
      contributionsFrom: null,
    };
    if (!(await deps.store.replaceActive(before, manifest))) continue;
    return { outcome: 'promoted', manifest: await completeCutover(deps, manifest), before };
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
 * complete one.
 */
export async function completeCutover(deps: GenerationDeps, manifest: Manifest): Promise<Manifest> {
  if (manifest.contributionsFrom !== null) return manifest;
  const { store } = deps;
  const { stateId, predecessor, generation } = manifest;
  const partitions = Array.from({ length: manifest.partitions }, (_, partition) => partition);
  // The rebuild that built it runs under a lower number.
  for (const id of predecessor === null ? [stateId] : [stateId, predecessor])
    await sealAll(store, { ...manifest, stateId: id }, generation - 1);
  const contributionsFrom = await Promise.all(
    partitions.map(async (partition) => (await deps.contributionWatermarks(partition)).high),
  );
  const completed: Manifest = { ...manifest, contributionsFrom };
  if (await store.replaceActive(manifest, completed)) return completed;
  const active = await store.active();
  return active === null ? completed : completeCutover(deps, active);
}
