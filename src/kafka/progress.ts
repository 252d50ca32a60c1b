import type { Clock } from '../base/clock';
import type { Positions } from '../log/source';

/** Commits of progress, by partition. */
export interface ProgressCommits {
  /** Replaces the partition's position. */
  record(partition: number, positions: Positions): void;
  /** Commits at once what is not committed yet. */
  flush(): Promise<void>;
}

/**
 * Commits the last position of each partition: every one `everyMs` after it at the latest, also where none follows. One that
 * fails is committed again `everyMs` later, until `signal` aborts.
 */
export function progressCommits(
  {
    clock,
    everyMs,
    signal,
  }: { readonly clock: Clock; readonly everyMs: number; readonly signal: AbortSignal },
  commit: (partition: number, positions: Positions) => Promise<void>,
): ProgressCommits {
  const pending = new Map<number, Positions>();
  let last = Promise.resolve();
  const record = (partition: number, positions: Positions): void => {
    if (pending.size === 0) void clock.sleep(everyMs, signal).then(flush);
    pending.set(partition, positions);
  };
  const commitPending = async (): Promise<void> => {
    const due = [...pending];
    pending.clear();
    for (const [partition, positions] of due)
      await commit(partition, positions).catch(() => {
        if (!signal.aborted && !pending.has(partition)) record(partition, positions);
      });
  };
  // One after the other: an older position never replaces a newer one.
  const flush = (): Promise<void> => (last = last.then(commitPending));
  return { record, flush };
}
