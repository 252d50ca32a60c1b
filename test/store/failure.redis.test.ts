import { redisFailure } from '../../src/store/failure.redis';
import { ageIn, evictionIn, replicaIn } from '../../src/store/info';

describe('a Redis that takes no writes', () => {
  test('is named READONLY where it refuses a command', () => {
    const reply = Object.assign(new Error("READONLY You can't write against a read only replica."), {
      name: 'ReplyError',
    });
    expect(redisFailure(reply)).toMatchObject({
      code: 'redis-unavailable',
      server: expect.stringContaining('READONLY'),
    });
  });

  test('is named READONLY where it says that it is a replica', () => {
    expect(replicaIn('role:slave\r\nmaster_host:h\r\nmaster_port:1\r\n')).toMatchObject({
      code: 'redis-replica',
      message: expect.stringContaining('h:1 and takes no writes (READONLY)'),
    });
    expect(replicaIn('role:master\r\n')).toBeNull();
  });
});

test.each([
  ['allkeys-lru', 'redis-evicts'],
  ['noeviction', undefined],
])('a Redis with the policy %s is %s', (policy, code) => {
  expect(evictionIn(`maxmemory_policy:${policy}\r\n`)?.code).toBe(code);
});

test.each([
  ['6.2.14', 'config-invalid'],
  ['7.0.15', undefined],
])('a Redis %s is judged by its age: %s', (version, code) => {
  expect(ageIn(`redis_version:${version}\r\n`)?.code).toBe(code);
});
