import type { Servers } from '../../src/app/compose';
import { EfsError } from '../../src/base/errors';
import type { StateServerFacts } from '../../src/store/server';
import { feedback, HOUR } from '../support/feedback';
import { kpiRecords } from '../support/observe';
import { world } from '../support/world';

const RIGHT: StateServerFacts = { problem: null, aheadMs: 0 };
const MINUTE = 60_000;

/** The servers, with a server of the state that says what the test wants. */
function watched(facts: () => StateServerFacts) {
  const listeners: (() => void)[] = [];
  const stateServer = {
    inspect: async () => facts(),
    onReconnect: (each: () => void) => void listeners.push(each),
  };
  return {
    wrap: (deps: Servers): Servers => ({ ...deps, stateServer }),
    reconnect: () => listeners.forEach((each) => each()),
  };
}

const expired = (there: Parameters<typeof kpiRecords>[0]): boolean =>
  kpiRecords(there).some(({ kpis }) => JSON.stringify(kpis).includes('"failedByExpiry":1'));

describe('a worker whose clock is far ahead', () => {
  it('says so, expires nothing, and goes on once its clock is right', async () => {
    const there = await world({ partitions: 1 });
    let facts: StateServerFacts = { problem: null, aheadMs: HOUR };
    const { reasons, log } = await there.worker(watched(() => facts).wrap);
    there.produce([feedback.relayed({ messageId: 'm1' })]);
    await there.settle();
    there.clock.advance(4 * 24 * HOUR);
    await there.settle();
    expect(expired(there)).toBe(false);
    expect(reasons.get('clock')).toMatch(/^the clock of this worker is 3600 s ahead .*\(set the clock/);
    expect(log.entries.filter(({ level }) => level === 'warn')).toHaveLength(1);
    facts = { problem: null, aheadMs: MINUTE };
    await there.until(() => reasons.size === 0, 'the clock is right');
    await there.settle();
    expect(expired(there)).toBe(true);
  });
});

describe('a server of the state that becomes unfit while the service runs', () => {
  const problem = new EfsError('redis-evicts', 'Redis has maxmemory-policy allkeys-lru');

  it.each([
    ['within a minute', MINUTE, false],
    ['at a reconnect', 0, true],
  ])('is a reason with its remedy until it is mended, found %s', async (_, waitMs, reconnects) => {
    const there = await world({ partitions: 1 });
    let facts = RIGHT;
    const server = watched(() => facts);
    const { reasons, log } = await there.worker(server.wrap);
    await there.settle();
    expect(reasons.size).toBe(0);
    facts = { problem, aheadMs: 0 };
    if (reconnects) server.reconnect();
    const began = there.clock.monotonic();
    await there.until(() => reasons.size > 0, 'it is found');
    expect(there.clock.monotonic() - began).toBeLessThanOrEqual(waitMs + 100);
    expect([...reasons]).toEqual([
      ['redis server', expect.stringMatching(/allkeys-lru \(set `maxmemory-policy noeviction`/)],
    ]);
    expect(log.entries.filter(({ level }) => level === 'warn')).toHaveLength(1);
    facts = RIGHT;
    await there.until(() => reasons.size === 0, 'it is mended');
  });
});
