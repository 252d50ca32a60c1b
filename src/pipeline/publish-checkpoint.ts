import type { Committed } from '../log/source';
import type { CommitRef } from '../pipeline';
import type { Claim, GenerationRef } from '../store/store';

/*
 * A published record has a checkpoint outside of the store: its transaction commits the task's position and its owner's
 * epoch to the log. The checkpoint detects a stale store, also where a former owner that the store no longer knows has
 * continued from there.
 */

/** The checkpoint that is published with the records of a commit. */
export function checkpointOf(
  { stateId }: Pick<GenerationRef, 'stateId'>,
  { epoch, positions }: CommitRef,
): Committed {
  return { offset: positions[0] ?? 0, metadata: `${stateId}/${epoch}` };
}

/** The stored form by which a task keeps that it has read what was published up to this checkpoint. */
export const checkpointKey = ({ offset, metadata }: Committed): string => `${offset} ${metadata}`;

/**
 * Whether records were published after the claimed state: at a later position, by an owner of its own generation whose
 * commit it does not contain, or by another generation since the task has `seen` the log.
 */
export function isOvertaken(
  { stateId }: Pick<GenerationRef, 'stateId'>,
  { positions, committedBy }: Pick<Claim, 'positions' | 'committedBy'>,
  checkpoint: Committed | null,
  seen: string | null,
): boolean {
  if (checkpoint === null) return false;
  if (checkpoint.offset > (positions[0] ?? 0)) return true;
  if (checkpoint.metadata === '') return false;
  const [publisher, epoch] = checkpoint.metadata.split('/').map(Number);
  // Epochs of another generation belong to another task: they cannot be compared.
  return publisher === stateId ? (epoch ?? 0) > committedBy : checkpointKey(checkpoint) !== seen;
}
