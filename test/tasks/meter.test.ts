import { createMetrics } from '../../src/http/metrics';
import { metered } from '../../src/tasks/meter';
import { feedback, HOUR } from '../support/feedback';
import { open } from '../http/open';

const NOW = 1_000_000;

/** The samples of a task, by the name of their metric. */
function samplesOf(text: string, name: string): Record<string, number> {
  const found = text.matchAll(new RegExp(`^${name}\\{pipeline="(\\w+)",partition="(\\d+)"\\} (\\S+)$`, 'gm'));
  return Object.fromEntries(
    [...found].map(([, pipeline, partition, value]) => [`${pipeline}/${partition}`, Number(value)]),
  );
}

test('a stalled task shows the age of its oldest unapplied record, and its outbox until it is acknowledged', async () => {
  let now = NOW;
  const metrics = createMetrics({ version: '1', node: 'v20' }, () => now);
  const ownership = { epoch: 1, sequence: 1, expected: [0], next: [2], writes: [] };
  const deps = metered<never>(
    {
      decode: async () => ({ inputs: [], rejected: [] }),
      emitDeadLetters: async () => undefined,
      load: async () => [],
      commit: async () => 'committed',
      emit: async () => 'acknowledged',
      project: () => ({ reads: [], project: () => ({ writes: [], outgoing: [] }) }),
      drain: async () => 'acknowledged',
      onClaim: async function* () {},
      afterCommit: async function* () {},
      close: async () => undefined,
    },
    {
      meter: metrics,
      clock: { now: () => now, monotonic: () => now, sleep: async () => undefined },
      task: { pipeline: 'kpi', partition: 3 },
      topics: ['c'],
    },
  );
  const shown = async (name: string) => samplesOf((await metrics.exposition()).text, name)['kpi/3'];
  const record = {
    topic: 0,
    partition: 3,
    offset: 0,
    key: null,
    value: null,
    headers: () => [],
    headerCount: 0,
  };
  await deps.decode([
    { ...record, timestamp: NOW - 4_000 },
    { ...record, timestamp: NOW - 9_000 },
  ]);
  now += 60_000;
  expect(await shown('efs_oldest_unapplied_record_age_seconds')).toBe(69);
  await deps.commit({ ...ownership, outbox: Buffer.alloc(70) });
  expect(await shown('efs_outbox_bytes')).toBe(70);
  await deps.emit([], { epoch: 1, positions: [2] });
  expect(await shown('efs_outbox_bytes')).toBe(0);
  await deps.close();
  expect(await shown('efs_outbox_bytes')).toBeUndefined();
  expect(await shown('efs_oldest_unapplied_record_age_seconds')).toBeUndefined();
});

test('tasks that have applied all records show no unapplied record and an empty outbox', async () => {
  const there = await open({ EFS_PARTITIONS: '2' });
  try {
    await there.report([feedback.relayed({ occurredAt: Date.now() - HOUR })]);
    await there.until(() => there.queries.view.deliveries().length === 1);
    for (;;) {
      const text = (await there.routes.inject('/metrics')).body;
      const ages = samplesOf(text, 'efs_oldest_unapplied_record_age_seconds');
      const outboxes = samplesOf(text, 'efs_outbox_bytes');
      const isDone = [...Object.values(ages), ...Object.values(outboxes)].every((value) => value === 0);
      if (isDone && Object.keys(outboxes).length > 0 && Object.keys(ages).length >= 2) return;
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  } finally {
    await there.close();
  }
});
