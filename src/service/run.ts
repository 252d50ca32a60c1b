import type { Clock } from '../base/clock';
import type { EfsError } from '../base/errors';
import type { Log } from '../base/log';
import { coPartitions } from '../log/copartition';
import { ALL_TOPICS, RETIRED_TOPIC } from '../feedback/topics';
import type { Manifest, GenerationRef, TaskAddress } from '../store/store';
import { openBacklog } from '../tasks/backlog';
import { openCatchUp } from '../tasks/catch-up';
import { watchDamage } from '../tasks/damage';
import { watchHeldBack } from '../tasks/held-back';
import { completeCutover } from '../generations/cutover';
import {
  ensureGeneration,
  type GenerationDeps,
  mismatches,
  refuseMismatches,
  type StateSettings,
} from '../generations/generation';
import type { PipelineDeps } from '../tasks/owned-task';
import type { TaskPool } from '../tasks/pool';
import { type Retry, retryUntil, Stopped } from '../tasks/retry';
import { type TopicWatch, watchTopics } from '../tasks/topic-watch';
import { takeOverRetirements } from '../generations/former-retirements';
import { adoptTopicIds } from '../generations/topic-ids';
import { watchStateServer } from './state-server';
import { tasksOfPipeline } from './tasks';

/*
 * The states of the service at one worker:
 *
 *   starting ──> generation found or created ──> joined: tasks as assigned ──> stopping ──> stopped
 *                            ^                               │
 *                            └── the store lost its state ───┘
 */

export type PipelineName = TaskAddress['pipeline'];

export interface ServiceDeps {
  readonly log: Log;
  readonly pipelines: readonly PipelineName[];
  readonly deps: PipelineDeps;
  readonly generation: GenerationDeps;
  /** Those that the state depends on; the topics give the number of partitions. */
  readonly stateSettings: Omit<StateSettings, 'partitions'>;
  /** Whether it goes on under the active generation's settings where they are others; the number of partitions must be the same. */
  readonly followsSettings: boolean;
  /** Receives, by key, why the service is not ready; null when that is over. */
  onReason(key: string, reason: string | null): void;
  /** Receives the error that ended the service for good. */
  onFatal(error: unknown): void;
}

export interface Service {
  /** The tasks that run at this worker. */
  running(): readonly Pick<TaskAddress, 'pipeline' | 'partition'>[];
  /** Lets every task finish its batch for `graceMs`, leaves the groups, and ends. Safe to call twice. */
  stop(graceMs: number): Promise<void>;
}

/**
 * Starts the pipelines and keeps them going until `stop`. Waits for servers that do not answer. Throws what is not
 * retriable: `topic-missing`, `not-co-partitioned`, `generation-unfit`.
 */
