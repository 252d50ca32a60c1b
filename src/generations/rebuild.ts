import { EfsError } from '../base/errors';
import type { Positions, Source } from '../log/source';
import { isPast } from '../pipeline/publish-gate';
import type { Manifest } from '../store/store';
import { openBacklog } from '../tasks/backlog';
import { NO_CATCH_UP } from '../tasks/catch-up';
import type { CutOverDeps } from './cutover';
import { findCandidate, takenOver, taskOf } from './candidate';
import type { StateSettings } from './generation';
import { type PipelineDeps, statusTask } from '../tasks/pipelines';
import { taskPool } from '../tasks/pool';
import { type Retry, retryUntil, unlessAborted } from '../tasks/retry';
import { runTask } from '../tasks/task';
import { throttled } from '../tasks/throttle';

/*
 * A rebuild folds the topics from their beginning into a candidate, beside the active generation: keys of its own, no
 * sink, no timer, no dead letter again. It never passes the active one, so whatever that one had to say of a record has been
 * said. It belongs to no consumer group: it owns all partitions, and whoever starts later takes the candidate over at once.
 */

export interface RebuildDeps extends CutOverDeps {
  readonly pipeline: Omit<PipelineDeps, 'backlog' | 'catchUp' | 'onRolledBack'>;
  /** The inputs, without a group. */
  readonly source: Source;
  /** Records a second over all partitions; null: as fast as it goes. */
  readonly maxRate: number | null;
}

/** How far a rebuild is, in records. What the active generation folds meanwhile is added to both. */
export interface Progress {
  readonly done: number;
  readonly total: number;
}

export interface Rebuild {
  readonly active: Manifest;
  readonly candidate: Manifest;
  /** Whether it goes on with a candidate that was there. */
  readonly resumed: boolean;
  progress(): Progress;
  /** Resolves when it stands where the active generation stood at the call. Rejects with what ended the rebuild. */
  caughtUp(): Promise<void>;
  /**
   * Brings a partition to exactly these positions of the active generation and keeps it there until `letGo`; false where
   * it is beyond them already.
   */
  holdAt(partition: number, positions: Positions): Promise<boolean>;
  letGo(partition: number): void;
  /**
   * Resolves where both generations are still there, untouched by others, after all that was read of them before the
   * call. Rejects with `rebuild-taken-over` where that is not so: what was read may be what a deletion had left.
   */
  confirm(): Promise<void>;
  /** Ends; the candidate stays, and can be gone on with. */
  stop(): Promise<void>;
}

/** How often the active generation's positions are looked at. */
const LOOK_MS = 250;
const WAIT_MS = 20;
const IDLE_MS = 100;

/**
 * Starts to build a candidate for these settings, or goes on with the one there is. Throws `not-found` where there is
 * nothing to build beside, `candidate-unfit` where the candidate is for other settings.
 */
