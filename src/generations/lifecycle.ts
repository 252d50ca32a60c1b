import { EfsError } from '../base/errors';
import type { Manifest } from '../store/store';

/**
 * The states of a generation, and what makes another of each:
 *
 * - `candidate`: built beside the active one, has never published.
 * - `taking over`: switched to, and its cut-over is incomplete: no task of it may run.
 * - `active`: publishes, as its tasks become live (pipeline/publishing.ts).
 * - `retired`: was active, and can be brought back.
 * - `incomplete`: its state is lost in whole or in part.
 * - `being dropped`: its deletion has begun, and can only be completed.
 */
export const TRANSITIONS = {
  candidate: { promote: 'taking over', drop: 'being dropped', loss: 'incomplete' },
  'taking over': { complete: 'active', loss: 'incomplete' },
  active: { replaced: 'retired', loss: 'incomplete' },
  retired: { promote: 'taking over', drop: 'being dropped', loss: 'incomplete' },
  incomplete: { drop: 'being dropped' },
  'being dropped': { drop: 'being dropped' },
} as const satisfies Record<string, Readonly<Record<string, string>>>;

export type GenerationState = keyof typeof TRANSITIONS;

/** The state of a listed generation; `isWhole`: whether each of its tasks has state. */
export function stateOf(
  manifest: Pick<Manifest, 'stateId' | 'generation' | 'dropping'>,
  active: Pick<Manifest, 'stateId' | 'contributionsFrom'> | null,
  isWhole: boolean,
): GenerationState {
  if (manifest.dropping) return 'being dropped';
  if (!isWhole) return 'incomplete';
  if (manifest.stateId === active?.stateId)
    return active.contributionsFrom === null ? 'taking over' : 'active';
  return manifest.generation === 0 ? 'candidate' : 'retired';
}

/** Throws `generation-dropping`, `generation-active` where a generation in this state allows no such command. */
export function refuseUnless(
  command: 'promote' | 'drop',
  { stateId }: Pick<Manifest, 'stateId'>,
  state: GenerationState,
): void {
  if (command in TRANSITIONS[state]) return;
  if (state === 'being dropped')
    throw new EfsError('generation-dropping', `generation ${stateId} is being dropped`);
  throw new EfsError('generation-active', `generation ${stateId} is the active one`);
}
