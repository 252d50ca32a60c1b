import { createHealth } from '../../src/queries/health';

describe('health', () => {
  test('is not ready at first', () => {
    expect(createHealth().reasons()).toEqual({ starting: 'starting' });
    expect(createHealth({}).reasons()).toEqual({});
  });

  test('is ready when every reason has been taken back by who gave it', () => {
    const health = createHealth({});
    health.set('redis', 'does not answer');
    health.set('kafka', 'no brokers');
    health.set('kafka', 'no leader');
    expect(Object.entries(health.reasons())).toEqual([
      ['kafka', 'no leader'],
      ['redis', 'does not answer'],
    ]);
    health.set('redis', null);
    health.set('unknown', null);
    expect(health.reasons()).toEqual({ kafka: 'no leader' });
    health.set('kafka', null);
    expect(health.reasons()).toEqual({});
    expect(health.failure()).toBeNull();
  });

  test('is ready whatever warnings stand', () => {
    const health = createHealth({});
    health.warn('b', 'mend b');
    health.warn('a', 'mend a');
    health.warn('a', 'mend a now');
    expect(health.reasons()).toEqual({});
    expect(health.warnings()).toEqual([
      { key: 'a', warning: 'mend a now' },
      { key: 'b', warning: 'mend b' },
    ]);
    health.warn('b', null);
    expect(health.warnings()).toHaveLength(1);
  });

  test('stays failed once it has failed, for the first reason', () => {
    const health = createHealth({});
    health.fail('position lost');
    health.fail('again');
    health.set('failed', null);
    expect(health.failure()).toBe('position lost');
    expect(health.reasons()).toEqual({ failed: 'position lost' });
  });
});
