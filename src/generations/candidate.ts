import { EfsError } from '../base/errors';
import { retiredWrites } from '../pipeline/retention';
import type { Manifest, GenerationRef, TaskAddress } from '../store/store';
import type { CutOverDeps } from './cutover';
import {
  generationHistory,
  type StateSettings,
  latestAllocated,
  latestNumber,
  mismatches,
  refuseDropping,
} from './generation';

/* A candidate is a generation that is built beside the active one and publishes nothing. */

/** The status task of a generation in a partition. */
export const taskOf = ({ stateId }: GenerationRef, partition: number): TaskAddress => ({
  stateId,
  pipeline: 'status',
  partition,
});

/**
 * Returns the existing candidate, or creates one that reads the topics from their beginning. Throws `candidate-unfit` where
 * it has other settings, `generation-dropping`, `rebuild-taken-over` where it has been promoted meanwhile.
 */
export async function findCandidate(
  deps: CutOverDeps,
  active: Manifest,
  stateSettings: StateSettings,
): Promise<{ candidate: Manifest; resumed: boolean }> {
  const listed = await deps.store.list();
  const known = listed.find(({ generation }) => generation === 0);
  if (known !== undefined) return { candidate: candidateFor(stateSettings, known), resumed: true };
  const partitions = Array.from({ length: active.partitions }, (_, partition) => partition);
  const status = await Promise.all(
    partitions.map(async (partition) => (await deps.inputWatermarks(partition)).map(({ low }) => low)),
  );
  const kpi = await Promise.all(
    partitions.map(async (partition) => [(await deps.contributionWatermarks(partition)).high]),
  );
  const histories = await Promise.all(partitions.map((partition) => generationHistory(deps, partition)));
  const seed = histories.map(({ retired }, partition) => ({ partition, writes: retiredWrites(retired) }));
  const manifest: Manifest = {
    ...stateSettings,
    stateId: Math.max(latestNumber(listed), latestAllocated(histories)) + 1,
    generation: 0,
    hasPredecessor: true,
    predecessor: null,
    cutoverComplete: true,
    catchUpOffsets: await Promise.all(
      partitions.map(async (each) => (await deps.store.inspect(taskOf(active, each)))?.positions ?? []),
    ),
  };
  if (!(await deps.allocateStateId(manifest.stateId)))
    throw takenOver(`another process has allocated generation ${manifest.stateId}`);
  const listedNow = await deps.store.propose(manifest, { status, kpi }, seed);
  return { candidate: candidateFor(stateSettings, listedNow), resumed: false };
}

/** Checks the listed manifest of a candidate: another process may have proposed it, and even promoted it. */
function candidateFor(stateSettings: StateSettings, listed: Manifest): Manifest {
  if (listed.generation > 0) throw takenOver(`generation ${listed.stateId} has become the active one`);
  refuseDropping(listed);
  const others = mismatches(listed, stateSettings);
  if (others.length === 0) return listed;
  throw new EfsError('candidate-unfit', `candidate ${listed.stateId}: ${others.join('; ')}`);
}

export const takenOver = (why: string): EfsError =>
  new EfsError('rebuild-taken-over', `the rebuild has ended: ${why}`);
