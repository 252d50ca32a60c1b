import { EfsError } from '../base/errors';
import type { Log } from '../base/log';
import { coPartitions } from '../log/copartition';
import { ALL_TOPICS } from '../feedback/topics';
import { SupersededGenerationError } from '../pipeline/publish-gate';
import type { Manifest, Standing, TaskAddress } from '../store/store';
import { openBacklog } from '../tasks/backlog';
import { openCatchUp } from '../tasks/catch-up';
import { type CutOverDeps, settle } from '../generations/cutover';
import {
  ensureGeneration,
  type GenerationDeps,
  mismatches,
  refuseMismatches,
} from '../generations/generation';
import { kpiTask, type PipelineDeps, statusTask } from '../tasks/pipelines';
import { type TaskPool, taskPool } from '../tasks/pool';
import { type Retry, retryUntil, Stopped } from '../tasks/retry';
import { runTask, type Stopping, type TaskEnd } from '../tasks/task';

/*
 * The life of the service at one worker:
 *
 *   starting ──> generation found or made ──> joined: tasks as assigned ──> stopping ──> stopped
 *                          ^                              │
 *                          └── the store lost its state ──┘
 */

export type PipelineName = TaskAddress['pipeline'];

export interface ServiceDeps {
  readonly log: Log;
  readonly pipelines: readonly PipelineName[];
  /** All but what the service itself provides. */
  readonly deps: Omit<PipelineDeps, 'backlog' | 'catchUp' | 'onRolledBack'>;
  readonly generation: Omit<GenerationDeps, 'stateSettings' | 'lost' | 'generations'> & {
    readonly stateSettings: Omit<GenerationDeps['stateSettings'], 'partitions'>;
    readonly generations: CutOverDeps['store'];
  };
  /** Gets, by key, why the service is not ready; null when that is over. */
  onReason(key: string, reason: string | null): void;
  /** Gets what ended the service for good. */
  onFatal(error: unknown): void;
}

export interface Service {
  /** The tasks that run at this worker. */
  running(): readonly Pick<TaskAddress, 'pipeline' | 'partition'>[];
  /** Lets every task finish its batch for `graceMs`, leaves the groups, and ends. Safe to call twice. */
  stop(graceMs: number): Promise<void>;
}

/**
 * Starts the pipelines and keeps them going until `stop`. Waits for servers that do not answer; throws what waiting
 * cannot mend: `topic-missing`, `not-co-partitioned`, `generation-unfit`.
 */
export async function startService(service: ServiceDeps): Promise<Service> {
  const { log, deps, onReason } = service;
  const abort = new AbortController();
  const retry = retryUntil(abort.signal, deps.retryDeps);
  onReason('starting', 'starting');

  const partitions = await commonPartitions(service, retry);
  const find = (lost: Standing | null): Promise<Manifest> =>
    retry(() => findGeneration(service, partitions, lost));
  const current = { manifest: await find(null) };
  refuseMismatches(current.manifest, { ...service.generation.stateSettings, partitions });
  const pools = new Map<PipelineName, TaskPool>();
  const assigned = new Map<PipelineName, readonly number[]>();
  const stopping = { requested: false };
  let recovering: Promise<void> | null = null;

  const recover = async (left: Manifest): Promise<void> => {
    const active = await retry(() => service.generation.generations.active());
    const isLost = active === null || isStill(active, left);
    sayWhy(service, isLost ? null : active, left);
    await Promise.all([...pools.values()].map((pool) => pool.stop(0)));
    current.manifest = await find(isLost ? left : null);
    warnOfMisfits(service, current.manifest, partitions);
    if (stopping.requested) return;
    for (const [name, pool] of pools) pool.assign(assigned.get(name) ?? []);
    onReason('state', null);
  };
  const onLost = (left: Manifest): void => {
    if (!isSame(left, current.manifest)) return;
    recovering ??= recover(left)
      .catch((error: unknown) => (error instanceof Stopped ? undefined : service.onFatal(error)))
      .finally(() => (recovering = null));
  };

  const shared = sharedBy(service);
  for (const name of service.pipelines) pools.set(name, poolOf(service, shared, name, current, onLost));
  void watchGeneration(service, current, onLost, abort.signal);
  await Promise.all(
    [...pools].map(([name, pool]) =>
      deps.sources[name].start({
        onAssigned: (list) => {
          log.info('partitions assigned', { pipeline: name, partitions: list });
          assigned.set(name, list);
          if (recovering === null && !stopping.requested) pool.assign(list);
          onReason('starting', null);
        },
        onFailed: service.onFatal,
        onStrangers: strangersReporter(service, name),
      }),
    ),
  );
  return {
    running: () =>
      [...pools].flatMap(([pipeline, pool]) => pool.running().map((partition) => ({ pipeline, partition }))),
    stop: (graceMs) => {
      stopping.requested = true;
      return stopService(service, pools, abort, graceMs);
    },
  };
}

