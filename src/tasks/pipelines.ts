import type { Decoder } from '../feedback/decode';
import type { Feedback, RetryOutcome } from '../feedback/feedback';
import type { Committed, CommittedOffset, Positions, Source, TopicReader } from '../log/source';
import { CONTRIBUTIONS_TOPIC, DELIVERY_KPI_TOPIC, FEEDBACK_TOPICS } from '../feedback/topics';
import { type CountingRules, countingRules } from '../kpi/contribution';
import type { Contribution, KpiChanged, MessageStatusChanged, WireType } from '../kpi/encode';
import type { FencedSink, FencedSinks, OutgoingRecord, Sink } from '../log/sink';
import type { Made, TaskEnds } from '../pipeline';
import { deadLetter } from '../pipeline/dead-letter';
import { expiryDuties } from '../pipeline/expiry';
import { statusDuties } from '../pipeline/republish';
import { kpiDuties, type KpiInput } from '../pipeline/publish-gate';
import { witnessOf } from '../pipeline/publish-checkpoint';
import { DELIVERIES_RECALLED as KPI_DELIVERIES_RECALLED, type KnownDelivery, planKpi } from '../pipeline/kpi';
import { recall } from '../base/lru';
import { isMarker } from '../pipeline/retention';
import { planStatus, statusMemory } from '../pipeline/status';
import type { StatusInput } from '../pipeline/status-input';
import { type Agenda, recallAgenda } from '../pipeline/timer-index';
import { unpackOutbox } from '../store/outbox';
import type { Claim, Generations, Manifest, Store, TaskAddress } from '../store/store';
import { type Backlog, lingerOf } from './backlog';
import { type CatchUp, leftUntil } from './catch-up';
import { patientStore } from './retrying';
import { leftToSay, predecessorOf } from './predecessor';
import { type Meter, metered, meterOutcome } from './meter';
import { kpiRetention, type RetentionEnds, retentiveDecoder, statusRetention } from './retention';
import { type Patience, type Retry, retryUntil, unlessAborted } from './retry';
import type { Opened, Task } from './task';

/** The ends that both pipelines share, real or in memory. */
export interface PipelineEnds extends RetentionEnds {
  readonly patience: Patience;
  readonly meter: Meter;
  readonly store: Store & Pick<Generations, 'list'>;
  readonly sink: Sink;
  readonly fencedSinks: FencedSinks;
  readonly reader: Pick<TopicReader, 'partitions' | 'read' | 'watermarks'>;
  readonly committedOffset: CommittedOffset;
  readonly sources: { readonly status: Source; readonly kpi: Source };
  readonly decoders: { readonly status: Decoder<Feedback>; readonly kpi: Decoder<Contribution> };
  readonly wire: WireTypes;
  /** Put before every topic name. */
  readonly topicPrefix: string;
  /** The kpi pipeline's consumer group: its offsets witness what was published. */
  readonly kpiGroup: string;
  readonly batchMax: number;
  /** How long the kpi pipeline waits for more contributions, so that a burst becomes one change. */
  readonly lingerMs: number;
  /** How long after the end of a message's validity period silence counts as its expiry; null: it never does. */
  readonly expiryGraceMs: number | null;
  readonly backlog: Backlog;
  readonly catchUp: CatchUp;
  /** The store came back older than its owner had seen it. */
  onRolledBack(task: TaskAddress): void;
}

export interface WireTypes {
  readonly contribution: WireType<Contribution>;
  readonly kpiChanged: WireType<KpiChanged>;
  /** Null where no record per change of a message is wanted. */
  readonly statusChanged: WireType<MessageStatusChanged> | null;
  /** What the service itself adds to the inputs: inferred expiries. */
  readonly retryOutcome: WireType<RetryOutcome>;
}

type Emit = TaskEnds<never>['emit'];

