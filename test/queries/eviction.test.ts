import { systemClock } from '../../src/base/clock';
import { feedback, HOUR } from '../support/feedback';
import { open } from '../http/open';

/** How often the read model evicts old deliveries. */
const EVICTION_MS = 60_000;
const RETENTION_MS = 30 * 24 * HOUR;

test('the read model evicts a delivery older than the retention an hour after its last record; younger ones stay', async () => {
  let now = systemClock.now();
  let passes = 0;
  const sleep = (ms: number): Promise<void> => {
    if (ms === EVICTION_MS) passes += 1;
    return systemClock.sleep(5);
  };
  const clock = { ...systemClock, now: () => now, sleep };
  const there = await open({ EFS_RETENTION: '30d' }, clock);
  try {
    const young = feedback.relayed({ deliveryId: 'young', occurredAt: now });
    // Its message without feedback expires after 84 hours: that is its last event.
    const old = feedback.relayed({ deliveryId: 'old', occurredAt: now - RETENTION_MS - 85 * HOUR });
    await there.report([old, young]);
    await there.until(() => there.queries.view.deliveries().length === 2 && there.queries.stale() === null);
    now += HOUR / 2;
    const target = passes + 2;
    await there.until(() => passes >= target);
    expect(there.queries.view.get('old')).not.toBeNull();
    now += HOUR;
    await there.until(() => there.queries.view.get('old') === null);
    expect(there.queries.view.get('young')).not.toBeNull();
    const answer = await there.routes.inject('/api/deliveries/old');
    expect([answer.statusCode, answer.body]).toEqual([404, expect.stringContaining('EFS_RETENTION')]);
  } finally {
    await there.close();
  }
});
