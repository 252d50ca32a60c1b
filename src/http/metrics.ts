import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';
import { systemClock } from '../base/clock';

/** Seconds, from a millisecond to a minute. */
const DURATIONS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];
/** Seconds: behind an outage or a backlog, latency grows to hours. */
const LATENCIES = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800, 3600, 14_400];

/** The metrics of the service under the prefix `efs_`, with their text form. */
export type Metrics = ReturnType<typeof createMetrics>;

function counters(registers: [Registry]) {
  const counter = <L extends string>(name: string, help: string, labelNames: L[]) =>
    new Counter({ name, help, labelNames, registers });
  const records = counter(
    'efs_records_total',
    'Input records processed, by result: folded or dead_lettered.',
    ['topic', 'result'],
  );
  const deadLetters = counter('efs_dead_letters_total', 'Records dead-lettered, by reason.', ['reason']);
  const kpiChanges = counter('efs_kpi_changes_total', 'KPI changes committed for publication.', []);
  const retirements = counter(
    'efs_deliveries_retired_total',
    'Deliveries retired because they are older than the retention.',
    [],
  );
  const expiries = counter(
    'efs_expiries_total',
    'Messages failed because their validity period ended without feedback.',
    [],
  );
  const batches = counter('efs_batches_total', 'Batches committed.', ['pipeline']);
  const fences = counter('efs_fences_total', 'Commits refused because another worker owns the partition.', [
    'pipeline',
  ]);
  const rewinds = counter(
    'efs_rewinds_total',
    'Times a task went back to older positions because the store was stale.',
    ['pipeline'],
  );
  const outages = counter('efs_outages_total', 'Outages waited out, by the dependency that did not answer.', [
    'dependency',
  ]);
  return { records, deadLetters, kpiChanges, retirements, expiries, batches, fences, rewinds, outages };
}

