import type { Clock } from '../base/clock';
import type { DeadLetterReason } from '../feedback/decode';
import { DELIVERY_KPI_TOPIC, RETRY_OUTCOME_TOPIC } from '../feedback/topics';
import type { Processed } from '../pipeline';
import type { TaskAddress } from '../store/store';
import type { Dependency } from './outages';
import type { Opened } from './task';

type MeteredTask = Pick<TaskAddress, 'pipeline' | 'partition'>;

/** Receives what the service counts and times. Durations are in seconds. */
export interface Meter {
  folded(topic: string, records: number): void;
  deadLettered(topic: string, reason: DeadLetterReason): void;
  batchTook(pipeline: TaskAddress['pipeline'], seconds: number): void;
  commitTook(pipeline: TaskAddress['pipeline'], seconds: number): void;
  /** From a record's timestamp in the log to the acknowledgement of what it caused to be published. */
  latency(pipeline: TaskAddress['pipeline'], seconds: number): void;
  /** Records between a task's position and the end of the log. */
  lag(topic: string, partition: number, records: number): void;
  /** Offsets behind the end of committed records that an open transaction holds back. */
  heldBack(topic: string, partition: number, offsets: number): void;
  /** Log timestamp of the oldest record that a task has not applied; null where it has applied all. */
  unapplied(task: MeteredTask, since: number | null): void;
  /** Bytes of a task's outbox: outgoing records that are committed and not acknowledged yet. */
  outbox(task: MeteredTask, bytes: number): void;
  /** The task is no longer this worker's. */
  taskLeft(task: MeteredTask): void;
  kpiChanges(count: number): void;
  /** Messages whose validity period has ended without an outcome. */
  expired(messages: number): void;
  /** Deliveries that have been retired, each in one partition. */
  retired(deliveries: number): void;
  fenced(pipeline: TaskAddress['pipeline']): void;
  rewound(pipeline: TaskAddress['pipeline']): void;
  outage(dependency: Dependency): void;
  /** A record in a topic of the service that it has not written. */
  stranger(topic: string): void;
}

const nothing = (): void => undefined;

/** Counts nothing. */
export const NO_METER: Meter = {
  folded: nothing,
  deadLettered: nothing,
  batchTook: nothing,
  commitTook: nothing,
  latency: nothing,
  lag: nothing,
  heldBack: nothing,
  unapplied: nothing,
  outbox: nothing,
  taskLeft: nothing,
  kpiChanges: nothing,
  expired: nothing,
  retired: nothing,
  fenced: nothing,
  rewound: nothing,
  outage: nothing,
  stranger: nothing,
};

/** What a task is metered by. */
export interface Metering {
  readonly meter: Meter;
  readonly clock: Clock;
  readonly task: MeteredTask;
  /** The names of its inputs. */
  readonly topics: readonly string[];
}

/** Wraps a task's dependencies: times its batches and counts the results of their records. Their behaviour is unchanged. */
export function metered<Input>(deps: Opened<Input>, { meter, clock, task, topics }: Metering): Opened<Input> {
  const { pipeline } = task;
  const since = (start: number): number => (clock.monotonic() - start) / 1000;
  let began = clock.monotonic();
  let oldest = 0;
  let counts: number[] = [];
  return {
    ...deps,
    decode: async (records) => {
      began = clock.monotonic();
      oldest = records.reduce((least, record) => Math.min(least, record.timestamp), clock.now());
      if (records.length > 0) meter.unapplied(task, oldest);
      counts = topics.map(() => 0);
      for (const { topic } of records) counts[topic] = (counts[topic] ?? 0) + 1;
      const decoded = await deps.decode(records);
      for (const { record, reason } of decoded.rejected) {
        counts[record.topic] = (counts[record.topic] ?? 0) - 1;
        meter.deadLettered(topics[record.topic] ?? '', reason);
      }
      return decoded;
    },
    commit: async (commit) => {
      const start = clock.monotonic();
      const outcome = await deps.commit(commit);
      meter.commitTook(pipeline, since(start));
      meter.batchTook(pipeline, since(began));
      if (outcome === 'committed') {
        topics.forEach((topic, index) => meter.folded(topic, counts[index] ?? 0));
        meter.outbox(task, commit.outbox?.length ?? 0);
      }
      counts = [];
      return outcome;
    },
    emit: async (records, made) => {
      const oldestRecord = oldest;
      const outcome = await deps.emit(records, made);
      if (outcome === 'acknowledged') meter.outbox(task, 0);
      if (outcome === 'acknowledged' && records.length > 0 && oldestRecord > 0) {
        meter.latency(pipeline, Math.max(0, clock.now() - oldestRecord) / 1000);
      }
      return outcome;
    },
    close: () => {
      meter.taskLeft(task);
      return deps.close();
    },
  };
}

/** Counts how a batch ended. */
export function meterOutcome(meter: Meter, pipeline: TaskAddress['pipeline'], processed: Processed): void {
  const { outcome, outgoing } = processed;
  if (outcome === 'fenced') meter.fenced(pipeline);
  if (outcome === 'rolled-back') meter.rewound(pipeline);
  if (outcome !== 'committed') return;
  const sent = (to: string): number => outgoing.filter(({ topic }) => topic === to).length;
  if (pipeline === 'status') return meter.expired(sent(RETRY_OUTCOME_TOPIC));
  meter.kpiChanges(sent(DELIVERY_KPI_TOPIC));
}