/** Says once who else is in a pipeline's group, and that it is over. */
function strangersReporter({ log, onReason }: ServiceDeps, pipeline: PipelineName) {
  let told = '';
  return (found: EfsError | null): void => {
    if (found !== null && found.message !== told)
      log.warn('others are in the consumer group, which must be this service’s alone', {
        pipeline,
        error: found,
      });
    told = found?.message ?? '';
    onReason(`group/${pipeline}`, found === null ? null : `${found.message} (${found.remedy})`);
  };
}

/** What the tasks of both pipelines share. */
function sharedBy({ log, deps, onReason }: ServiceDeps): Pick<PipelineDeps, 'backlog' | 'catchUp'> {
  const { clock } = deps.retryDeps;
  const catchUp = openCatchUp({ log, clock, onReason: (reason) => onReason('catching-up', reason) });
  return { backlog: openBacklog(), catchUp };
}

const WATCH_MS = 2_000;

/** Notices when another worker, or somebody else, has made another generation the active one, or none. */
async function watchGeneration(
  { deps, generation }: ServiceDeps,
  current: { readonly manifest: Manifest },
  onLost: (left: Manifest) => void,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    await deps.retryDeps.clock.sleep(WATCH_MS, signal);
    const expected = current.manifest;
    // A store that does not answer is noticed by whoever needs it.
    const active = await generation.generations.active().catch(() => current.manifest);
    if (!signal.aborted && (active === null || !isStill(active, expected))) onLost(expected);
  }
}

async function stopService(
  { pipelines, deps }: ServiceDeps,
  pools: ReadonlyMap<PipelineName, TaskPool>,
  abort: AbortController,
  graceMs: number,
): Promise<void> {
  await Promise.all([...pools.values()].map((pool) => pool.stop(graceMs)));
  abort.abort();
  await Promise.all(pipelines.map((name) => deps.sources[name].stop()));
}

/** The number of partitions of every topic; throws `topic-missing` and `not-co-partitioned`, naming the topics. */
async function commonPartitions({ deps }: ServiceDeps, retry: Retry): Promise<number> {
  const names = ALL_TOPICS.map((topic) => deps.topicPrefix + topic);
  const counts = await Promise.all(names.map((name) => retry(() => deps.reader.partitions(name))));
  return coPartitions(names.map((name, index) => [name, counts[index] ?? null]));
}

/** A generation of before a cut-over is as good as lost: it is built anew, under a number above all that were published. */
function lostIfOutnumbered(error: unknown): TaskEnd {
  if (error instanceof SupersededGenerationError) return 'lost';
  throw error;
}

/** Whether another generation is the active one by now. */
async function hasMoved({ generation: { generations } }: ServiceDeps, known: Standing): Promise<boolean> {
  const active = await generations.active().catch(() => null);
  return active !== null && !isStill(active, known);
}

const isSame = (a: Standing, b: Standing): boolean =>
  a.stateId === b.stateId && a.generation === b.generation;

/** Whether the active generation is the one that is known. A store that came back older may have its cut-over undone. */
const isStill = (active: Manifest, known: Standing): boolean =>
  isSame(active, known) && active.cutoverComplete;