function gauges(registers: [Registry]) {
  const lag = new Gauge({
    name: 'efs_consumer_lag_records',
    help: 'Records between the position of a task and the end of the log.',
    labelNames: ['topic', 'partition'],
    registers,
  });
  const heldBack = new Gauge({
    name: 'efs_held_back_records',
    help: 'Offsets behind the end of committed records that an open transaction holds back; not in the lag.',
    labelNames: ['topic', 'partition'],
    registers,
  });
  const shortInputs = new Gauge({
    name: 'efs_input_retention_short',
    help: 'Whether the retention of an input topic is shorter than a rebuild needs: 1 or 0.',
    labelNames: ['topic'],
    registers,
  });
  const build = new Gauge({
    name: 'efs_build_info',
    help: 'Always 1; the labels identify the version and the installation.',
    labelNames: ['version', 'node', 'group_id', 'topic_prefix'],
    registers,
  });
  return { lag, heldBack, shortInputs, build };
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
function taskGauges(registers: [Registry], now: () => number) {
  const oldest = new Map<string, TaskLabels & { readonly since: number }>();
  new Gauge({
    name: 'efs_oldest_unapplied_record_age_seconds',
    help: 'Age of the oldest record that a task has not applied; 0 where it has applied all.',
    labelNames: ['pipeline', 'partition'],
    registers,
    collect() {
      this.reset();
      for (const { pipeline, partition, since } of oldest.values())
        this.set({ pipeline, partition }, Math.max(0, now() - since) / 1_000);
    },
  });
  const outbox = new Gauge({
    name: 'efs_outbox_bytes',
    help: 'Bytes of outgoing records that a task has committed and that are not acknowledged yet.',
    labelNames: ['pipeline', 'partition'],
    registers,
  });
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
function feedMetrics(registers: [Registry]) {
  const readers = new Gauge({ name: 'efs_stream_readers', help: 'Live streams that are open.', registers });
  const dropped = new Counter({
    name: 'efs_stream_readers_dropped_total',
    help: 'Live streams ended because their reader took nothing for too long.',
    registers,
  });
  const skipped = new Counter({
    name: 'efs_stream_changes_skipped_total',
    help: 'Changes not sent to a reader because a newer one of the same delivery replaced them first.',
    registers,
  });
  return {
    readers: (count: number) => readers.set(count),
    readerDropped: () => dropped.inc(),
    changesSkipped: (count: number) => skipped.inc(count),
  };
}

/** Records that the service passes over where it reads back what it has published. */
function strangerMetrics(registers: [Registry]) {
  const strangers = new Counter({
    name: 'efs_foreign_records_total',
    help: 'Records passed over in a topic of the service because it has not written them.',
    labelNames: ['topic'],
    registers,
  });
  return { stranger: (topic: string) => strangers.inc({ topic }) };
}

function histograms(registers: [Registry]) {
  const histogram = <L extends string>(name: string, help: string, labelNames: L[], buckets: number[]) =>
    new Histogram({ name, help, labelNames, buckets, registers });
  const batch = histogram(
    'efs_batch_duration_seconds',
    'From decoding a batch to its commit.',
    ['pipeline'],
    DURATIONS,
  );
  const commit = histogram(
    'efs_commit_duration_seconds',
    'One atomic commit to the store.',
    ['pipeline'],
    DURATIONS,
  );
  const endToEnd = histogram(
    'efs_end_to_end_latency_seconds',
    'From the log timestamp of a record to the acknowledgement of the records made from it, by pipeline.',
    ['pipeline'],
    LATENCIES,
  );
  return { batch, commit, endToEnd };
}

/**
 * A new set of metrics, with Node's own: counters and durations (in seconds) of the service, the lag of its partitions,
 * and the exposition of all. Each call has its own registry: two sets in one process are independent. `now` is the
 * clock of the log's timestamps.
 */
export function createMetrics(info: BuildInfo, now: () => number = systemClock.now) {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const { records, deadLetters, kpiChanges, retirements, expiries, batches, fences, rewinds, outages } =
    counters([registry]);
  const { lag, heldBack, shortInputs, build: buildInfo } = gauges([registry]);
  const { batch, commit, endToEnd } = histograms([registry]);
  const { version, node, installation } = info;
  buildInfo.set(
    {
      version,
      node,
      ...(installation && { group_id: installation.groupId, topic_prefix: installation.topicPrefix }),
    },
    1,
  );
  return {
    folded: (topic: string, count: number) => {
      if (count > 0) records.inc({ topic, result: 'folded' }, count);
    },
    deadLettered: (topic: string, reason: string) => {
      records.inc({ topic, result: 'dead_lettered' });
      deadLetters.inc({ reason });
    },
    kpiChanges: (count: number) => kpiChanges.inc(count),
    expired: (count: number) => expiries.inc(count),
    retired: (count: number) => retirements.inc(count),
    batchTook: (pipeline: string, seconds: number) => {
      batches.inc({ pipeline });
      batch.observe({ pipeline }, seconds);
    },
    commitTook: (pipeline: string, seconds: number) => commit.observe({ pipeline }, seconds),
    latency: (pipeline: string, seconds: number) => endToEnd.observe({ pipeline }, seconds),
    fenced: (pipeline: string) => fences.inc({ pipeline }),
    rewound: (pipeline: string) => rewinds.inc({ pipeline }),
    outage: (dependency: string) => outages.inc({ dependency }),
    lag: (topic: string, partition: number, count: number) => lag.set({ topic, partition }, count),
    heldBack: (topic: string, partition: number, count: number) => heldBack.set({ topic, partition }, count),
    ...taskGauges([registry], now),
    ...feedMetrics([registry]),
    ...strangerMetrics([registry]),
    /** Removes the lag of a partition that this worker no longer owns. */
    noLag: (topic: string, partition: number) => lag.remove({ topic, partition }),
    inputRetention: (topic: string, isShort: boolean) => shortInputs.set({ topic }, isShort ? 1 : 0),
    /** The text that Prometheus scrapes, and its content type. */
    exposition: async () => ({ type: registry.contentType, text: await registry.metrics() }),
  };
}
