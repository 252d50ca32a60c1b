import type { Decoder, LoggedContribution } from '../feedback/decode';
import type { Feedback } from '../feedback/feedback';
import type { RetryOutcome } from '../feedback/records';
import { RETIRED_TOPIC, TOPICS_OF } from '../feedback/topics';
import type { Contribution, KpiChanged, MessageStatusChanged, WireType } from '../kpi/encode';
import type {
  Checkpoint,
  OutgoingRecord,
  Sink,
  TransactionalSink,
  TransactionalSinks,
  TransactionOutcome,
} from '../log/sink';
import type { CommittedOffset, Positions, Source, TopicReader } from '../log/source';
import { replacedTopic } from '../log/topic-ids';
import type { BatchDeps } from '../pipeline';
import { deadLetter } from '../pipeline/dead-letter';
import type { MessageCache } from '../pipeline/message-cache';
import type { StateServer } from '../store/server';
import type { Strangers } from './strangers';
import type { Generations, Manifest, Sealed, Store, TaskAddress } from '../store/store';
import type { Backlog } from './backlog';
import type { CatchUp } from './catch-up';
import type { DamageWatch } from './damage';
import type { HeldBack, InputEnd } from './held-back';
import { type Meter, type Metering, meterOutcome } from './meter';
import { type OwnedStore, ownedStore } from './owned-store';
import { type Retry, type RetryDeps, retryUntil, unlessAborted } from './retry';
import type { Task } from './task';
import type { TopicWatch } from './topic-watch';

/* What the tasks of both pipelines have in common. Every dependency waits out outages and can be aborted. */

/** The dependencies that both pipelines share, real or in memory. */
export interface PipelineDeps {
  readonly retryDeps: RetryDeps;
  readonly meter: Meter;
  readonly store: Store & Pick<Generations, 'list'>;
  readonly sink: Sink;
  readonly transactionalSinks: TransactionalSinks;
  readonly reader: Pick<TopicReader, 'partitions' | 'topicIds' | 'read' | 'watermarks'>;
  readonly committedOffset: CommittedOffset;
  readonly sources: { readonly status: Source; readonly kpi: Source };
  readonly decoders: { readonly status: Decoder<Feedback>; readonly kpi: Decoder<LoggedContribution> };
  readonly wire: WireTypes;
  readonly strangers: Strangers;
  /** Put before every topic name. */
  readonly topicPrefix: string;
  /** The kpi pipeline's consumer group: its offsets are the publish checkpoints. */
  readonly kpiGroup: string;
  readonly batchMax: number;
  /** How long the kpi pipeline waits for more contributions, so that a burst becomes one KPI change. */
  readonly lingerMs: number;
  /** How long after the end of its validity period a message without an outcome expires; infinite: it never does. */
  readonly expiryGraceMs: number;
  /** The server of the state, where it has one to watch. */
  readonly stateServer?: StateServer;
  /** How long after its last feedback a delivery is kept. */
  readonly retentionMs: number;
  /** Makes the cache of a claim. */
  messageCache(): MessageCache;
}

