import type { Claim, Generations, Store, TaskAddress } from '../../src/store/store';
import { pollMs } from '../servers/child';
import { commitOf, manifestOf } from './given';

/** The result of a load's commits so far. */
export interface Tally {
  readonly committed: number;
  /** Acknowledged commits that were missing when the task was claimed again. */
  readonly lost: number;
  /** Codes of the errors in between. */
  readonly errors: ReadonlySet<unknown>;
  /** The longest time from a commit to its acknowledgement, over all tasks. */
  readonly longestGapMs: number;
}

export interface CommitLoad {
  tally(): Tally;
  /** Waits until every task has made so many more commits. */
  progress(commits: number): Promise<void>;
  stop(): Promise<Tally>;
}

const PARTITIONS = 6;
const PAUSE_MS = 5;

/**
 * Creates a generation, with an owner for each of its twelve tasks that commits one position after the other. The owner
 * repeats a commit whose outcome is unknown, and continues from the stored state after a rollback. Positions and sequence
 * are kept equal, so that the stored state shows which commit was the last.
 */
export async function startCommitLoad(store: Store & Generations): Promise<CommitLoad> {
  const each = <T>(value: T): T[] => Array.from({ length: PARTITIONS }, () => value);
  await store.create({ ...manifestOf(1), partitions: PARTITIONS }, { status: each([0, 0]), kpi: each([0]) });
  let stopped = false;
  let [lost, longestGapMs] = [0, 0];
  const errors = new Set<unknown>();
  const counts = new Map<TaskAddress, number>();

  const withRetry = async <T>(act: () => Promise<T>): Promise<T> => {
    for (;;) {
      try {
        return await act();
      } catch (error) {
        errors.add((error as { code?: unknown }).code ?? error);
        if (stopped) throw error;
        await pollMs(50);
      }
    }
  };
  const runOwner = async (task: TaskAddress): Promise<void> => {
    let claim = (await withRetry(() => store.claim(task, 1))) as Claim;
    while (!stopped) {
      const began = performance.now();
      const next = commitOf(claim);
      const outcome = await withRetry(() => store.commit(task, next));
      longestGapMs = Math.max(longestGapMs, performance.now() - began);
      if (outcome === 'committed') {
        counts.set(task, (counts.get(task) ?? 0) + 1);
        claim = { ...claim, sequence: next.sequence, positions: next.next };
      } else {
        expect(outcome).toBe('rolled-back');
        const found = (await withRetry(() => store.claim(task, 1))) as Claim;
        expect(found.positions).toEqual(found.positions.map(() => found.sequence));
        lost += claim.sequence - found.sequence;
        claim = found;
      }
      await pollMs(PAUSE_MS);
    }
  };
  const tasks = (['status', 'kpi'] as const).flatMap((pipeline) =>
    each(pipeline).map((_, partition): TaskAddress => ({ stateId: 1, pipeline, partition })),
  );
  const owners = Promise.all(tasks.map(runOwner));
  const tally = (): Tally => ({
    committed: [...counts.values()].reduce((sum, count) => sum + count, 0),
    lost,
    errors,
    longestGapMs,
  });
  return {
    tally,
    progress: async (commits) => {
      const least = tasks.map((task) => (counts.get(task) ?? 0) + commits);
      while (tasks.some((task, i) => (counts.get(task) ?? 0) < (least[i] ?? 0))) await pollMs(20);
    },
    stop: async () => {
      stopped = true;
      await owners;
      return tally();
    },
  };
}
