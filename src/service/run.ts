import { EfsError } from '../base/errors';
import type { Log } from '../base/log';
import { coPartitions } from '../feedback/copartition';
import { ALL_TOPICS } from '../feedback/topics';
import type { Manifest, TaskAddress } from '../store/store';
import { type Backlog, openBacklog } from './backlog';
import { ensureGeneration, type GenerationEnds } from './generation';
import { kpiTask, type PipelineEnds, statusTask } from './pipelines';
import { type TaskPool, taskPool } from './pool';
import { type Retry, retryUntil, Stopped } from './retry';
import { runTask, type Stopping, type TaskEnd } from './task';

/*
 * The life of the service at one worker:
 *
 *   starting ──> generation found or made ──> joined: tasks as assigned ──> stopping ──> stopped
 *                          ^                              │
 *                          └── the store lost its state ──┘
 */

export type PipelineName = TaskAddress['pipeline'];

export interface ServiceEnds {
  readonly log: Log;
  readonly pipelines: readonly PipelineName[];
  /** All but what the service itself provides. */
  readonly ends: Omit<PipelineEnds, 'backlog' | 'onRolledBack'>;
  readonly generation: Omit<GenerationEnds, 'foundation' | 'after'> & {
    readonly foundation: Omit<GenerationEnds['foundation'], 'partitions'>;
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
export async function startService(service: ServiceEnds): Promise<Service> {
  const { log, ends, onReason } = service;
  const abort = new AbortController();
  const retry = retryUntil(abort.signal, ends.patience);
  onReason('starting', 'starting');

  const partitions = await commonPartitions(service, retry);
  const find = (after: number): Promise<Manifest> => retry(() => findGeneration(service, partitions, after));
  const current = { manifest: await find(0) };
  const pools = new Map<PipelineName, TaskPool>();
  const assigned = new Map<PipelineName, readonly number[]>();
  const stopping = { requested: false };
  let recovering: Promise<void> | null = null;

  const recover = async (lost: number): Promise<void> => {
    onReason('state', 'the store has lost its state: a new generation is being built');
    log.warn('the store has lost the state of a generation: building another from the topics', {
      generation: lost,
    });
    await Promise.all([...pools.values()].map((pool) => pool.stop(0)));
    current.manifest = await find(lost);
    if (stopping.requested) return;
    for (const [name, pool] of pools) pool.assign(assigned.get(name) ?? []);
    onReason('state', null);
  };
  const onLost = (generation: number): void => {
    if (generation !== current.manifest.generation) return;
    recovering ??= recover(generation)
      .catch((error: unknown) => (error instanceof Stopped ? undefined : service.onFatal(error)))
      .finally(() => (recovering = null));
  };

  const backlog = openBacklog();
  for (const name of service.pipelines) pools.set(name, poolOf(service, backlog, name, current, onLost));
  void watchGeneration(service, current, onLost, abort.signal);
  await Promise.all(
    [...pools].map(([name, pool]) =>
      ends.sources[name].start({
        onAssigned: (list) => {
          log.info('partitions assigned', { pipeline: name, partitions: list });
          assigned.set(name, list);
          if (recovering === null && !stopping.requested) pool.assign(list);
          onReason('starting', null);
        },
        onFailed: service.onFatal,
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

const WATCH_MS = 2_000;

/** Notices when another worker, or somebody else, has made another generation the active one, or none. */
async function watchGeneration(
  { ends, generation }: ServiceEnds,
  current: { readonly manifest: Manifest },
  onLost: (generation: number) => void,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    await ends.patience.clock.sleep(WATCH_MS, signal);
    const expected = current.manifest.generation;
    // A store that does not answer is noticed by whoever needs it.
    const active = await generation.generations.active().catch(() => current.manifest);
    if (!signal.aborted && active?.generation !== expected) onLost(expected);
  }
}

async function stopService(
  { pipelines, ends }: ServiceEnds,
  pools: ReadonlyMap<PipelineName, TaskPool>,
  abort: AbortController,
  graceMs: number,
): Promise<void> {
  await Promise.all([...pools.values()].map((pool) => pool.stop(graceMs)));
  abort.abort();
  await Promise.all(pipelines.map((name) => ends.sources[name].stop()));
}

/** The number of partitions of every topic; throws `topic-missing` and `not-co-partitioned`, naming the topics. */
async function commonPartitions({ ends }: ServiceEnds, retry: Retry): Promise<number> {
  const names = ALL_TOPICS.map((topic) => ends.topicPrefix + topic);
  const counts = await Promise.all(names.map((name) => retry(() => ends.reader.partitions(name))));
  return coPartitions(names.map((name, index) => [name, counts[index] ?? null]));
}

async function findGeneration(service: ServiceEnds, partitions: number, after: number): Promise<Manifest> {
  const { generation, log } = service;
  const foundation = { ...generation.foundation, partitions };
  const { manifest, created } = await ensureGeneration({ ...generation, foundation, after });
  log.info(created ? 'new generation: reading the topics from their beginning' : 'generation found', {
    generation: manifest.generation,
    partitions,
  });
  return manifest;
}

function poolOf(
  service: ServiceEnds,
  backlog: Backlog,
  name: PipelineName,
  current: { readonly manifest: Manifest },
  onLost: (generation: number) => void,
): TaskPool {
  const { log, onReason } = service;
  const ends: PipelineEnds = {
    ...service.ends,
    backlog,
    onRolledBack: ({ pipeline, partition }) =>
      log.warn('the store is older than it was: going back to its position', { pipeline, partition }),
  };
  const run = async (partition: number, stopping: Stopping, signal: AbortSignal): Promise<TaskEnd> => {
    const { manifest } = current;
    const end =
      name === 'status'
        ? await runTask(statusTask(ends, manifest, partition, signal), stopping)
        : await runTask(kpiTask(ends, manifest, partition, signal), stopping);
    if (end === 'lost') onLost(manifest.generation);
    return end;
  };
  return taskPool({
    clock: ends.patience.clock,
    run,
    onFenced: (partition) => log.info('another worker has the partition', { pipeline: name, partition }),
    onFailed: (partition, error) => {
      log.error('a task has stopped and stays stopped', { pipeline: name, partition, error });
      const why = error instanceof EfsError ? `${error.message} (${error.remedy})` : String(error);
      onReason(`${name}/${partition}`, `${name} task ${partition} has stopped: ${why}`);
    },
  });
}
