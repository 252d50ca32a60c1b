import type { Decoder } from '../feedback/decode';
import type { Feedback } from '../feedback/feedback';
import type { Positions, TopicReader } from '../log/source';
import { CONTRIBUTIONS_TOPIC } from '../feedback/topics';
import type { Contribution, WireType } from '../kpi/encode';
import { evictionCommands } from '../pipeline/eviction';
import { type RetiredKnown, lateDecoder } from '../pipeline/late-records';
import { retentionCommands } from '../pipeline/retention';
import type { TimerIndex } from '../pipeline/timer-index';
import type { Manifest, Store, TaskAddress } from '../store/store';
import type { RetryDeps, Retry } from './retry';

/** What both pipelines need to let old deliveries go. */
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
interface Held {
  readonly address: TaskAddress;
  readonly manifest: Manifest;
  readonly store: Pick<Store, 'load' | 'scan'>;
}

/** What a status task knows beside. */
interface HeldStatus extends Held {
  readonly retiredKnownUntil: RetiredKnown;
}

/** The decoder of a status task, which sets feedback on retired deliveries aside. */
export function retentiveDecoder(
  { retryDeps: { clock } }: RetentionDeps,
  held: HeldStatus,
  timerIndex: TimerIndex,
  decode: Decoder<Feedback>,
): Decoder<Feedback> {
  return lateDecoder(decode, { ...held, timerIndex, clock });
}

/** What a status task owes to retention. */
export function statusRetention(
  { retryDeps: { clock }, retentionMs, wire: { contribution } }: RetentionDeps,
  { address, store, manifest: { partitions, buckets }, retiredKnownUntil }: HeldStatus,
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
      retiredKnownUntil,
    },
  });
}

/** What a kpi task owes to retention. */
export function kpiRetention(deps: RetentionDeps, { address, store, manifest }: Held, retry: Retry) {
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
