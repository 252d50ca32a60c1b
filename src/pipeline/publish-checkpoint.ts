import type { Committed } from '../log/source';
import type { Made } from '../pipeline';
import type { Claim, Standing } from '../store/store';

/*
 * A published record has a witness outside of the store: in its transaction the log is told where the task stood and whose
 * commit it was. A store that comes back older than it was is found out by it, also where a former owner, whom it does not
 * know as such any more, has gone on from there.
 */

/** What goes with the records of a commit. */
export function checkpointOf({ stateId }: Pick<Standing, 'stateId'>, { epoch, positions }: Made): Committed {
  return { offset: positions[0] ?? 0, note: `${stateId}/${epoch}` };
}

/** How a task notes that it knows what was published up to this witness. */
export const checkpointKey = ({ offset, note }: Committed): string => `${offset} ${note}`;

/**
 * Whether more was published than the state that was claimed knows of, or by an owner that it does not know of: one of its
 * own generation that is not among those who committed to it, or one of another generation since it has `seen` the log.
 */
export function isOvertaken(
  { stateId }: Pick<Standing, 'stateId'>,
  { positions, committedBy }: Pick<Claim, 'positions' | 'committedBy'>,
  checkpoint: Committed | null,
  seen: string | null,
): boolean {
  if (checkpoint === null) return false;
  if (checkpoint.offset > (positions[0] ?? 0)) return true;
  if (checkpoint.note === '') return false;
  const [name, epoch] = checkpoint.note.split('/').map(Number);
  // Epochs of another generation are those of another task: they cannot be compared.
  return name === stateId ? (epoch ?? 0) > committedBy : checkpointKey(checkpoint) !== seen;
}
