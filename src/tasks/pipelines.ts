import type { Decoder } from '../feedback/decode';
import type { Feedback, RetryOutcome } from '../feedback/feedback';
import type { Committed, CommittedOffset, Positions, Source, TopicReader } from '../log/source';
import { CONTRIBUTIONS_TOPIC, DELIVERY_KPI_TOPIC, FEEDBACK_TOPICS } from '../feedback/topics';
import { type CountingRules, countingRules } from '../kpi/contribution';
import type { Contribution, KpiChanged, MessageStatusChanged, WireType } from '../kpi/encode';
import type { TransactionalSink, TransactionalSinks, OutgoingRecord, Sink } from '../log/sink';
import type { CommitRef, BatchDeps } from '../pipeline';
import { deadLetter } from '../pipeline/dead-letter';
import { expiryCommands } from '../pipeline/expiry';
import { statusCommands } from '../pipeline/republish';
import { kpiCommands, type KpiInput } from '../pipeline/publish-gate';
import { checkpointOf } from '../pipeline/publish-checkpoint';
import { DELIVERIES_CACHED as KPI_DELIVERIES_RECALLED, type KnownDelivery, planKpi } from '../pipeline/kpi';
import { lruCache } from '../base/lru';
import { isRetirementMarker } from '../pipeline/retention';
import { planStatus, statusMemory } from '../pipeline/status';
import type { StatusInput } from '../pipeline/status-input';
import { type TimerIndex, loadTimerIndex } from '../pipeline/timer-index';
import { unpackOutbox } from '../store/outbox';
import type { Claim, Generations, Manifest, Store, TaskAddress } from '../store/store';
import { type Backlog, lingerOf } from './backlog';
import { type CatchUp, leftUntil } from './catch-up';
import { withRetry } from './retrying';
import { pendingOutbox, predecessorOf } from './predecessor';
import { type Meter, metered, meterOutcome } from './meter';
import { kpiRetention, type RetentionDeps, retentiveDecoder, statusRetention } from './retention';
import { type RetryDeps, type Retry, retryUntil, unlessAborted } from './retry';
import type { Opened, Task } from './task';

/** The dependencies that both pipelines share, real or in memory. */
export interface PipelineDeps extends RetentionDeps {
  readonly retryDeps: RetryDeps;
  readonly meter: Meter;
  readonly store: Store & Pick<Generations, 'list'>;
  readonly sink: Sink;
  readonly transactionalSinks: TransactionalSinks;
  readonly reader: Pick<TopicReader, 'partitions' | 'read' | 'watermarks'>;
  readonly committedOffset: CommittedOffset;
  readonly sources: { readonly status: Source; readonly kpi: Source };
  readonly decoders: { readonly status: Decoder<Feedback>; readonly kpi: Decoder<Contribution> };
  readonly wire: WireTypes;
  /** Put before every topic name. */
  readonly topicPrefix: string;
  /** The kpi pipeline's consumer group: its offsets are the publish checkpoints. */
  readonly kpiGroup: string;
  readonly batchMax: number;
  /** How long the kpi pipeline waits for more contributions, so that a burst becomes one KPI change. */
  readonly lingerMs: number;
  /** How long after the end of its validity period a message without an outcome expires; null: it never does. */
  readonly expiryGraceMs: number | null;
  readonly backlog: Backlog;
  readonly catchUp: CatchUp;
  /** The store is stale: it came back with an older state than the owner's. */
  onRolledBack(task: TaskAddress): void;
}

export interface WireTypes {
  readonly contribution: WireType<Contribution>;
  readonly kpiChanged: WireType<KpiChanged>;
  /** Null where changes of message statuses are not published. */
  readonly statusChanged: WireType<MessageStatusChanged> | null;
  /** What the service itself adds to the inputs: inferred expiries. */
  readonly retryOutcome: WireType<RetryOutcome>;
}

type Emit = BatchDeps<never>['emit'];

