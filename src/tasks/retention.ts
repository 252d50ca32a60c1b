import type { Decoder } from '../feedback/decode';
import type { Feedback } from '../feedback/feedback';
import type { Positions, TopicReader } from '../log/source';
import { CONTRIBUTIONS_TOPIC } from '../feedback/topics';
import type { Contribution, WireType } from '../kpi/encode';
import { forgettingDuties } from '../pipeline/eviction';
import { type Believed, lateDecoder } from '../pipeline/late-records';
import { retirementDuties } from '../pipeline/retention';
import type { Agenda } from '../pipeline/timer-index';
import type { Manifest, Store, TaskAddress } from '../store/store';
import type { Patience, Retry } from './retry';

/** What both pipelines need to let old deliveries go. */
export interface RetentionEnds {
  readonly patience: Pick<Patience, 'clock'>;
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
  readonly believedUntil: Believed;
}

/** The decoder of a status task, which sets feedback on retired deliveries aside. */
export function retentiveDecoder(
  { patience: { clock } }: RetentionEnds,
  held: HeldStatus,
  agenda: Agenda,
  decode: Decoder<Feedback>,
): Decoder<Feedback> {
  return lateDecoder(decode, { ...held, agenda, clock });
}

/** What a status task owes to retention. */
export function statusRetention(
  { patience: { clock }, retentionMs, wire: { contribution } }: RetentionEnds,
  { address, store, manifest: { partitions, buckets }, believedUntil }: HeldStatus,
  inputEnds: () => Promise<Positions>,
) {
  return forgettingDuties({
    ...{ address, store, partitions, buckets, contribution, clock, retentionMs, inputEnds, believedUntil },
  });
}

/** What a kpi task owes to retention. */
export function kpiRetention(ends: RetentionEnds, { address, store, manifest }: Held, retry: Retry) {
  const { retentionMs, reader, topicPrefix } = ends;
  const topic = topicPrefix + CONTRIBUTIONS_TOPIC;
  return retirementDuties({
    ...{ address, store, retentionMs },
    partitions: manifest.partitions,
    contribution: ends.wire.contribution,
    clock: ends.patience.clock,
    contributionsEnd: async () => (await retry(() => reader.watermarks(topic, address.partition))).high,
  });
}
