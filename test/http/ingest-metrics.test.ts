import { createIngestMetrics } from '../../src/http/ingest-metrics';

test('the kinds of events of a source are bounded: a sender that makes up words does not make up series', async () => {
  const metrics = createIngestMetrics({ version: '1', node: 'v20' }, () => 7);
  for (let index = 0; index < 1_000; index += 1) metrics.event('s', `kind-${index}`, 'ignored', 1);
  metrics.event('s', 'kind-0', 'ignored', 1);
  metrics.event('t', 'x'.repeat(1_000), 'ignored', 1);
  const { text } = await metrics.exposition();
  const series = [...text.matchAll(/^efs_ingest_events_total\{(.*)\} (\d+)$/gm)];
  expect(series).toHaveLength(66);
  expect(text).toContain('efs_ingest_events_total{source="s",kind="kind-0",outcome="ignored"} 2');
  expect(text).toContain('efs_ingest_events_total{source="s",kind="other",outcome="ignored"} 936');
  expect(text).toContain(`kind="${'x'.repeat(64)}"`);
  expect(text).toContain('efs_ingest_unacknowledged_bytes 7');
});
