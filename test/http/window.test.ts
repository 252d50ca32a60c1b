import { readConfig } from '../../src/base/config';
import { systemClock } from '../../src/base/clock';
import { EfsError } from '../../src/base/errors';
import { openMemoryEnds } from '../../src/cli/memory-ends';
import { lookThrough, windowOf } from '../../src/cli/window';
import { createHealth } from '../../src/http/health';
import { createMetrics } from '../../src/http/metrics';

describe('the window', () => {
  test('waits no longer once it follows its topics, where Kafka was away when it began', async () => {
    const read = readConfig({});
    if ('errors' in read) throw new Error(read.errors.join('\n'));
    const { ends } = await openMemoryEnds(read.ok, { clock: systemClock });
    const health = createHealth();
    const window = windowOf(read.ok, { health, metrics: createMetrics({ version: '0', node: '0' }) });
    const abort = new AbortController();
    const waiting = new Set<unknown>();
    const waits: unknown[] = [];
    const over = new Promise<void>((resolve) => {
      let refusals = 0;
      const reader: typeof ends.reader = {
        ...ends.reader,
        async follow(...how) {
          refusals += 1;
          if (refusals <= 2) throw new EfsError('kafka-unavailable', 'This server is not the leader');
          return ends.reader.follow(...how);
        },
      };
      const outages = {
        failed: (party: unknown) => {
          waiting.add(party);
          waits.push(party);
        },
        answered: (party: unknown) => {
          if (waiting.delete(party) && waiting.size === 0) resolve();
        },
      };
      lookThrough(window, { ...ends, reader, topicPrefix: '' }, outages, abort.signal);
    });
    await over;
    expect(waits).toHaveLength(2);
    expect('window' in health.reasons()).toBe(false);
    abort.abort();
  });
});