export async function startService(service: ServiceDeps): Promise<Service> {
  const { log, deps, onReason } = service;
  const abort = new AbortController();
  const retry = retryUntil(abort.signal, deps.retryDeps);
  onReason('starting', 'starting');

  const partitions = await commonPartitions(service, retry);
  const find = (lost: GenerationRef | null, followsSettings: boolean): Promise<Manifest> =>
    retry(() => findGeneration(service, partitions, lost, followsSettings));
  const current = { manifest: await find(null, service.followsSettings) };
  warnOfMismatches(service, current.manifest, partitions);
  const pools = new Map<PipelineName, TaskPool>();
  const assigned = new Map<PipelineName, readonly number[]>();
  const stopping = { requested: false };
  let recovering: Promise<void> | null = null;

  const recover = async (left: Manifest): Promise<void> => {
    const active = await retry(() => service.generation.store.active());
    const isLost = active === null || isStill(active, left);
    reportCause(service, isLost ? null : active, left);
    await Promise.all([...pools.values()].map((pool) => pool.stop(0)));
    current.manifest = await find(isLost ? left : null, true);
    warnOfMismatches(service, current.manifest, partitions);
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

  const shared = await sharedBy(service, retry, abort.signal);
  const surroundings = {
    log,
    current,
    onReason,
    onLost,
    hasMoved: (known: GenerationRef) => hasMoved(service, known),
  };
  for (const name of service.pipelines)
    pools.set(name, tasksOfPipeline(name, { ...deps, ...shared }, surroundings));
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
        onForeignMembers: foreignMembersReporter(service, name),
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

/** What the tasks of both pipelines share, until `signal` aborts. Waits until the server of the state has been checked. */
async function sharedBy({ log, deps, generation, onReason }: ServiceDeps, retry: Retry, signal: AbortSignal) {
  const { clock } = deps.retryDeps;
  const catchUp = openCatchUp({ log, clock, onReason: (reason) => onReason('catching-up', reason) });
  const topicWatch = watchTopics(deps.reader, generation.positionedTopics);
  void refreshRegularly(topicWatch, clock, signal);
  const stateServer = watchStateServer({ server: deps.stateServer, clock, log, onReason });
  if (deps.stateServer !== undefined) await retry(() => stateServer.check());
  stateServer.keepChecking(signal);
  const heldBack = watchHeldBack({ clock, log, onReason });
  const damage = watchDamage({ log, onReason });
  const { isClockRight } = stateServer;
  return { backlog: openBacklog(), catchUp, heldBack, damage, topicWatch, isClockRight };
}

/** Logs once which other members share a pipeline's group; reports it as a reason until they have left. */
function foreignMembersReporter({ log, onReason }: ServiceDeps, pipeline: PipelineName) {
  let logged = '';
  return (found: EfsError | null): void => {
    if (found !== null && found.message !== logged)
      log.warn('consumer group is shared: it must belong to this service alone', { pipeline, error: found });
    logged = found?.message ?? '';
    onReason(`group/${pipeline}`, found === null ? null : `${found.message} (${found.remedy})`);
  };
}

/** A topic that is created again while its task runs stops the task at its next commit after that. */
const TOPICS_MS = 5_000;

async function refreshRegularly(topics: TopicWatch, clock: Clock, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    await clock.sleep(TOPICS_MS, signal);
    // An unavailable log is reported by the components that use it.
    if (!signal.aborted) await topics.refresh().catch(() => undefined);
  }
}

const WATCH_MS = 2_000;

/** Detects that another process has switched the active generation, or that there is none any more. */
async function watchGeneration(
  { deps, generation }: ServiceDeps,
  current: { readonly manifest: Manifest },
  onLost: (left: Manifest) => void,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    await deps.retryDeps.clock.sleep(WATCH_MS, signal);
    const expected = current.manifest;
    // An unavailable store is reported by the components that use it.
    const active = await generation.store.active().catch(() => current.manifest);
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
  const counts = await retry(() => Promise.all(names.map((name) => deps.reader.partitions(name))));
  return coPartitions(names.map((name, index) => [name, counts[index] ?? null]));
}

/** Whether another generation has become active. */
async function hasMoved({ generation }: ServiceDeps, known: GenerationRef): Promise<boolean> {
  const active = await generation.store.active().catch(() => null);
  return active !== null && !isStill(active, known);
}

const isSame = (a: GenerationRef, b: GenerationRef): boolean =>
  a.stateId === b.stateId && a.generation === b.generation;

/** Whether the active generation is still the known one. A stale store may have its cut-over undone. */
const isStill = (active: Manifest, known: GenerationRef): boolean =>
  isSame(active, known) && active.contributionsFrom !== null;

/** Reports why the tasks stop: `active` is the generation to switch to, null where the state is lost. */
function reportCause({ log, onReason }: ServiceDeps, active: Manifest | null, left: Manifest): void {
  const { stateId } = active ?? left;
  if (active === null) {
    onReason('state', 'store has lost its state: rebuilding from the topics');
    log.warn('store has lost the state of a generation: rebuilding from the topics', {
      generation: stateId,
    });
  } else if (isSame(active, left)) {
    onReason('state', 'cut-over to the active generation is incomplete: completing it');
    log.info('cut-over to the active generation is incomplete: completing it', { generation: stateId });
  } else {
    onReason('state', 'another generation is active: switching to it');
    log.info('another generation is active: switching to it', { generation: stateId });
  }
}

/** Running workers take their settings from the state; the next start would refuse different ones. */
function warnOfMismatches({ stateSettings, log }: ServiceDeps, manifest: Manifest, partitions: number): void {
  const found = mismatches(manifest, { ...stateSettings, partitions });
  if (found.length === 0) return;
  log.warn('active generation was built with different settings: correct the settings of this worker', {
    generation: manifest.stateId,
    reason: found.join('; '),
  });
}

/** Throws `generation-unfit`, before anything has changed, for settings that the worker does not go on with. */
async function findGeneration(
  service: ServiceDeps,
  partitions: number,
  lost: GenerationRef | null,
  followsSettings: boolean,
): Promise<Manifest> {
  const { generation, log } = service;
  const stateSettings = { ...service.stateSettings, partitions };
  const { manifest: found, created } = await ensureGeneration(generation, stateSettings, lost);
  refuseMismatches(found, stateSettings, followsSettings);
  const completed = await completeCutover(generation, found);
  await takeOverFormerRetirements(service, completed);
  const manifest = await adoptTopicIds(generation, completed);
  log.info(created ? 'new generation: reading the topics from their beginning' : 'generation found', {
    generation: manifest.stateId,
    partitions,
  });
  return manifest;
}

async function takeOverFormerRetirements({ deps, log }: ServiceDeps, manifest: Manifest): Promise<void> {
  const { contribution } = deps.wire;
  const retiredTopic = deps.topicPrefix + RETIRED_TOPIC;
  const deliveries = await takeOverRetirements({ ...deps, contribution, retiredTopic }, manifest);
  if (deliveries > 0)
    log.info('retired deliveries of an earlier version taken over', { records: deliveries });
}