/** The status task of a partition: feedback in, aggregates and contributions out. */
export function statusTask(
  deps: PipelineDeps,
  manifest: Manifest,
  partition: number,
  signal: AbortSignal,
): Task<StatusInput> {
  const address: TaskAddress = { stateId: manifest.stateId, pipeline: 'status', partition };
  const topics = FEEDBACK_TOPICS.map(({ topic }) => deps.topicPrefix + topic);
  const base = taskBase(deps, manifest, address, topics, deps.decoders.status, signal);
  const counting = countingRules(manifest);
  const rules = { ...counting, ...deps.wire, ...manifest, partition };
  return {
    ...base.task,
    source: sourceWithRetry(deps.sources.status, base.retry),
    lingerMs: () => 0,
    open: async () => {
      const sink = await statusSink(deps, partition, base.retry);
      const cache = statusMemory();
      const { timerIndex } = cache;
      const predecessor = () => base.retry(() => predecessorOf(deps.store, manifest, partition));
      const inputEnds = async (): Promise<Positions> =>
        (await base.retry(() => deps.sources.status.watermarks(partition))).map(({ high }) => high);
      const withStatuses = deps.wire.statusChanged !== null;
      const commands = statusCommands(
        { address, manifest, store: base.store, predecessor, inputEnds, withStatuses },
        cache,
      );
      const expiries = statusExpiries(deps, counting, manifest, address, base.store, timerIndex);
      const ownedTask = { address, manifest, store: base.store, activeUntil: new Map() };
      const retention = statusRetention(deps, ownedTask, inputEnds);
      const emit: Emit = async (records) =>
        records.length === 0 ? 'acknowledged' : unlessAborted(signal, () => sink.emit(records, null));
      return base.metered<StatusInput>({
        ...base.deps,
        decode: retentiveDecoder(deps, ownedTask, timerIndex, base.deps.decode),
        project: (inputs) => planStatus(rules, inputs, cache),
        emit,
        async drain(claim) {
          const own = unpackOutbox(claim.outbox);
          if (!withStatuses) return emit(own, madeBefore(claim));
          const pending = await base.retry(() => pendingOutbox(deps.store, manifest, partition, own));
          return emit(pending, madeBefore(claim));
        },
        async *onClaim(ownership) {
          await loadTimerIndex(timerIndex, base.store, address);
          yield* commands(ownership);
          deps.catchUp.toFold(partition, cache.suppressed ? leftUntil(manifest, partition, ownership) : null);
        },
        async *afterCommit(ownership, caughtUp) {
          yield* commands(ownership);
          deps.catchUp.toFold(partition, cache.suppressed ? leftUntil(manifest, partition, ownership) : null);
          if (!caughtUp || cache.suppressed) return;
          yield* expiries();
          yield* retention(ownership);
        },
        close: () => {
          deps.backlog.forget(partition);
          deps.catchUp.toFold(partition, null);
          return sink.close();
        },
      });
    },
  };
}

/** The commit that stored the outbox of a claimed task. */
const madeBefore = ({ committedBy, positions }: Claim): CommitRef => ({ epoch: committedBy, positions });

/** The expiry commands of a status task; none where expiry is off. */
function statusExpiries(
  { expiryGraceMs: graceMs, retryDeps: { clock } }: PipelineDeps,
  { defaultPolicy }: CountingRules,
  { buckets }: Manifest,
  address: TaskAddress,
  store: Pick<Store, 'scan'>,
  timerIndex: TimerIndex,
): () => AsyncIterable<readonly StatusInput[]> {
  if (graceMs === null) return async function* () {};
  return expiryCommands({ address, buckets, store, clock, defaultPolicy, graceMs }, timerIndex);
}

/**
 * The sink of a status task. Contributions carry a revision and readers keep the highest, so a former owner's late ones are
 * harmless and need no fence. Status changes of messages carry none: the last one in the compacted topic must be true.
 */
async function statusSink(deps: PipelineDeps, partition: number, retry: Retry): Promise<TransactionalSink> {
  if (deps.wire.statusChanged !== null)
    return retry(() => deps.transactionalSinks.open(`status-${partition}`));
  return {
    emit: async (records) => {
      await retry(() => deps.sink.emit(records));
      return 'acknowledged';
    },
    close: async () => undefined,
  };
}

