import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { confluentRegistry } from '../../src/feedback/registry.confluent';
import type { SchemaRegistrar } from '../../src/feedback/registry';
import { describeWithServers } from '../servers/servers';
import { described, registryContract } from './registry.contract';

describeWithServers(['registry'], 'the registry over HTTP', (servers) => {
  const run = `${process.pid}-${Date.now()}`;
  registryContract(
    () => confluentRegistry({ url: servers.registryUrl, timeoutMs: 10_000 }),
    (test) => `registry-contract-${run}-${test}`,
  );
});

describe('a registry that does not do its part', () => {
  let server: Server;
  let answer: RequestListener;
  let registry: SchemaRegistrar;

  beforeEach(async () => {
    server = createServer((request, response) => answer(request, response)).listen(0, '127.0.0.1');
    await new Promise((resolve) => server.once('listening', resolve));
    const { port } = server.address() as AddressInfo;
    registry = confluentRegistry({ url: `http://us%40er:p%3Ass@127.0.0.1:${port}/apis/v7/`, timeoutMs: 300 });
  });

  afterEach(() => {
    server.closeAllConnections();
    server.close();
  });

  const calls: readonly [string, () => Promise<unknown>][] = [
    ['schemaById', () => registry.schemaById(1)],
    ['idOf', () => registry.idOf('s', '"string"')],
    ['compatibility', () => registry.compatibility('s')],
    ['setCompatibility', () => registry.setCompatibility('s', 'FULL_TRANSITIVE')],
    ['register', () => registry.register('s', '"string"')],
  ];
  const status =
    (code: number, body: string): RequestListener =>
    (_request, response) => {
      response.writeHead(code).end(body);
    };

  describe.each(calls)('%s is registry-unavailable', (_name, call) => {
    it.each<[string, RequestListener]>([
      ['where it never answers', () => undefined],
      [
        'where it begins an answer and goes silent',
        (_, response) => void response.writeHead(200).write('{"id"'),
      ],
      ['where it hangs up', (request) => request.destroy()],
      ['where it answers 500', status(500, '{"error_code":50001,"message":"store down"}')],
      ['where it answers 429', status(429, '{"error_code":40403}')],
      ['where a proxy answers 404', status(404, '<html>404 not found</html>')],
      ['where it answers 404 for a path that it does not have', status(404, '{"error_code":404}')],
      ['where it sends us elsewhere', (_, response) => void response.writeHead(302, { location: '/' }).end()],
    ])('%s', async (_case, listener) => {
      answer = listener;
      await expect(call()).rejects.toMatchObject({ code: 'registry-unavailable', retriable: true });
    });
  });

  it.each(calls)('%s is access-refused where it answers 401 or 403: no outage', async (_name, call) => {
    for (const code of [401, 403]) {
      answer = status(code, '{"error_code":40101,"message":"who are you"}');
      await expect(call()).rejects.toMatchObject({ code: 'access-refused', retriable: false });
    }
  });

  it.each(calls.filter(([name]) => name !== 'setCompatibility'))(
    '%s is registry-unavailable where the answer is not its own',
    async (_name, call) => {
      for (const body of [
        '<html>welcome</html>',
        '',
        '[]',
        'null',
        '{"id":"1","schema":1,"compatibilityLevel":null}',
      ]) {
        answer = status(200, body);
        await expect(call()).rejects.toMatchObject({ code: 'registry-unavailable' });
      }
    },
  );

  it('is unavailable where nobody listens, and says so without the password', async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
    const error: unknown = await registry.schemaById(1).catch((reason: unknown) => reason);
    expect(error).toMatchObject({
      code: 'registry-unavailable',
      message: expect.stringContaining('ECONNREFUSED'),
    });
    expect(String(error)).not.toContain('p:ss');
  });

  it('has no level for a subject where it says so, or that the subject is not there', async () => {
    for (const code of [40401, 40408]) {
      answer = status(404, JSON.stringify({ error_code: code }));
      expect(await registry.compatibility('s')).toBeNull();
    }
  });

  it('is asked under the path of its address, with its user and password, and names escaped', async () => {
    const seen: unknown[] = [];
    answer = (request, response) => {
      seen.push(request.method, request.url, request.headers.authorization);
      response.writeHead(200).end('{"id":5,"schema":"\\"string\\""}');
    };
    expect(described(await registry.schemaById(-3))).toBe('string');
    expect(await registry.idOf('a/b-value', '"string"')).toBe(5);
    const authorization = `Basic ${Buffer.from('us@er:p:ss').toString('base64')}`;
    expect(seen).toEqual([
      'GET',
      '/apis/v7/schemas/ids/-3',
      authorization,
      'POST',
      '/apis/v7/subjects/a%2Fb-value',
      authorization,
    ]);
  });
});
