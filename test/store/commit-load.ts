import type { Claim, Generations, Store, TaskAddress } from '../../src/store/store';
import { pollMs } from '../servers/child';
import { commitOf, manifestOf } from './given';

/** What happened to the commits of a load so far. */
export interface Tally {
  readonly committed: number;
  /** Commits that had been acknowledged, and were gone when the task was claimed again. */
  readonly lost: number;
  /** Codes of the errors in between. */
  readonly errors: ReadonlySet<unknown>;
  /** The longest time that one commit took until it was acknowledged, over all tasks. */
  readonly longestGapMs: number;
}

export interface CommitLoad {
  tally(): Tally;
  /** Waits until every task has committed so many times more. */
  progress(commits: number): Promise<void>;
  stop(): Promise<Tally>;
}

const PARTITIONS = 6;
const BETWEEN_MS = 5;

/**
 * A generation of its own, and for each of its twelve tasks an owner that commits one position after the other: a commit
 * whose outcome is unknown again, and after a rollback from what is stored. Positions and sequence are held equal, so
 * that what is stored tells which commit was the last.
 */
export async function startCommitLoad(store: Store & Generations): Promise<CommitLoad> {
  const each = <T>(value: T): T[] => Array.from({ length: PARTITIONS }, () => value);
  await store.create(
    { ...manifestOf(1), partitions: PARTITIONS },
    { status: each([0, 0]), kpi: each([0]) },
    [],
  );
  let stopped = false;
  let [lost, longestGapMs] = [0, 0];
  const errors = new Set<unknown>();
  const counts = new Map<TaskAddress, number>();

  const patiently = async <T>(act: () => Promise<T>): Promise<T> => {
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
  const own = async (task: TaskAddress): Promise<void> => {
    let claim = (await patiently(() => store.claim(task, 1))) as Claim;
    while (!stopped) {
      const began = performance.now();
      const next = commitOf(claim);
      const outcome = await patiently(() => store.commit(task, next));
      longestGapMs = Math.max(longestGapMs, performance.now() - began);
      if (outcome === 'committed') {
        counts.set(task, (counts.get(task) ?? 0) + 1);
        claim = { ...claim, sequence: next.sequence, positions: next.next };
      } else {
        expect(outcome).toBe('rolled-back');
        const found = (await patiently(() => store.claim(task, 1))) as Claim;
        expect(found.positions).toEqual(found.positions.map(() => found.sequence));
        lost += claim.sequence - found.sequence;
        claim = found;
      }
      await pollMs(BETWEEN_MS);
    }
  };
  const tasks = (['status', 'kpi'] as const).flatMap((pipeline) =>
    each(pipeline).map((_, partition): TaskAddress => ({ stateId: 1, pipeline, partition })),
  );
  const owners = Promise.all(tasks.map(own));
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
