import { EfsError } from '../base/errors';
import type { Positions, Source } from '../log/source';
import { replacedTopic } from '../log/topic-ids';
import { isPast } from '../pipeline/publishing';
import { type Manifest, statusTaskOf } from '../store/store';
import { openBacklog } from '../tasks/backlog';
import { NO_CATCH_UP } from '../tasks/catch-up';
import { NO_DAMAGE_WATCH } from '../tasks/damage';
import { NO_HELD_BACK } from '../tasks/held-back';
import { findCandidate, takenOver } from './candidate';
import type { GenerationDeps, StateSettings } from './generation';
import type { PipelineDeps, WorkerDeps } from '../tasks/owned-task';
import { statusTask } from '../tasks/status-task';
import { taskPool } from '../tasks/pool';
import { type Retry, retryUntil, unlessAborted } from '../tasks/retry';
import { runTask } from '../tasks/task';
import { throttled } from '../tasks/throttle';
import { watchTopics } from '../tasks/topic-watch';
import { idsOfTopics } from './topic-ids';

/*
 * A rebuild folds the topics from their beginning into a candidate, beside the active generation: keys of its own, no
 * sink, no timer, no second dead letter. It never passes the active generation, which has thus published or dead-lettered
 * whatever a record calls for. It is in no consumer group: it owns all partitions, and a later one takes over at once.
 */

export interface RebuildDeps extends GenerationDeps {
  readonly pipeline: PipelineDeps;
  /** The inputs, without a group. */
  readonly source: Source;
  /** Records per second over all partitions; null: unlimited. */
  readonly maxRate: number | null;
}

/** How far a rebuild is, in records. Both numbers grow with what the active generation folds meanwhile. */
export interface Progress {
  readonly done: number;
  readonly total: number;
}

export interface Rebuild {
  readonly active: Manifest;
  readonly candidate: Manifest;
  /** Whether it continues with an existing candidate. */
  readonly resumed: boolean;
  progress(): Progress;
  /** Resolves once the candidate reaches the positions that the active generation had at the call. Rejects with what ended the rebuild. */
  caughtUp(): Promise<void>;
  /**
   * Brings a partition to exactly these positions of the active generation and holds it there until `release`; false
   * where it is beyond them already.
   */
  holdAt(partition: number, positions: Positions): Promise<boolean>;
  release(partition: number): void;
  /**
   * Resolves where both generations still exist, unchanged by other processes, after every read before the call. Rejects
   * with `rebuild-taken-over` otherwise: those reads may have returned what a deletion had left.
   */
  confirm(): Promise<void>;
  /** Ends the rebuild; the candidate stays, and a later rebuild can continue it. */
  stop(): Promise<void>;
}

/** How often the active generation's positions are read. */
const ACTIVE_POLL_MS = 250;
const WAIT_MS = 20;
const IDLE_MS = 100;

/**
 * Starts to build a candidate for these settings, or continues with the existing one. Throws `not-found` where there is no
 * active generation, `candidate-unfit` where the candidate has other settings.
 */
