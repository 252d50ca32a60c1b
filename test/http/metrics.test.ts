import { createMetrics } from '../../src/http/metrics';
import type { Meter } from '../../src/tasks/meter';

const NOW = 1_000_000;

const filled = async (): Promise<string> => {
  const metrics = createMetrics({ version: '1.2.3', node: 'v20' }, () => NOW);
  metrics.folded('mta.relayed', 3);
  metrics.folded('mta.delivered', 0);
  metrics.deadLettered('mta.relayed', 'not-avro');
  metrics.deadLettered('mta.relayed', 'not-avro');
  metrics.kpiChanges(4);
  metrics.batchTook('status', 1.5);
  metrics.commitTook('kpi', 0.02);
  metrics.lag('mta.relayed', 2, 77);
  metrics.lag('mta.relayed', 3, 78);
  metrics.noLag('mta.relayed', 3);
  for (const partition of [0, 1, 2]) {
    metrics.unapplied({ pipeline: 'status', partition }, NOW - 90_000);
    metrics.outbox({ pipeline: 'status', partition }, 512);
  }
  metrics.unapplied({ pipeline: 'status', partition: 1 }, null);
  metrics.taskLeft({ pipeline: 'status', partition: 2 });
  metrics.readers(7);
  metrics.readerDropped();
  metrics.changesSkipped(12);
  metrics.latency('kpi', 0.25);
  metrics.fenced('status');
  metrics.rewound('status');
  metrics.outage('redis');
  return (await metrics.exposition()).text;
};

describe('metrics', () => {
  test('efs_build_info has the group id and the topic prefix as labels', async () => {
    const installation = { groupId: 'efs', topicPrefix: 't1.' };
    const { text } = await createMetrics({ version: '1', node: '20', installation }).exposition();
    expect(text).toContain('efs_build_info{version="1",node="20",group_id="efs",topic_prefix="t1."} 1\n');
  });

  test('expose the values that were recorded, durations in seconds', async () => {
    const lines = (await filled()).split('\n');
    expect(lines).toEqual(
      expect.arrayContaining([
        'efs_records_total{topic="mta.relayed",result="folded"} 3',
        'efs_dead_letters_total{reason="not-avro"} 2',
        'efs_kpi_changes_total 4',
        'efs_batches_total{pipeline="status"} 1',
        'efs_batch_duration_seconds_sum{pipeline="status"} 1.5',
        'efs_commit_duration_seconds_bucket{le="0.025",pipeline="kpi"} 1',
        'efs_commit_duration_seconds_bucket{le="0.01",pipeline="kpi"} 0',
        'efs_consumer_lag_records{topic="mta.relayed",partition="2"} 77',
        'efs_records_total{topic="mta.relayed",result="dead_lettered"} 2',
        'efs_end_to_end_latency_seconds_sum{pipeline="kpi"} 0.25',
        'efs_oldest_unapplied_record_age_seconds{pipeline="status",partition="0"} 90',
        'efs_oldest_unapplied_record_age_seconds{pipeline="status",partition="1"} 0',
        'efs_outbox_bytes{pipeline="status",partition="0"} 512',
        'efs_stream_readers 7',
        'efs_stream_readers_dropped_total 1',
        'efs_stream_changes_skipped_total 12',
        'efs_fences_total{pipeline="status"} 1',
        'efs_rewinds_total{pipeline="status"} 1',
        'efs_outages_total{dependency="redis"} 1',
        'efs_build_info{version="1.2.3",node="v20"} 1',
      ]),
    );
    expect(lines.filter((line) => line.includes('pipeline="status",partition="2"'))).toEqual([]);
    expect(lines.some((line) => line.includes('partition="3"') || line.includes('mta.delivered'))).toBe(
      false,
    );
    expect(lines.some((line) => line.startsWith('process_cpu_seconds_total'))).toBe(true);
  });

  test('are named by the rules of Prometheus: prefix, base unit last, counters in _total, help as a sentence', async () => {
    const types = [...(await filled()).matchAll(/^# HELP (efs_\w+) (.*)\n# TYPE \1 (\w+)$/gm)];
    expect(types.length).toBeGreaterThanOrEqual(12);
    for (const [, name = '', help = '', type] of types) {
      expect(name).toMatch(/^efs_[a-z]+(_[a-z]+)*$/);
      expect(help).toMatch(/^[A-Z].*\.$/);
      expect([name, name.endsWith('_total')]).toEqual([name, type === 'counter']);
      if (type === 'histogram') expect(name).toMatch(/_seconds$/);
      expect(name).not.toMatch(/_(ms|millis|milliseconds|count|sum|bucket|counter|gauge)$/);
    }
    const foreign = [...(await filled()).matchAll(/^# TYPE (\w+)/gm)].map(([, name = '']) => name);
    expect(foreign.filter((name) => !/^(efs|process|nodejs)_/.test(name))).toEqual([]);
  });

  test('of two sets in one process are independent', async () => {
    const one = createMetrics({ version: '1', node: 'a' });
    const two = createMetrics({ version: '2', node: 'a' });
    one.kpiChanges(5);
    expect((await two.exposition()).text).toMatch(/^efs_kpi_changes_total 0$/m);
  });
});

test('the metrics implement the meter of the service', () => {
  const meter: Meter = createMetrics({ version: '1', node: 'a' });
  expect(Object.keys(meter)).toContain('folded');
});
