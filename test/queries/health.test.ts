import { createHealth } from '../../src/queries/health';

describe('health', () => {
  test('is not ready at first', () => {
    expect(createHealth(undefined, () => 1).reasons()).toEqual([
      { key: 'starting', reason: 'starting', since: 1 },
    ]);
    expect(createHealth({}).reasons()).toEqual([]);
  });

  test('is ready when every reason has been cleared by its key, and a key keeps its time when its reason changes', () => {
    let now = 1;
    const health = createHealth({}, () => now++);
    health.set('redis', 'does not answer');
    health.set('kafka', 'no brokers');
    health.set('kafka', 'no leader');
    const noLeader = { key: 'kafka', reason: 'no leader', since: 2 };
    expect(health.reasons()).toEqual([noLeader, { key: 'redis', reason: 'does not answer', since: 1 }]);
    health.set('redis', null);
    health.set('unknown', null);
    expect(health.reasons()).toEqual([noLeader]);
    health.set('kafka', null);
    expect(health.reasons()).toEqual([]);
    expect(health.failure()).toBeNull();
  });

  test('is ready despite warnings', () => {
    const health = createHealth({});
    health.warn('b', 'fix b');
    health.warn('a', 'fix a');
    health.warn('a', 'fix a now');
    expect(health.reasons()).toEqual([]);
    expect(health.warnings()).toEqual([
      { key: 'a', warning: 'fix a now' },
      { key: 'b', warning: 'fix b' },
    ]);
    health.warn('b', null);
    expect(health.warnings()).toHaveLength(1);
  });

  test('stays failed once it has failed, for the first reason', () => {
    const health = createHealth({}, () => 1);
    health.fail('position lost');
    health.fail('again');
    health.set('failed', null);
    expect(health.failure()).toBe('position lost');
    expect(health.reasons()).toEqual([{ key: 'failed', reason: 'position lost', since: 1 }]);
  });
});
