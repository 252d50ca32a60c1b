import { parseRedisUrl, type RedisAddress } from '../../src/base/redis-url';
import { topologyOf } from '../../src/store/topology';

const of = (url: string): RedisAddress => parseRedisUrl(url) as RedisAddress;
const info = (fields: Record<string, string>): string =>
  Object.entries({ redis_mode: 'standalone', role: 'master', cluster_enabled: '0', ...fields })
    .map(([name, value]) => `${name}:${value}\r\n`)
    .join('');
const REPLICA = { role: 'slave', master_host: '10.0.0.7', master_port: '6380' };

describe('the topology at a redis:// URL', () => {
  it.each([
    ['redis://a', info({}), 'single'],
    ['redis://a/2', info({}), 'single'],
    ['redis://a', info({ cluster_enabled: '1' }), 'cluster'],
    ['redis://a,b', info({ cluster_enabled: '1' }), 'cluster'],
    ['redis://a?cluster=true', info({ cluster_enabled: '1', ...REPLICA }), 'cluster'],
    ['redis://a', null, 'single'],
    ['redis://a,b', null, 'cluster'],
    ['redis://a?cluster=true', null, 'cluster'],
  ])('of %s with INFO %j is %s', (url, answer, topology) => {
    expect(topologyOf(of(url), answer)).toBe(topology);
  });

  it.each([
    ['redis://a', info(REPLICA), 'redis-replica', '10.0.0.7:6380'],
    ['redis://a', info({ redis_mode: 'sentinel' }), 'config-invalid', 'redis+sentinel://'],
    ['redis://a', 'server_name:valkey\r\nserver_mode:sentinel\r\n', 'config-invalid', 'redis+sentinel://'],
    ['redis://a,b', info({}), 'config-invalid', 'in no cluster'],
    ['redis://a?cluster=true', info({}), 'config-invalid', 'in no cluster'],
    ['redis://a/1', info({ cluster_enabled: '1' }), 'config-invalid', 'no database but 0'],
  ])('of %s with INFO %j is refused: %s', (url, answer, code, message) => {
    expect(() => topologyOf(of(url), answer)).toThrow(
      expect.objectContaining({ code, message: expect.stringContaining(message) as string }) as Error,
    );
  });
});