/** The status task of a partition: feedback in, aggregates and contributions out. */
export function statusTask(
  ends: PipelineEnds,
  manifest: Manifest,
  partition: number,
  signal: AbortSignal,
): Task<StatusInput> {
  const address: TaskAddress = { stateId: manifest.stateId, pipeline: 'status', partition };
  const topics = FEEDBACK_TOPICS.map(({ topic }) => ends.topicPrefix + topic);
  const base = taskBase(ends, manifest, address, topics, ends.decoders.status, signal);
  const counting = countingRules(manifest);
  const rules = { ...counting, ...ends.wire, ...manifest, partition };
  return {
    ...base.task,
    source: patientSource(ends.sources.status, base.retry),
    lingerMs: () => 0,
    open: async () => {
      const sink = await statusSink(ends, partition, base.retry);
      const memory = statusMemory();
      const { agenda } = memory;
      const predecessor = () => base.retry(() => predecessorOf(ends.store, manifest, partition));
      const inputEnds = async (): Promise<Positions> =>
        (await base.retry(() => ends.sources.status.watermarks(partition))).map(({ high }) => high);
      const withStatuses = ends.wire.statusChanged !== null;
      const duties = statusDuties(
        { address, manifest, store: base.store, predecessor, inputEnds, withStatuses },
        memory,
      );
      const expiries = statusExpiries(ends, counting, manifest, address, base.store, agenda);
      const held = { address, manifest, store: base.store, believedUntil: new Map() };
      const retention = statusRetention(ends, held, inputEnds);
      const emit: Emit = async (records) =>
        records.length === 0 ? 'acknowledged' : unlessAborted(signal, () => sink.emit(records, null));
      return base.metered<StatusInput>({
        ...base.ends,
        decode: retentiveDecoder(ends, held, agenda, base.ends.decode),
        project: (inputs) => planStatus(rules, inputs, memory),
        emit,
        async drain(claim) {
          const own = unpackOutbox(claim.outbox);
          if (!withStatuses) return emit(own, madeBefore(claim));
          const left = await base.retry(() => leftToSay(ends.store, manifest, partition, own));
          return emit(left, madeBefore(claim));
        },
        async *owedAtClaim(hold) {
          await recallAgenda(agenda, base.store, address);
          yield* duties(hold);
          ends.catchUp.toFold(partition, memory.silent ? leftUntil(manifest, partition, hold) : null);
        },
        async *owedAfterCommit(hold, caughtUp) {
          yield* duties(hold);
          ends.catchUp.toFold(partition, memory.silent ? leftUntil(manifest, partition, hold) : null);
          if (!caughtUp || memory.silent) return;
          yield* expiries();
          yield* retention(hold);
        },
        close: () => {
          ends.backlog.forget(partition);
          ends.catchUp.toFold(partition, null);
          return sink.close();
        },
      });
    },
  };
}

/** The commit whose outbox an owner finds. */
const madeBefore = ({ committedBy, positions }: Claim): Made => ({ epoch: committedBy, positions });

/** What a status task owes to time; nothing where the timer is off. */
function statusExpiries(
  { expiryGraceMs: graceMs, patience: { clock } }: PipelineEnds,
  { defaultPolicy }: CountingRules,
  { buckets }: Manifest,
  address: TaskAddress,
  store: Pick<Store, 'scan'>,
  agenda: Agenda,
): () => AsyncIterable<readonly StatusInput[]> {
  if (graceMs === null) return async function* () {};
  return expiryDuties({ address, buckets, store, clock, defaultPolicy, graceMs }, agenda);
}

/**
 * Contributions say by their revision which of them stands, so that a former owner's late ones are harmless and need no
 * fence. A record per change of a message has no such thing: the last one in the compacted topic must be the true one.
 */
async function statusSink(ends: PipelineEnds, partition: number, retry: Retry): Promise<FencedSink> {
  if (ends.wire.statusChanged !== null) return retry(() => ends.fencedSinks.open(`status-${partition}`));
  return {
    emit: async (records) => {
      await retry(() => ends.sink.emit(records));
      return 'acknowledged';
    },
    close: async () => undefined,
  };
}

