import { systemClock } from '../base/clock';
import { type Exposition, openExposition } from './exposition';

/** Seconds, from a millisecond to a minute. */
const DURATIONS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];
/** Seconds: behind an outage or a backlog, latency grows to hours. */
const LATENCIES = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800, 3600, 14_400];

/** The metrics of the service under the prefix `efs_`, with their text form. */
export type Metrics = ReturnType<typeof createMetrics>;

/** What the pipelines do, and what goes wrong around them. */
function pipelineMetrics({ counter, counted, countedBy, durations }: Exposition) {
  const records = counter(
    'efs_records_total',
    'Input records processed, by result: folded or dead_lettered.',
    ['topic', 'result'],
  );
  const deadLettered = countedBy('reason', 'efs_dead_letters_total', 'Records dead-lettered, by reason.');
  const batches = countedBy('pipeline', 'efs_batches_total', 'Batches committed.');
  const batch = durations('efs_batch_duration_seconds', 'From decoding a batch to its commit.', DURATIONS);
  return {
    folded: (topic: string, count: number) => {
      if (count > 0) records.inc({ topic, result: 'folded' }, count);
    },
    deadLettered: (topic: string, reason: string) => {
      records.inc({ topic, result: 'dead_lettered' });
      deadLettered(reason);
    },
    batchTook: (pipeline: string, seconds: number) => {
      batches(pipeline);
      batch(pipeline, seconds);
    },
    commitTook: durations('efs_commit_duration_seconds', 'One atomic commit to the store.', DURATIONS),
    latency: durations(
      'efs_end_to_end_latency_seconds',
      'From the log timestamp of a record to the acknowledgement of the records made from it, by pipeline.',
      LATENCIES,
    ),
    kpiChanges: counted('efs_kpi_changes_total', 'KPI changes committed for publication.'),
    retired: counted(
      'efs_deliveries_retired_total',
      'Deliveries retired because they are older than the retention.',
    ),
    expired: counted(
      'efs_expiries_total',
      'Messages failed because their validity period ended without feedback.',
    ),
    fenced: countedBy(
      'pipeline',
      'efs_fences_total',
      'Commits refused because another worker owns the partition.',
    ),
    rewound: countedBy(
      'pipeline',
      'efs_rewinds_total',
      'Times a task went back to older positions because the store was stale.',
    ),
    outage: countedBy(
      'dependency',
      'efs_outages_total',
      'Outages waited out, by the dependency that did not answer.',
    ),
    stranger: countedBy(
      'topic',
      'efs_foreign_records_total',
      'Records passed over in a topic of the service because it has not written them.',
    ),
  };
}

/** What lies in the topics. */
function topicMetrics({ gauge }: Exposition) {
  const lag = gauge(
    'efs_consumer_lag_records',
    'Records between the position of a task and the end of the log.',
    ['topic', 'partition'],
  );
  const heldBack = gauge(
    'efs_held_back_records',
    'Offsets behind the end of committed records that an open transaction holds back; not in the lag.',
    ['topic', 'partition'],
  );
  const shortInputs = gauge(
    'efs_input_retention_short',
    'Whether the retention of an input topic is shorter than a rebuild needs: 1 or 0.',
    ['topic'],
  );
  return {
    lag: (topic: string, partition: number, count: number) => lag.set({ topic, partition }, count),
    /** Removes the lag of a partition that this worker no longer owns. */
    noLag: (topic: string, partition: number) => lag.remove({ topic, partition }),
    heldBack: (topic: string, partition: number, count: number) => heldBack.set({ topic, partition }, count),
    inputRetention: (topic: string, isShort: boolean) => shortInputs.set({ topic }, isShort ? 1 : 0),
  };
}

/** What distinguishes a process, and the installation that it belongs to, from others. */
interface BuildInfo {
  readonly version: string;
  readonly node: string;
  readonly installation?: { readonly groupId: string; readonly topicPrefix: string };
}

/** A task by its labels. */
interface TaskLabels {
  readonly pipeline: string;
  readonly partition: number;
}

/** Gauges by task; the age of the oldest unapplied record is computed at the scrape. */
function taskMetrics({ gauge }: Exposition, now: () => number) {
  const oldest = new Map<string, TaskLabels & { readonly since: number }>();
  const ages = gauge(
    'efs_oldest_unapplied_record_age_seconds',
    'Age of the oldest record that a task has not applied; 0 where it has applied all.',
    ['pipeline', 'partition'],
    () => {
      ages.reset();
      for (const { pipeline, partition, since } of oldest.values())
        ages.set({ pipeline, partition }, Math.max(0, now() - since) / 1_000);
    },
  );
  const outbox = gauge(
    'efs_outbox_bytes',
    'Bytes of outgoing records that a task has committed and that are not acknowledged yet.',
    ['pipeline', 'partition'],
  );
  const keyOf = ({ pipeline, partition }: TaskLabels): string => `${pipeline}/${partition}`;
  return {
    unapplied: (task: TaskLabels, since: number | null) =>
      void oldest.set(keyOf(task), { ...task, since: since ?? Infinity }),
    outbox: ({ pipeline, partition }: TaskLabels, bytes: number) =>
      outbox.set({ pipeline, partition }, bytes),
    /** Removes a task that this worker no longer owns. */
    taskLeft: (task: TaskLabels) => {
      oldest.delete(keyOf(task));
      outbox.remove({ pipeline: task.pipeline, partition: task.partition });
    },
  };
}

/** Readers of the live feed, and the changes that they skip. */
function feedMetrics({ counted, gauge }: Exposition) {
  const readers = gauge('efs_stream_readers', 'Live streams that are open.');
  return {
    readers: (count: number) => readers.set(count),
    readerDropped: counted(
      'efs_stream_readers_dropped_total',
      'Live streams ended because their reader took nothing for too long.',
    ),
    changesSkipped: counted(
      'efs_stream_changes_skipped_total',
      'Changes not sent to a reader because a newer one of the same delivery replaced them first.',
    ),
  };
}

/**
 * A new set of metrics, with Node's own: counters and durations (in seconds) of the service, the lag of its partitions,
 * and the exposition of all. `now` is the clock of the log's timestamps.
 */
export function createMetrics(info: BuildInfo, now: () => number = systemClock.now) {
  const made = openExposition();
  const { version, node, installation } = info;
  const of = installation && { group_id: installation.groupId, topic_prefix: installation.topicPrefix };
  made
    .gauge('efs_build_info', 'Always 1; the labels identify the version and the installation.', [
      ...(['version', 'node', 'group_id', 'topic_prefix'] as const),
    ])
    .set({ version, node, ...of }, 1);
  return {
    ...pipelineMetrics(made),
    ...topicMetrics(made),
    ...taskMetrics(made, now),
    ...feedMetrics(made),
    exposition: made.exposition,
  };
}