/** Says what becomes of the tasks: `active` is what is there to follow, null where the state is lost. */
function sayWhy({ log, onReason }: ServiceDeps, active: Manifest | null, left: Manifest): void {
  const { stateId } = active ?? left;
  if (active === null) {
    onReason('state', 'the store has lost its state: a new generation is being built');
    log.warn('the store has lost the state of a generation: building another from the topics', {
      generation: stateId,
    });
  } else if (isSame(active, left)) {
    onReason('state', 'the cut-over to the active generation is not complete: completing it');
    log.info('the cut-over to the active generation is not complete: completing it', { generation: stateId });
  } else {
    onReason('state', 'another generation has become the active one: following it');
    log.info('another generation has become the active one: following it', { generation: stateId });
  }
}

/** Running workers take their settings from the state; the next start would refuse those that differ. */
function warnOfMisfits({ generation, log }: ServiceDeps, manifest: Manifest, partitions: number): void {
  const found = mismatches(manifest, { ...generation.stateSettings, partitions });
  if (found.length === 0) return;
  log.warn('the active generation was built with other settings: correct those of this worker', {
    generation: manifest.stateId,
    reason: found.join('; '),
  });
}

async function findGeneration(
  service: ServiceDeps,
  partitions: number,
  lost: Standing | null,
): Promise<Manifest> {
  const { generation, log } = service;
  const stateSettings = { ...generation.stateSettings, partitions };
  const { manifest: found, created } = await ensureGeneration({ ...generation, stateSettings, lost });
  const manifest = await settleWhole(service, await leftToOthers(service, found));
  if (manifest === null) return findGeneration(service, partitions, found);
  log.info(created ? 'new generation: reading the topics from their beginning' : 'generation found', {
    generation: manifest.stateId,
    partitions,
  });
  return manifest;
}

const LEFT_TO_OTHERS_MS = 1_000;
const LOOK_EVERY_MS = 50;

/** Gives whoever has switched the time to complete the cut-over: only that one has read beforehand what it takes. */
async function leftToOthers({ generation, deps }: ServiceDeps, found: Manifest): Promise<Manifest> {
  let active = found;
  for (let waited = 0; !active.cutoverComplete && waited < LEFT_TO_OTHERS_MS; waited += LOOK_EVERY_MS) {
    await deps.retryDeps.clock.sleep(LOOK_EVERY_MS);
    active = (await generation.generations.active()) ?? active;
  }
  return active;
}

/** Completes a cut-over that is under way; null where the state of what it cuts over to is not whole. */
async function settleWhole({ generation, log }: ServiceDeps, found: Manifest): Promise<Manifest | null> {
  try {
    return await settle({ ...generation, store: generation.generations }, found);
  } catch (error) {
    if (!(error instanceof EfsError) || error.code !== 'generation-incomplete') throw error;
    log.warn('the generation to switch to is not whole: building another from the topics', {
      generation: found.stateId,
      reason: error.message,
    });
    return null;
  }
}

function poolOf(
  service: ServiceDeps,
  shared: Pick<PipelineDeps, 'backlog' | 'catchUp'>,
  name: PipelineName,
  current: { readonly manifest: Manifest },
  onLost: (left: Manifest) => void,
): TaskPool {
  const { log, onReason } = service;
  const deps: PipelineDeps = {
    ...service.deps,
    ...shared,
    onRolledBack: ({ pipeline, partition }) =>
      log.warn('the store is older than it was: going back to its position', { pipeline, partition }),
  };
  const run = async (partition: number, stopping: Stopping, signal: AbortSignal): Promise<TaskEnd> => {
    const { manifest } = current;
    const end =
      name === 'status'
        ? await runTask(statusTask(deps, manifest, partition, signal), stopping)
        : await runTask(kpiTask(deps, manifest, partition, signal), stopping).catch(lostIfOutnumbered);
    // A cut-over seals the tasks of the one before: who was fenced by that need not wait to find out.
    const isOver = end === 'lost' || (end === 'fenced' && (await hasMoved(service, manifest)));
    if (isOver) onLost(manifest);
    return isOver ? 'lost' : end;
  };
  return taskPool({
    clock: deps.retryDeps.clock,
    run,
    onFenced: (partition) => log.info('another worker has the partition', { pipeline: name, partition }),
    onFailed: (partition, error) => {
      log.error('a task has stopped and stays stopped', { pipeline: name, partition, error });
      const why = error instanceof EfsError ? `${error.message} (${error.remedy})` : String(error);
      onReason(`${name}/${partition}`, `${name} task ${partition} has stopped: ${why}`);
    },
  });
}
