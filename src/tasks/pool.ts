import type { Clock } from '../base/clock';
import { Stopped } from './retry';
import type { Stopping, TaskEnd } from './task';

/**
 * How long a task waits before it claims its partition again, in milliseconds. After a fence, the assignment of a rebalance
 * may be in flight. After an unrequested stop, a former task of the partition was late to open its inbox, which closed
 * this one's. After its sink failed, opening the next one waits for Kafka.
 */
const RECLAIM_WAIT_MS = { fenced: 1_000, stopped: 1_000, unacknowledged: 200 };

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

/** Keeps one task per assigned partition running. `run` runs one until it ends. */
export function taskPool(deps: {
  readonly clock: Clock;
  /** Another owner has claimed the partition. */
  onFenced(partition: number): void;
  /** The task cannot go on; it stays stopped. */
  onFailed(partition: number, error: unknown): void;
  run(partition: number, stopping: Stopping, signal: AbortSignal): Promise<TaskEnd>;
}): TaskPool {
  const tasks = new Map<number, Running>();

  const runRepeatedly = async (partition: number, { stopping, abort }: Running): Promise<void> => {
    while (!stopping.requested) {
      const end = await deps.run(partition, stopping, abort.signal);
      if (stopping.requested || end === 'lost') return;
      if (end === 'fenced') deps.onFenced(partition);
      await deps.clock.sleep(RECLAIM_WAIT_MS[end], abort.signal);
    }
  };

  const start = (partition: number): void => {
    const task: Running = {
      stopping: { requested: false, closeInbox: () => undefined },
      abort: new AbortController(),
      ended: Promise.resolve(),
    };
    tasks.set(partition, task);
    task.ended = runRepeatedly(partition, task).catch((error: unknown) => {
      if (!(error instanceof Stopped)) deps.onFailed(partition, error);
    });
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
