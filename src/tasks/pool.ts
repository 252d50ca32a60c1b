import { backoffMs } from '../base/backoff';
import type { Clock, Random } from '../base/clock';
import { Stopped } from './retry';
import type { Stopping, TaskEnd } from './task';

/**
 * How long a task waits before it claims its partition again, in milliseconds. After a fence, the assignment of a rebalance
 * may be in flight. After an unrequested stop, a former task of the partition was late to open its inbox, which closed
 * this one's. After its sink failed, opening the next one waits for Kafka.
 */
const RECLAIM_WAIT_MS = { fenced: 1_000, stopped: 1_000, unacknowledged: 200 };

/** How long a task waits after a failure, in milliseconds: what has stopped it may be over by then. */
const RETRY_WAIT_MS = { first: 2_000, most: 60_000 };

/**
 * A task that failed before runs again for good when it makes progress so long after its start, in milliseconds: longer than
 * an idle task waits for its next commit, so that one that fails at its first records does not count.
 */
const STEADY_MS = 10_000;

/** The tasks of one pipeline at this worker. */
export interface TaskPool {
  /** Starts and stops tasks so that exactly these partitions run. */
  assign(partitions: readonly number[]): void;
  /** Stops all tasks: lets each finish its batch for `graceMs`, then aborts them. `assign` may start tasks again. */
  stop(graceMs: number): Promise<void>;
  /** Partitions whose tasks run. */
  running(): readonly number[];
}

interface Running {
  readonly stopping: Stopping;
  readonly abort: AbortController;
  ended: Promise<void>;
}

interface PoolDeps {
  readonly clock: Clock;
  readonly random: Random;
  /** Another owner has claimed the partition. */
  onFenced(partition: number): void;
  /** The task cannot go on. It is tried again after `retryMs`. */
  onFailed(partition: number, error: unknown, retryMs: number): void;
  /** A task that has failed runs again, or is no longer this worker's. */
  onMended(partition: number): void;
  /** `onProgress` is called after each batch. */
  run(partition: number, stopping: Stopping, signal: AbortSignal, onProgress: () => void): Promise<TaskEnd>;
}

/** Waits, unless the task is to stop. */
async function pause(clock: Clock, ms: number, { stopping, abort }: Running): Promise<void> {
  const stopped = new AbortController();
  stopping.closeInbox = () => stopped.abort();
  if (!stopping.requested) await clock.sleep(ms, AbortSignal.any([abort.signal, stopped.signal]));
}

/** Runs a task until it ends; returns how long to wait before the next time, or null where there is none. */
async function runOnce(
  deps: PoolDeps,
  partition: number,
  { stopping, abort }: Running,
  onProgress: () => void,
): Promise<number | null> {
  const end = await deps.run(partition, stopping, abort.signal, onProgress);
  if (stopping.requested || end === 'lost') return null;
  if (end === 'fenced') deps.onFenced(partition);
  return RECLAIM_WAIT_MS[end];
}

/** Runs a task again and again, until it is to stop or its state is lost. */
async function runRepeatedly(deps: PoolDeps, partition: number, task: Running): Promise<void> {
  let failures = 0;
  const mended = (): void => {
    if (failures > 0) deps.onMended(partition);
    failures = 0;
  };
  const failed = (error: unknown): number | null => {
    if (error instanceof Stopped) return null;
    const retryMs = backoffMs(failures, deps.random, RETRY_WAIT_MS);
    failures += 1;
    deps.onFailed(partition, error, retryMs);
    return retryMs;
  };
  while (!task.stopping.requested) {
    const steadyAt = deps.clock.monotonic() + STEADY_MS;
    const onProgress = (): void => {
      if (failures > 0 && deps.clock.monotonic() >= steadyAt) mended();
    };
    const waitMs = await runOnce(deps, partition, task, onProgress).catch(failed);
    if (waitMs === null) break;
    await pause(deps.clock, waitMs, task);
  }
  mended();
}

/** Keeps one task per assigned partition running. `run` runs one until it ends. */
export function taskPool(deps: PoolDeps): TaskPool {
  const tasks = new Map<number, Running>();

  const start = (partition: number): void => {
    const task: Running = {
      stopping: { requested: false, closeInbox: () => undefined },
      abort: new AbortController(),
      ended: Promise.resolve(),
    };
    tasks.set(partition, task);
    task.ended = runRepeatedly(deps, partition, task);
  };

  const stop = async (partitions: readonly number[], graceMs: number): Promise<void> => {
    const ending = partitions.flatMap((partition) => {
      const task = tasks.get(partition);
      tasks.delete(partition);
      return task === undefined ? [] : [task];
    });
    for (const { stopping } of ending) {
      stopping.requested = true;
      stopping.closeInbox();
    }
    const ended = Promise.all(ending.map((task) => task.ended));
    const graceTimer = new AbortController();
    await Promise.race([ended, deps.clock.sleep(graceMs, graceTimer.signal)]);
    graceTimer.abort();
    for (const { abort } of ending) abort.abort();
    await ended;
  };

  return {
    assign: (partitions) => {
      void stop(
        [...tasks.keys()].filter((partition) => !partitions.includes(partition)),
        0,
      );
      for (const partition of partitions) if (!tasks.has(partition)) start(partition);
    },
    stop: (graceMs) => stop([...tasks.keys()], graceMs),
    running: () => [...tasks.keys()].sort((a, b) => a - b),
  };
}
