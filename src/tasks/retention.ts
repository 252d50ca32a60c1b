import type { Decoder } from '../feedback/decode';
import type { Feedback } from '../feedback/feedback';
import type { Positions, TopicReader } from '../log/source';
import { CONTRIBUTIONS_TOPIC } from '../feedback/topics';
import type { Contribution, WireType } from '../kpi/encode';
import { evictionCommands } from '../pipeline/eviction';
import { type ActiveCache, lateDecoder } from '../pipeline/late-records';
import { retentionCommands } from '../pipeline/retention';
import type { TimerIndex } from '../pipeline/timer-index';
import type { Manifest, Store, TaskAddress } from '../store/store';
import type { RetryDeps, Retry } from './retry';

/** What both pipelines need to retire and evict old deliveries. */
export interface RetentionDeps {
  readonly retryDeps: Pick<RetryDeps, 'clock'>;
  /** How long after its last feedback a delivery is kept. */
  readonly retentionMs: number;
  readonly wire: { readonly contribution: WireType<Contribution> };
  readonly reader: Pick<TopicReader, 'watermarks'>;
  /** Put before every topic name. */
  readonly topicPrefix: string;
}

/** A task as retention sees it. */
interface OwnedTask {
  readonly address: TaskAddress;
  readonly manifest: Manifest;
  readonly store: Pick<Store, 'load' | 'scan'>;
}

/** A status task as retention sees it. */
interface OwnedStatusTask extends OwnedTask {
  readonly activeUntil: ActiveCache;
}

/** The decoder of a status task, which dead-letters feedback on retired deliveries. */
export function retentiveDecoder(
  { retryDeps: { clock } }: RetentionDeps,
  task: OwnedStatusTask,
  timerIndex: TimerIndex,
  decode: Decoder<Feedback>,
): Decoder<Feedback> {
  return lateDecoder(decode, { ...task, timerIndex, clock });
}

/** The eviction commands of a status task. */
export function statusRetention(
  { retryDeps: { clock }, retentionMs, wire: { contribution } }: RetentionDeps,
  { address, store, manifest: { partitions, buckets }, activeUntil }: OwnedStatusTask,
  inputEnds: () => Promise<Positions>,
) {
  return evictionCommands({
    ...{
      address,
      store,
      partitions,
      buckets,
      contribution,
      clock,
      retentionMs,
      inputEnds,
      activeUntil,
    },
  });
}

/** The retention commands of a kpi task. */
export function kpiRetention(deps: RetentionDeps, { address, store, manifest }: OwnedTask, retry: Retry) {
  const { retentionMs, reader, topicPrefix } = deps;
  const topic = topicPrefix + CONTRIBUTIONS_TOPIC;
  return retentionCommands({
    ...{ address, store, retentionMs },
    partitions: manifest.partitions,
    contribution: deps.wire.contribution,
    clock: deps.retryDeps.clock,
    contributionsEnd: async () => (await retry(() => reader.watermarks(topic, address.partition))).high,
  });
}
