import { EfsError } from '../base/errors';
import type { Log } from '../base/log';
import { SupersededGenerationError } from '../pipeline/publish-gate';
import type { GenerationRef, Manifest, TaskAddress } from '../store/store';
import { kpiTask } from '../tasks/kpi-task';
import type { WorkerDeps } from '../tasks/owned-task';
import { type TaskPool, taskPool } from '../tasks/pool';
import { statusTask } from '../tasks/status-task';
import { runTask, type Stopping, type Task, type TaskEnd } from '../tasks/task';

/** A superseded generation counts as lost: it is rebuilt under a number above all published ones. */
function lostIfSuperseded(error: unknown, log: Log): TaskEnd {
  if (!(error instanceof SupersededGenerationError)) throw error;
  log.warn('generation is superseded: it counts as lost', { error });
  return 'lost';
}

/** The task; it calls `onProgress` after each batch. */
const watched = <Input>(task: Task<Input>, onProgress: () => void): Task<Input> => ({
  ...task,
  onProgress: (...progress) => {
    task.onProgress(...progress);
    onProgress();
  },
});

/** What the tasks of a pipeline share with the service. */
export interface Surroundings {
  readonly log: Log;
  /** The active generation, as this worker knows it. */
  readonly current: { readonly manifest: Manifest };
  /** Receives, by key, why the service is not ready; null when that is over. */
  onReason(key: string, reason: string | null): void;
  /** Whether another generation than the known one is active. */
  hasMoved(known: GenerationRef): Promise<boolean>;
  /** The state of this generation is lost, or sealed. */
  onLost(left: Manifest): void;
}

/** The pool of a pipeline's tasks. A task that fails is reported as a reason until it runs again. */
export function tasksOfPipeline(
  pipeline: TaskAddress['pipeline'],
  worker: Omit<WorkerDeps, 'onRolledBack'>,
  { log, current, onReason, hasMoved, onLost }: Surroundings,
): TaskPool {
  const deps: WorkerDeps = {
    ...worker,
    onRolledBack: ({ partition }) =>
      log.warn('store is stale: rewinding to its position', { pipeline, partition }),
  };
  const run = async (
    partition: number,
    stopping: Stopping,
    signal: AbortSignal,
    onProgress: () => void,
  ): Promise<TaskEnd> => {
    const { manifest } = current;
    const end =
      pipeline === 'status'
        ? await runTask(watched(statusTask(deps, manifest, partition, signal), onProgress), stopping)
        : await runTask(watched(kpiTask(deps, manifest, partition, signal), onProgress), stopping).catch(
            (error: unknown) => lostIfSuperseded(error, log),
          );
    // A cut-over seals the tasks of the predecessor: a task that is fenced by it switches at once.
    const isOver = end === 'lost' || (end === 'fenced' && (await hasMoved(manifest)));
    if (isOver) onLost(manifest);
    return isOver ? 'lost' : end;
  };
  return taskPool({
    clock: deps.retryDeps.clock,
    random: deps.retryDeps.random,
    run,
    onFenced: (partition) => log.info('fenced: another worker owns this partition', { pipeline, partition }),
    onFailed: (partition, error, retryMs) => {
      log.error('task failed: it is tried again', { pipeline, partition, error, delayMs: retryMs });
      const why = error instanceof EfsError ? `${error.message} (${error.remedy})` : String(error);
      onReason(`${pipeline}/${partition}`, `${pipeline} task ${partition} has stopped: ${why}`);
    },
    onMended: (partition) => {
      log.info('task that had failed runs again', { pipeline, partition });
      onReason(`${pipeline}/${partition}`, null);
    },
  });
}
