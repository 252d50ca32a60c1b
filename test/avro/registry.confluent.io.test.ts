import { dirname } from 'node:path';
import type * as Ajv from 'ajv';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { confluentRegistry } from '../../src/avro/registry.confluent';
import type { SchemaRegistrar } from '../../src/avro/registry';
import { describeWithServers } from '../servers/servers';
import { described, registryContract } from './registry.contract';

describeWithServers(['registry'], 'the registry over HTTP', (servers) => {
  const run = `${process.pid}-${Date.now()}`;
  registryContract(
    () => confluentRegistry({ url: servers.registryUrl, timeoutMs: 10_000 }),
    (test) => `registry-contract-${run}-${test}`,
  );
});

describe('the registry client', () => {
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

  /** Sends blanks without end. */
  const drip: RequestListener = (_, response) => {
    response.writeHead(200);
    const timer = setInterval(() => response.write(' '), 20);
    response.once('close', () => clearInterval(timer));
  };
  const flood: RequestListener = (_, response) => {
    response.writeHead(200);
    const chunk = Buffer.alloc(1 << 20, ' ');
    const more = (): void => void (response.destroyed || response.write(chunk, more));
    more();
  };

  describe.each(calls)('%s is registry-unavailable', (_name, call) => {
    it.each<[string, RequestListener]>([
      ['where the registry never answers', () => undefined],
      [
        'where the registry stops in the middle of an answer',
        (_, response) => void response.writeHead(200).write('{"id"'),
      ],
      ['where the registry sends a byte at a time without end', drip],
      ['where the registry closes the connection', (request) => request.destroy()],
      [
        'where the registry closes the connection in the middle of an answer',
        (_, response) => response.writeHead(200).write('{"id"', () => response.destroy()),
      ],
      ['where the registry answers without end', flood],
      ['where the registry answers 500', status(500, '{"error_code":50001,"message":"store down"}')],
      ['where the registry answers 500 with null', status(500, 'null')],
      ['where the registry answers 429', status(429, '{"error_code":40403}')],
      ['where a proxy answers 404', status(404, '<html>404 not found</html>')],
      ['where the registry answers 404 for an unknown path', status(404, '{"error_code":404}')],
      [
        'where the registry redirects',
        (_, response) => void response.writeHead(302, { location: '/' }).end(),
      ],
    ])('%s', async (_case, listener) => {
      answer = listener;
      await expect(call()).rejects.toMatchObject({ code: 'registry-unavailable', retriable: true });
    });
  });

  it.each(calls)(
    '%s is access-refused and not retriable where the registry answers 401 or 403',
    async (_name, call) => {
      for (const code of [401, 403]) {
        answer = status(code, '{"error_code":40101,"message":"who are you"}');
        await expect(call()).rejects.toMatchObject({ code: 'access-refused', retriable: false });
      }
    },
  );

  it.each(calls.filter(([name]) => name !== 'setCompatibility'))(
    '%s is registry-unavailable where a 200 has an unexpected body',
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

  it('fails with registry-unavailable, without the password, where the connection is refused', async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
    const error: unknown = await registry.schemaById(1).catch((reason: unknown) => reason);
    expect(error).toMatchObject({
      code: 'registry-unavailable',
      message: expect.stringContaining('ECONNREFUSED'),
    });
    expect(String(error)).not.toContain('p:ss');
  });

  it('returns null as compatibility for a subject without a level and for an unknown subject', async () => {
    for (const code of [40401, 40408]) {
      answer = status(404, JSON.stringify({ error_code: code }));
      expect(await registry.compatibility('s')).toBeNull();
    }
  });

  it('requests the path of the address, with user and password, and escapes subject names', async () => {
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

  it('sends each request once where the registry answers 503', async () => {
    let requests = 0;
    answer = (_, response) => {
      requests += 1;
      response.writeHead(503).end();
    };
    for (const [, call] of calls)
      await expect(call()).rejects.toMatchObject({ code: 'registry-unavailable' });
    expect(requests).toBe(calls.length);
  });

  it('returns unreadable for schemas that are not Avro, and does not compile JSON schemas', async () => {
    const client = dirname(require.resolve('@kafkajs/confluent-schema-registry'));
    const ajv = require(require.resolve('ajv', { paths: [client] })) as typeof Ajv;
    const compile = jest.spyOn(ajv.default.prototype, 'compile');
    const schemas = [
      { schema: '{"type":"object"}', schemaType: 'JSON' },
      { schema: 'syntax = "proto3"; message A {}', schemaType: 'PROTOBUF' },
      { schema: '{"type":"object"}' },
      { schema: '<html>' },
    ];
    for (const schema of schemas) {
      answer = status(200, JSON.stringify(schema));
      expect(await registry.schemaById(1)).toBe('unreadable');
    }
    expect(compile).not.toHaveBeenCalled();
  });

  describe('a schema with references', () => {
    const referring = (schema: object, ...names: string[]): string =>
      JSON.stringify({
        schema: JSON.stringify(schema),
        references: names.map((name) => ({ name, subject: `s/${name}`, version: 1 })),
      });
    const record = (name: string, type: string) => ({ type: 'record', name, fields: [{ name: 'f', type }] });
    const root = referring(record('A', 'B'), 'B');
    /** Answers by the end of the request's path. */
    const answers = (by: Readonly<Record<string, RequestListener>>): void => {
      answer = (request, response) => {
        const { pathname } = new URL(request.url ?? '', 'http://registry');
        by[pathname.replace('/apis/v7/', '')]?.(request, response);
      };
    };

    it('is resolved with its references, also transitive ones', async () => {
      answers({
        'schemas/ids/1': status(200, root),
        'subjects/s%2FB/versions/1': status(200, referring(record('B', 'C'), 'C')),
        'subjects/s%2FC/versions/1': status(200, referring(record('C', 'string'))),
      });
      const b = { ...record('B', ''), fields: [{ name: 'f', type: record('C', 'string') }] };
      expect(described(await registry.schemaById(1))).toEqual({
        ...record('A', ''),
        fields: [{ name: 'f', type: b }],
      });
    });

    it('is unreadable where the registry answers that a reference does not exist', async () => {
      answers({
        'schemas/ids/1': status(200, root),
        'subjects/s%2FB/versions/1': status(404, '{"error_code":40402}'),
      });
      expect(await registry.schemaById(1)).toBe('unreadable');
    });

    it.each<[string, RequestListener]>([
      ['a proxy answers 404 for a reference', status(404, '<html>404 not found</html>')],
      ['the registry answers 500 for a reference', status(500, '{}')],
      ['the registry never answers for a reference', () => undefined],
    ])('is registry-unavailable where %s', async (_, listener) => {
      answers({ 'schemas/ids/1': status(200, root), 'subjects/s%2FB/versions/1': listener });
      await expect(registry.schemaById(1)).rejects.toMatchObject({ code: 'registry-unavailable' });
    });

    it('is registry-unavailable where its references are malformed', async () => {
      for (const references of [5, [null], [{ name: 'B' }]]) {
        answer = status(200, JSON.stringify({ schema: '"string"', references }));
        await expect(registry.schemaById(1)).rejects.toMatchObject({ code: 'registry-unavailable' });
      }
    });

    it('is resolved within the timeout of one call, with all its references', async () => {
      let requests = 0;
      answer = (_, response) => {
        requests += 1;
        setTimeout(() => response.end(referring(record(`R${requests}`, 'string'), `R${requests + 1}`)), 100);
      };
      await expect(registry.schemaById(1)).rejects.toMatchObject({ code: 'registry-unavailable' });
      expect(requests).toBeLessThan(5);
    });
  });
});
