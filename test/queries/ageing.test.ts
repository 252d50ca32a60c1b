import { systemClock } from '../../src/base/clock';
import { feedback, HOUR } from '../support/feedback';
import { open } from '../http/open';

/** How often the window looks for what is old. */
const AGEING_MS = 60_000;
const RETENTION_MS = 30 * 24 * HOUR;

test('a delivery older than the retention leaves the window once nothing has come for an hour; younger ones stay', async () => {
  let now = systemClock.now();
  let looks = 0;
  const sleep = (ms: number): Promise<void> => {
    if (ms === AGEING_MS) looks += 1;
    return systemClock.sleep(5);
  };
  const clock = { ...systemClock, now: () => now, sleep };
  const there = await open({ EFS_RETENTION: '30d' }, clock);
  try {
    const young = feedback.relayed({ deliveryId: 'young', occurredAt: now });
    // Its silent message expires after 84 hours, which is the last thing that happens to it.
    const old = feedback.relayed({ deliveryId: 'old', occurredAt: now - RETENTION_MS - 85 * HOUR });
    await there.report([old, young]);
    await there.until(() => there.queries.view.deliveries().length === 2 && there.queries.stale() === null);
    now += HOUR / 2;
    const looked = looks + 2;
    await there.until(() => looks >= looked);
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