/** The kpi task of a partition: contributions in, sums and KPI changes out. */
export function kpiTask(
  deps: PipelineDeps,
  manifest: Manifest,
  partition: number,
  signal: AbortSignal,
): Task<KpiInput> {
  const address: TaskAddress = { stateId: manifest.stateId, pipeline: 'kpi', partition };
  const contributions = deps.topicPrefix + CONTRIBUTIONS_TOPIC;
  const base = taskBase(deps, manifest, address, [contributions], deps.decoders.kpi, signal);
  const { contribution, kpiChanged } = deps.wire;
  const rules = {
    ...manifest,
    partition,
    contribution,
    kpiChanged,
  };
  return {
    ...base.task,
    source: sourceWithRetry(deps.sources.kpi, base.retry),
    lingerMs: () => lingerOf(deps, deps.backlog),
    open: async () => {
      const sink = await base.retry(() => deps.transactionalSinks.open(`kpi-${partition}`));
      const cachedDeliveries = lruCache<KnownDelivery>(KPI_DELIVERIES_RECALLED);
      const commands = kpiCommands({
        address,
        manifest,
        store: base.store,
        checkpoint: () => base.retry(() => deps.committedOffset(deps.kpiGroup, contributions, partition)),
        readPublished: (onRecord) =>
          base.retry(() => deps.reader.read(deps.topicPrefix + DELIVERY_KPI_TOPIC, partition, onRecord)),
        generationOf: (published) => kpiChanged.decode(published).generation,
      });
      const retention = kpiRetention(deps, { address, manifest, store: base.store }, base.retry);
      const emitAs = async (records: readonly OutgoingRecord[], checkpoint: Committed | null) =>
        records.length === 0
          ? ('acknowledged' as const)
          : unlessAborted(signal, () => sink.emit(records, checkpoint));
      const emit: Emit = (records, made) => emitAs(records, checkpointOf(manifest, made));
      return base.metered<KpiInput>({
        ...base.deps,
        project: (inputs) => planKpi(rules, inputs, commands.suppressed(), cachedDeliveries),
        emit,
        async drain(claim) {
          const pending = unpackOutbox(claim.outbox);
          if (!(await commands.overtaken(claim))) return emit(pending, madeBefore(claim));
          // Superseded KPIs are void. Retention markers are final: the state holds them, so they are emitted.
          return emitAs(pending.filter(isRetirementMarker), null);
        },
        async *onClaim(ownership, claim) {
          yield* commands.onClaim(ownership, claim);
          deps.catchUp.suppressed(partition, commands.suppressed());
        },
        async *afterCommit(ownership, caughtUp) {
          yield* commands.afterCommit(ownership);
          deps.catchUp.suppressed(partition, commands.suppressed());
          if (caughtUp && !commands.suppressed()) yield* retention(ownership);
        },
        close: () => {
          deps.catchUp.suppressed(partition, false);
          return sink.close();
        },
      });
    },
  };
}

/** A source that retries until its partition can be opened: the log may be unavailable. */
function sourceWithRetry(source: Source, retry: Retry): Pick<Source, 'open'> {
  return { open: (partition, positions) => retry(() => source.open(partition, positions)) };
}

interface TaskBase<Decoded> {
  readonly retry: Retry;
  readonly store: Pick<Store, 'load' | 'scan'>;
  readonly task: Omit<Task<never>, 'source' | 'lingerMs' | 'open'>;
  readonly deps: Pick<BatchDeps<Decoded>, 'decode' | 'emitDeadLetters' | 'load' | 'commit'>;
  metered<Input>(opened: Opened<Input>): Opened<Input>;
}

/** What the tasks of both pipelines share: every dependency waits out outages and can be aborted. */
function taskBase<Decoded>(
  deps: PipelineDeps,
  { generation }: Manifest,
  address: TaskAddress,
  topics: readonly string[],
  decoder: Decoder<Decoded>,
  signal: AbortSignal,
): TaskBase<Decoded> {
  const { pipeline, partition } = address;
  const { meter } = deps;
  const { clock } = deps.retryDeps;
  const retry = retryUntil(signal, deps.retryDeps);
  const store = withRetry(deps.store, retry);
  return {
    retry,
    store,
    task: {
      partition,
      batchMax: deps.batchMax,
      claim: () => retry(() => deps.store.claim(address, generation)),
      observe: (processed) => meterOutcome(meter, pipeline, processed),
      onRolledBack: () => deps.onRolledBack(address),
      onProgress: (positions, lag) => {
        // The kpi group's offsets are publish checkpoints: only the transactional sink writes them.
        if (pipeline === 'status') {
          deps.sources.status.commitProgress(partition, positions);
          deps.backlog.note(
            partition,
            lag.reduce((sum, records) => sum + records, 0),
          );
        }
        topics.forEach((topic, index) => meter.lag(topic, partition, lag[index] ?? 0));
        if (lag.every((records) => records === 0)) meter.unapplied(address, null);
      },
    },
    deps: {
      decode: (records) => unlessAborted(signal, () => decoder(records)),
      emitDeadLetters: async (rejected) => {
        if (rejected.length === 0) return;
        const letters = rejected.map((record) => deadLetter(record, topics));
        await retry(() => deps.sink.emit(letters));
      },
      load: (reads) => store.load(address, reads),
      commit: (commit) => retry(() => deps.store.commit(address, commit)),
    },
    metered: (opened) => metered(opened, { meter, clock, task: address, topics }),
  };
}
