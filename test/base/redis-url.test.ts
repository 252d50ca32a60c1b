import { parseRedisUrl } from '../../src/base/redis-url';

const one = { primaryName: null, cluster: false, tls: false, database: 0 };
const h = (host: string, port = 6379) => ({ host, port });

describe('the URL of Redis', () => {
  it.each([
    ['redis://h', { ...one, hosts: [h('h')] }],
    ['redis://h:1/2', { ...one, hosts: [h('h', 1)], database: 2 }],
    [
      'rediss://me:p%40ss,word@h',
      { ...one, hosts: [h('h')], tls: true, username: 'me', password: 'p@ss,word' },
    ],
    ['redis://:secret@h?cluster=true', { ...one, hosts: [h('h')], password: 'secret', cluster: true }],
    ['redis://a:1, b ,[::1]:3', { ...one, hosts: [h('a', 1), h('b'), h('::1', 3)] }],
    ['redis+sentinel://a,b:2/main', { ...one, hosts: [h('a', 26379), h('b', 2)], primaryName: 'main' }],
    [
      'rediss+sentinel://me:x@a/m%20n/3',
      {
        hosts: [h('a', 26379)],
        primaryName: 'm n',
        cluster: false,
        tls: true,
        username: 'me',
        password: 'x',
        database: 3,
      },
    ],
  ])('%s names hosts, user and database', (text, address) => {
    expect(parseRedisUrl(text)).toEqual(address);
  });

  it.each([
    ['', 'is not a URL'],
    ['localhost:6379', 'is not a URL'],
    ['redis://a:1:2', 'is not a URL'],
    ['redis://a,b:x', 'is not a URL'],
    ['redis://u:p/w@h', 'is not a URL'],
    ['http://h', 'does not begin with'],
    ['sentinel://h/main', 'does not begin with'],
    ['redis://', 'names no host'],
    ['redis://a,,b', 'names no host'],
    ['redis://a/x', 'no database number'],
    ['redis://a/1/2', 'no database number'],
    ['redis+sentinel://a', 'names no primary'],
    ['redis+sentinel://a/', 'names no primary'],
    ['redis+sentinel://a/main/x', 'no database number'],
    ['redis://u:100%@h', 'write % as %25'],
  ])('%j is refused', (text, problem) => {
    expect(parseRedisUrl(text)).toEqual({ problem: expect.stringContaining(problem) as string });
  });
});