/** The same, and what watches the tasks of one worker. */
export interface WorkerDeps extends PipelineDeps {
  readonly topicWatch: TopicWatch;
  /** Whether the time of day can be trusted to tell that a message has expired. */
  isClockRight(): boolean;
  readonly backlog: Backlog;
  readonly catchUp: CatchUp;
  readonly heldBack: HeldBack;
  readonly damage: DamageWatch;
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

/** One partition of one pipeline, as its owner sees it. */
export interface OwnedTask {
  readonly deps: WorkerDeps;
  readonly manifest: Manifest;
  readonly address: TaskAddress;
  /** The names of its inputs in Kafka, by topic index. */
  readonly topics: readonly string[];
  /** These, and the other topics that its state has positions in. */
  readonly positioned: readonly string[];
  readonly metering: Metering;
  readonly store: OwnedStore;
  readonly retry: Retry;
  readonly signal: AbortSignal;
}

/** Other topics that a task's state has positions in. */
const BESIDE = { status: [RETIRED_TOPIC], kpi: [] } as const;

export function ownedTask(
  deps: WorkerDeps,
  manifest: Manifest,
  task: Pick<TaskAddress, 'pipeline' | 'partition'>,
  signal: AbortSignal,
): OwnedTask {
  const retry = retryUntil(signal, deps.retryDeps);
  const address: TaskAddress = { stateId: manifest.stateId, ...task };
  const named = (topic: string): string => deps.topicPrefix + topic;
  const topics = TOPICS_OF[task.pipeline].map(named);
  const positioned = [...topics, ...BESIDE[task.pipeline].map(named)];
  const store: Store = {
    ...deps.store,
    commit: async (to, commit) => {
      refuseReplaced({ deps, manifest, positioned });
      return deps.store.commit(to, commit);
    },
  };
  return {
    deps,
    manifest,
    address,
    topics,
    positioned,
    metering: { meter: deps.meter, clock: deps.retryDeps.clock, task, topics },
    store: ownedStore(store, address, retry),
    retry,
    signal,
  };
}

/** Throws `topic-replaced` where the task's positions belong to a topic that is no more. */
function refuseReplaced({
  deps,
  manifest,
  positioned,
}: Pick<OwnedTask, 'deps' | 'manifest' | 'positioned'>): void {
  const replaced = replacedTopic(positioned, manifest.topicIds, deps.topicWatch.known());
  if (replaced !== null) throw replaced;
}

/** How a pipeline's tasks read their inputs, where they do not read all from their positions on. */
interface Reading {
  startAt(positions: Positions): Positions;
  /** The offsets at which the records end for now, read at each batch; undefined where there is no limit. */
  until(): (() => Positions) | undefined;
}

/** A task from the parts that its pipeline determines. */
export function taskOf<Input>(
  own: OwnedTask,
  parts: Pick<Task<Input>, 'lingerMs' | 'open' | 'onProgress'> & Partial<Reading>,
): Task<Input> {
  const { deps, manifest, address, topics, retry } = own;
  const { pipeline, partition } = address;
  const { meter } = deps;
  return {
    ...parts,
    pipeline,
    partition,
    batchMax: deps.batchMax,
    // The log may be unavailable when the partition is opened.
    source: {
      open: async (partition, positions) => {
        await retry(() => deps.topicWatch.refresh());
        refuseReplaced(own);
        const from = parts.startAt?.(positions) ?? positions;
        return retry(() => deps.sources[pipeline].open(partition, from, parts.until?.()));
      },
    },
    claim: () => own.store.claim(manifest.generation),
    observe: (processed) => meterOutcome(meter, pipeline, processed),
    onRolledBack: () => deps.onRolledBack(address),
    onProgress: (positions, lag, heldBack) => {
      parts.onProgress(positions, lag, heldBack);
      topics.forEach((topic, index) =>
        noteInput(own, topic, {
          position: positions[index] ?? 0,
          lag: lag[index] ?? 0,
          heldBack: heldBack[index] ?? 0,
        }),
      );
      if (lag.every((records) => records === 0)) meter.unapplied(address, null);
    },
  };
}

function noteInput({ deps, address }: OwnedTask, topic: string, input: InputEnd): void {
  const { partition } = address;
  deps.meter.lag(topic, partition, input.lag);
  deps.meter.heldBack(topic, partition, input.heldBack);
  deps.heldBack.note(topic, partition, input);
}

/** Its inputs are watched by another task from now on. */
export function forgetInputs({ deps, address, topics }: OwnedTask): void {
  const { partition } = address;
  for (const topic of topics) deps.meter.heldBack(topic, partition, 0);
  deps.heldBack.forget(topics, partition);
}

/** The steps of a batch that are the same in both pipelines. */
export function stepsOf<Input>(
  own: OwnedTask,
  decoder: Decoder<Input>,
): Pick<BatchDeps<Input>, 'decode' | 'emitDeadLetters' | 'load' | 'commit'> {
  const { deps, address, topics, store, signal, retry } = own;
  return {
    decode: (records) => unlessAborted(signal, () => decoder(records)),
    emitDeadLetters: async (rejected) => {
      if (rejected.length === 0) return;
      const letters = rejected.map((record) => deadLetter(record, topics));
      await retry(() => deps.sink.emit(letters));
    },
    load: (reads) => store.load(address, reads),
    commit: (commit) => store.commit(commit),
  };
}

/** Emits records through the task's sink, and with them the checkpoint, if any. Does nothing without either. */
export async function emitThrough(
  sink: TransactionalSink,
  { signal }: OwnedTask,
  records: readonly OutgoingRecord[],
  checkpoint: Checkpoint | null,
): Promise<TransactionOutcome> {
  if (records.length === 0 && checkpoint === null) return 'acknowledged';
  return unlessAborted(signal, () => sink.emit(records, checkpoint));
}

/** The commit that stored the outbox of a claimed task. */
export const madeBefore = ({ committedBy, positions }: Pick<Sealed, 'committedBy' | 'positions'>) => ({
  epoch: committedBy,
  positions,
});
