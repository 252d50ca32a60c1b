import { EfsError } from '../base/errors';
import { replacedTopic } from '../log/topic-ids';
import type { Manifest } from '../store/store';
import {
  type GenerationDeps,
  latestAllocated,
  latestNumber,
  mismatches,
  originOf,
  startAt,
  type StateSettings,
} from './generation';
import { refuseUnless, stateOf } from './lifecycle';
import { idsOfTopics } from './topic-ids';

/* A candidate is a generation that is built beside the active one and publishes nothing. */

/**
 * Returns the existing candidate, or creates one that reads the topics from their beginning. Throws `candidate-unfit` where
 * it has other settings, `generation-dropping`, `rebuild-taken-over` where it has been promoted meanwhile.
 */
export async function findCandidate(
  deps: GenerationDeps,
  active: Manifest,
  stateSettings: StateSettings,
): Promise<{ candidate: Manifest; resumed: boolean }> {
  const listed = await deps.store.list();
  const known = listed.find(({ generation }) => generation === 0);
  const topicIds = await idsOfTopics(deps);
  if (known !== undefined) {
    const candidate = candidateFor(stateSettings, known);
    const replaced = replacedTopic(deps.positionedTopics, candidate.topicIds, topicIds);
    if (replaced !== null)
      throw new EfsError('candidate-unfit', `candidate ${candidate.stateId}: ${replaced.message}`);
    return { candidate, resumed: true };
  }
  const partitions = Array.from({ length: active.partitions }, (_, partition) => partition);
  const origins = await Promise.all(partitions.map((partition) => originOf(deps, partition)));
  const manifest: Manifest = {
    ...stateSettings,
    stateId: Math.max(latestNumber(listed), latestAllocated(origins)) + 1,
    generation: 0,
    predecessor: null,
    topicIds,
    contributionsFrom: [],
  };
  if (!(await deps.allocateStateId(manifest.stateId)))
    throw takenOver(`another process has allocated generation ${manifest.stateId}`);
  const listedNow = await deps.store.propose(manifest, startAt(origins));
  return { candidate: candidateFor(stateSettings, listedNow), resumed: false };
}

/** Checks the listed manifest of a candidate: another process may have proposed it, and even promoted it. */
function candidateFor(stateSettings: StateSettings, listed: Manifest): Manifest {
  if (listed.generation > 0) throw takenOver(`generation ${listed.stateId} has become the active one`);
  refuseUnless('promote', listed, stateOf(listed, null, true));
  const others = mismatches(listed, stateSettings);
  if (others.length === 0) return listed;
  throw new EfsError('candidate-unfit', `candidate ${listed.stateId}: ${others.join('; ')}`);
}

export const takenOver = (why: string): EfsError =>
  new EfsError('rebuild-taken-over', `the rebuild has ended: ${why}`);