export async function startRebuild(
  deps: RebuildDeps,
  wanted: Omit<StateSettings, 'partitions'>,
): Promise<Rebuild> {
  const { retryDeps } = deps.pipeline;
  const stopping = new AbortController();
  const retry = retryUntil(stopping.signal, retryDeps);
  const active = await retry(() => deps.store.active());
  if (active === null || active.contributionsFrom === null)
    throw new EfsError('not-found', 'there is no state to build another beside: start `efs run` first');
  const stateSettings = { ...wanted, partitions: active.partitions };
  const { candidate, resumed } = await retry(() => findCandidate(deps, active, stateSettings));
  const ids = await retry(() => idsOfTopics(deps));
  const foreign = deps.positionedTopics.map((topic) => replacedTopic([topic], active.topicIds, ids) !== null);
  const places = await openPlaces(deps, { active, candidate, foreign }, retry);
  const failure = failureOf(stopping);
  void watchActive(deps, active, places, failure, stopping.signal);
  const pool = startTasks(deps, candidate, places, failure);
  await deps.source.start({ onAssigned: (all) => pool.assign(all), onFailed: failure.fail });

  const waitUntil = async (holds: () => boolean): Promise<void> => {
    while (!holds()) {
      failure.check();
      await retryDeps.clock.sleep(WAIT_MS, stopping.signal);
    }
  };
  return {
    active,
    candidate,
    resumed,
    progress: () => progressOf(places),
    async caughtUp() {
      await failure.unless(() => refreshTargets(deps, active, places, retry));
      const targets = places.map(({ target }) => target);
      await waitUntil(() => places.every(({ own }, partition) => isPast(targets[partition] ?? [], own)));
    },
    async holdAt(partition, positions) {
      const place = places[partition];
      if (place === undefined || foreign.includes(true)) return false;
      const wanted = reachable(positions, place);
      if (!isPast(place.own, wanted)) return false;
      // A batch in flight may have been taken before the hold, and go beyond it.
      const commitsNeeded = place.held === null ? place.commits + 1 : place.commits;
      place.held = wanted;
      await waitUntil(() => place.commits >= commitsNeeded && isPast(wanted, place.own));
      return isPast(place.own, wanted);
    },
    release: (partition) => void (places[partition] && (places[partition].held = null)),
    async confirm() {
      // A commit in flight may have been sent before the call. A deletion seals a task before it changes it.
      const commitsNeeded = places.map(({ commits }) => commits + 2);
      await waitUntil(() =>
        places.every(({ commits }, partition) => commits >= (commitsNeeded[partition] ?? 0)),
      );
      const now = await failure.unless(() => retry(() => deps.store.active()));
      if (now?.generation !== active.generation) throw takenOver('another generation is active');
    },
    async stop() {
      await pool.stop(STOP_GRACE_MS);
      stopping.abort();
      await deps.source.stop();
    },
  };
}

const STOP_GRACE_MS = 5_000;

/** The progress of one partition. */
interface Place {
  /** Where the inputs began at the start of the rebuild. */
  readonly low: Positions;
  /** By topic index: whether the active generation's position belongs to a former topic of that name. */
  readonly foreign: readonly boolean[];
  /** The candidate's positions. */
  own: Positions;
  /** The active generation's positions, which the candidate never passes. */
  target: Positions;
  /** Positions at which the candidate is held; null where it is not. */
  held: Positions | null;
  /** Number of commits since the start of the rebuild. */
  commits: number;
}

async function openPlaces(
  { store, inputWatermarks }: RebuildDeps,
  given: Pick<Rebuild, 'active' | 'candidate'> & Pick<Place, 'foreign'>,
  retry: Retry,
): Promise<Place[]> {
  const { active, candidate, foreign } = given;
  const partitions = Array.from({ length: active.partitions }, (_, partition) => partition);
  return Promise.all(
    partitions.map(async (partition): Promise<Place> => {
      const positionsOf = async (manifest: Manifest): Promise<Positions> => {
        const progress = await retry(() => store.inspect(statusTaskOf(manifest, partition)));
        if (progress !== null) return progress.positions;
        const what = `generation ${manifest.stateId} has no state of partition ${partition}`;
        throw new EfsError('generation-incomplete', what);
      };
      const own = await positionsOf(candidate);
      const low = (await retry(() => inputWatermarks(partition))).map((topic) => topic.low);
      const target = reachable(await positionsOf(active), { low, foreign });
      return { low, foreign, own, target, held: null, commits: 0 };
    }),
  );
}

/** The active generation's positions; the first offset of a topic that it has not read, or that was created again. */
function reachable(positions: Positions, { low, foreign }: Pick<Place, 'low' | 'foreign'>): Positions {
  return low.map((first, topic) => (foreign[topic] ? first : (positions[topic] ?? first)));
}

