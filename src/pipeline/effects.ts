import type { OutgoingRecord } from '../log/sink';
import type { Projected } from '../pipeline';
import { type Flag, flagEntry } from './flags';
import { FLAGS_HASH } from '../store/hashes';
import type { Write } from '../store/store';

/*
 * Internal commands are effects that follow from no record of the log. A task commits them between its batches, like those of
 * a batch.
 */

/** Effects that only write. */
export const writing = (writes: readonly Write[]): Projected => ({ writes, outgoing: [] });

/** Effects that only emit. */
export const emitting = (outgoing: readonly OutgoingRecord[]): Projected => ({ writes: [], outgoing });

/** The write that sets a flag of the task. */
export const flagWrite = (flag: Flag, value: number): Write => ({
  hash: FLAGS_HASH,
  entries: [flagEntry(flag, value)],
});