export async function startRebuild(
  deps: RebuildDeps,
  wanted: Omit<StateSettings, 'partitions'>,
): Promise<Rebuild> {
  const { retryDeps } = deps.pipeline;
  const stopping = new AbortController();
  const retry = retryUntil(stopping.signal, retryDeps);
  const active = await retry(() => deps.store.active());
  if (active === null || !active.cutoverComplete)
    throw new EfsError('not-found', 'there is no state to build another beside: start `efs run` first');
  const stateSettings = { ...wanted, partitions: active.partitions };
  const { candidate, resumed } = await retry(() => findCandidate(deps, active, stateSettings));
  const places = await openPlaces(deps, active, candidate, retry);
  const failure = failureOf(stopping);
  void watchActive(deps, active, places, failure, stopping.signal);
  const pool = startTasks(deps, candidate, places, failure);
  await deps.source.start({ onAssigned: (all) => pool.assign(all), onFailed: failure.fail });

  const wait = async (holds: () => boolean): Promise<void> => {
    while (!holds()) {
      failure.check();
      await retryDeps.clock.sleep(WAIT_MS, stopping.signal);
    }
  };
  return {
    ...{ active, candidate, resumed },
    progress: () => progressOf(places),
    async caughtUp() {
      await failure.unless(() => lookAtActive(deps, active, places, retry));
      const targets = places.map(({ live }) => live);
      await wait(() => places.every(({ own }, partition) => isPast(targets[partition] ?? [], own)));
    },
    async holdAt(partition, positions) {
      const place = places[partition];
      if (place === undefined || !isPast(place.own, positions)) return false;
      // The batch that is under way may have been taken before it was held, and go beyond.
      const enough = place.held === null ? place.commits + 1 : place.commits;
      place.held = positions;
      await wait(() => place.commits >= enough && isPast(positions, place.own));
      return isPast(place.own, positions);
    },
    letGo: (partition) => void (places[partition] && (places[partition].held = null)),
    async confirm() {
      // The commit that is under way may have been sent before. A deletion seals a task before it touches it.
      const enough = places.map(({ commits }) => commits + 2);
      await wait(() => places.every(({ commits }, partition) => commits >= (enough[partition] ?? 0)));
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

/** Where a partition is. */
interface Place {
  readonly begun: Positions;
  own: Positions;
  live: Positions;
  /** It must not go beyond these. */
  held: Positions | null;
  /** How many there were since the rebuild began. */
  commits: number;
}

async function openPlaces(
  { store, inputWatermarks }: RebuildDeps,
  active: Manifest,
  candidate: Manifest,
  retry: Retry,
): Promise<Place[]> {
  const partitions = Array.from({ length: active.partitions }, (_, partition) => partition);
  return Promise.all(
    partitions.map(async (partition): Promise<Place> => {
      const positionsOf = async (manifest: Manifest): Promise<Positions> => {
        const standing = await retry(() => store.inspect(taskOf(manifest, partition)));
        if (standing !== null) return standing.positions;
        const what = `generation ${manifest.stateId} has no state of partition ${partition}`;
        throw new EfsError('generation-incomplete', what);
      };
      const own = await positionsOf(candidate);
      const live = await positionsOf(active);
      const begun = (await retry(() => inputWatermarks(partition))).map(({ low }) => low);
      return { begun, own, live, held: null, commits: 0 };
    }),
  );
}

function progressOf(places: readonly Place[]): Progress {
  const sum = (of: (place: Place) => Positions): number =>
    places.reduce(
      (all, place) =>
        of(place).reduce(
          (some, position, topic) => some + Math.max(0, position - (place.begun[topic] ?? 0)),
          all,
        ),
      0,
    );
  return { done: sum(({ own }) => own), total: sum(({ live }) => live) };
}

/** What ended a rebuild, for all who wait. */
interface Failure {
  fail(error: unknown): void;
  /** Throws what ended it, or that it was stopped. */
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

async function lookAtActive(
  { store }: RebuildDeps,
  active: Manifest,
  places: readonly Place[],
  retry: Retry,
): Promise<void> {
  await Promise.all(
    places.map(async (place, partition) => {
      const standing = await retry(() => store.inspect(taskOf(active, partition)));
      if (standing !== null) place.live = standing.positions;
    }),
  );
}

/** Keeps an eye on the active generation: how far it is, and whether it still is the active one. */
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
      await retryDeps.clock.sleep(LOOK_MS, signal);
      const now = await retry(() => deps.store.active());
      if (now?.generation !== active.generation)
        return failure.fail(takenOver('another generation is active'));
      await lookAtActive(deps, active, places, retry);
    }
  } catch (error) {
    if (!signal.aborted) failure.fail(error);
  }
}

function startTasks(deps: RebuildDeps, candidate: Manifest, places: readonly Place[], failure: Failure) {
  const { pipeline, maxRate } = deps;
  const { clock } = pipeline.retryDeps;
  const paced = maxRate === null ? deps.source : throttled(deps.source, clock, maxRate);
  const status: Source = {
    ...deps.source,
    open: (partition, positions) =>
      paced.open(partition, positions, () => places[partition]?.held ?? places[partition]?.live ?? []),
    noteProgress: (partition, own) => {
      const place = places[partition];
      if (place !== undefined) Object.assign(place, { own, commits: place.commits + 1 });
    },
  };
  const suppressed: PipelineDeps = {
    ...pipeline,
    sources: { ...pipeline.sources, status },
    wire: { ...pipeline.wire, statusChanged: null },
    // The active generation has set them aside.
    sink: { emit: async () => undefined, close: async () => undefined },
    expiryGraceMs: null,
    backlog: openBacklog(),
    catchUp: NO_CATCH_UP,
    onRolledBack: () => undefined,
  };
  return taskPool({
    clock,
    run: async (partition, stopping, signal) => {
      const task = { ...statusTask(suppressed, candidate, partition, signal), idleMs: IDLE_MS };
      const end = await runTask(task, stopping);
      if (end === 'fenced' || end === 'lost')
        failure.fail(takenOver(`partition ${partition} has another owner`));
      return end === 'fenced' ? 'lost' : end;
    },
    onFenced: () => undefined,
    onFailed: (_, error) => failure.fail(error),
  });
}