function progressOf(places: readonly Place[]): Progress {
  const sum = (of: (place: Place) => Positions): number =>
    places.reduce(
      (all, place) =>
        of(place).reduce(
          (some, position, topic) => some + Math.max(0, position - (place.low[topic] ?? 0)),
          all,
        ),
      0,
    );
  return { done: sum(({ own }) => own), total: sum(({ target }) => target) };
}

/** The failure that ended a rebuild, for every waiting call. */
interface Failure {
  fail(error: unknown): void;
  /** Throws the error that ended the rebuild, or the abort of a stopped one. */
  check(): void;
  unless<T>(work: () => Promise<T>): Promise<T>;
}

function failureOf(stopping: AbortController): Failure {
  const failed: { error: unknown } = { error: null };
  const check = (): void => {
    if (failed.error !== null) throw failed.error as Error;
    stopping.signal.throwIfAborted();
  };
  return {
    fail: (error) => void (failed.error ??= error),
    check,
    async unless(work) {
      check();
      return unlessAborted(stopping.signal, work);
    },
  };
}

async function refreshTargets(
  { store }: RebuildDeps,
  active: Manifest,
  places: readonly Place[],
  retry: Retry,
): Promise<void> {
  await Promise.all(
    places.map(async (place, partition) => {
      const progress = await retry(() => store.inspect(statusTaskOf(active, partition)));
      if (progress !== null) place.target = reachable(progress.positions, place);
    }),
  );
}

/** Polls the active generation: its positions, and whether it still is the active one. */
async function watchActive(
  deps: RebuildDeps,
  active: Manifest,
  places: readonly Place[],
  failure: Failure,
  signal: AbortSignal,
): Promise<void> {
  const { retryDeps } = deps.pipeline;
  const retry = retryUntil(signal, retryDeps);
  try {
    while (!signal.aborted) {
      await retryDeps.clock.sleep(ACTIVE_POLL_MS, signal);
      const now = await retry(() => deps.store.active());
      if (now?.generation !== active.generation)
        return failure.fail(takenOver('another generation is active'));
      await refreshTargets(deps, active, places, retry);
    }
  } catch (error) {
    if (!signal.aborted) failure.fail(error);
  }
}

function startTasks(deps: RebuildDeps, candidate: Manifest, places: readonly Place[], failure: Failure) {
  const { pipeline, maxRate } = deps;
  const { clock, random } = pipeline.retryDeps;
  const paced = maxRate === null ? deps.source : throttled(deps.source, clock, maxRate);
  const status: Source = {
    ...deps.source,
    open: (partition, positions) =>
      paced.open(partition, positions, () => places[partition]?.held ?? places[partition]?.target ?? []),
    commitProgress: (partition, own) => {
      const place = places[partition];
      if (place !== undefined) Object.assign(place, { own, commits: place.commits + 1 });
    },
  };
  const suppressed: WorkerDeps = {
    ...pipeline,
    sources: { ...pipeline.sources, status },
    wire: { ...pipeline.wire, statusChanged: null },
    // The active generation has dead-lettered them.
    sink: { emit: async () => undefined, close: async () => undefined },
    expiryGraceMs: Infinity,
    backlog: openBacklog(),
    topicWatch: watchTopics(deps.reader, deps.positionedTopics),
    catchUp: NO_CATCH_UP,
    heldBack: NO_HELD_BACK,
    damage: NO_DAMAGE_WATCH,
    isClockRight: () => true,
    onRolledBack: () => undefined,
  };
  return taskPool({
    clock,
    random,
    run: async (partition, stopping, signal) => {
      const task = { ...statusTask(suppressed, candidate, partition, signal), idleMs: IDLE_MS };
      const end = await runTask(task, stopping);
      if (end === 'fenced' || end === 'lost')
        failure.fail(takenOver(`partition ${partition} has another owner`));
      return end === 'fenced' ? 'lost' : end;
    },
    onFenced: () => undefined,
    onFailed: (_, error) => failure.fail(error),
    onMended: () => undefined,
  });
}