/** The kpi task of a partition: contributions in, sums and KPI changes out. */
export function kpiTask(
  ends: PipelineEnds,
  manifest: Manifest,
  partition: number,
  signal: AbortSignal,
): Task<KpiInput> {
  const address: TaskAddress = { stateId: manifest.stateId, pipeline: 'kpi', partition };
  const contributions = ends.topicPrefix + CONTRIBUTIONS_TOPIC;
  const base = taskBase(ends, manifest, address, [contributions], ends.decoders.kpi, signal);
  const { contribution, kpiChanged } = ends.wire;
  const rules = {
    ...manifest,
    partition,
    contribution,
    kpiChanged,
  };
  return {
    ...base.task,
    source: patientSource(ends.sources.kpi, base.retry),
    lingerMs: () => lingerOf(ends, ends.backlog),
    open: async () => {
      const sink = await base.retry(() => ends.fencedSinks.open(`kpi-${partition}`));
      const remembered = recall<KnownDelivery>(KPI_DELIVERIES_RECALLED);
      const duties = kpiDuties({
        address,
        manifest,
        store: base.store,
        witness: () => base.retry(() => ends.committedOffset(ends.kpiGroup, contributions, partition)),
        readPublished: (onRecord) =>
          base.retry(() => ends.reader.read(ends.topicPrefix + DELIVERY_KPI_TOPIC, partition, onRecord)),
        numberOf: (published) => kpiChanged.decode(published).generation,
      });
      const retention = kpiRetention(ends, { address, manifest, store: base.store }, base.retry);
      const emitAs = async (records: readonly OutgoingRecord[], witness: Committed | null) =>
        records.length === 0
          ? ('acknowledged' as const)
          : unlessAborted(signal, () => sink.emit(records, witness));
      const emit: Emit = (records, made) => emitAs(records, witnessOf(manifest, made));
      return base.metered<KpiInput>({
        ...base.ends,
        project: (inputs) => planKpi(rules, inputs, duties.muted(), remembered),
        emit,
        async drain(claim) {
          const left = unpackOutbox(claim.outbox);
          if (!(await duties.overtaken(claim))) return emit(left, madeBefore(claim));
          // KPIs of the past are void. That a delivery is retired stands in this state, and holds for good.
          return emitAs(left.filter(isMarker), null);
        },
        async *owedAtClaim(hold, claim) {
          yield* duties.atClaim(hold, claim);
          ends.catchUp.muted(partition, duties.muted());
        },
        async *owedAfterCommit(hold, caughtUp) {
          yield* duties.afterCommit(hold);
          ends.catchUp.muted(partition, duties.muted());
          if (caughtUp && !duties.muted()) yield* retention(hold);
        },
        close: () => {
          ends.catchUp.muted(partition, false);
          return sink.close();
        },
      });
    },
  };
}

/** A source that waits until its partition can be opened: the log may be away just then. */
function patientSource(source: Source, retry: Retry): Pick<Source, 'open'> {
  return { open: (partition, positions) => retry(() => source.open(partition, positions)) };
}

interface TaskBase<Decoded> {
  readonly retry: Retry;
  readonly store: Pick<Store, 'load' | 'scan'>;
  readonly task: Omit<Task<never>, 'source' | 'lingerMs' | 'open'>;
  readonly ends: Pick<TaskEnds<Decoded>, 'decode' | 'setAside' | 'load' | 'commit'>;
  metered<Input>(opened: Opened<Input>): Opened<Input>;
}

/** What the tasks of both pipelines have alike: every end waits out outages and can be called off. */
function taskBase<Decoded>(
  ends: PipelineEnds,
  { generation }: Manifest,
  address: TaskAddress,
  topics: readonly string[],
  decoder: Decoder<Decoded>,
  signal: AbortSignal,
): TaskBase<Decoded> {
  const { pipeline, partition } = address;
  const { meter } = ends;
  const { clock } = ends.patience;
  const retry = retryUntil(signal, ends.patience);
  const store = patientStore(ends.store, retry);
  return {
    retry,
    store,
    task: {
      partition,
      batchMax: ends.batchMax,
      claim: () => retry(() => ends.store.claim(address, generation)),
      observe: (processed) => meterOutcome(meter, pipeline, processed),
      onRolledBack: () => ends.onRolledBack(address),
      onProgress: (positions, lag) => {
        // The kpi group's offsets are the witness of what was published, and nobody else's to write.
        if (pipeline === 'status') {
          ends.sources.status.noteProgress(partition, positions);
          ends.backlog.note(
            partition,
            lag.reduce((sum, records) => sum + records, 0),
          );
        }
        topics.forEach((topic, index) => meter.lag(topic, partition, lag[index] ?? 0));
        if (lag.every((records) => records === 0)) meter.unapplied(address, null);
      },
    },
    ends: {
      decode: (records) => unlessAborted(signal, () => decoder(records)),
      setAside: async (rejected) => {
        if (rejected.length === 0) return;
        const letters = rejected.map((record) => deadLetter(record, topics));
        await retry(() => ends.sink.emit(letters));
      },
      load: (reads) => store.load(address, reads),
      commit: (commit) => retry(() => ends.store.commit(address, commit)),
    },
    metered: (opened) => metered(opened, { meter, clock, task: address, topics }),
  };
}
