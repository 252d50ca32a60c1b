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

  /** Keeps the connection busy, and never ends. */
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
      ['where it never answers', () => undefined],
      [
        'where it begins an answer and goes silent',
        (_, response) => void response.writeHead(200).write('{"id"'),
      ],
      ['where it answers a byte at a time', drip],
      ['where it hangs up', (request) => request.destroy()],
      [
        'where it hangs up in the midst of an answer',
        (_, response) => response.writeHead(200).write('{"id"', () => response.destroy()),
      ],
      ['where it answers without end', flood],
      ['where it answers 500', status(500, '{"error_code":50001,"message":"store down"}')],
      ['where it answers 500 with null', status(500, 'null')],
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

  it('is asked once, whatever it answers', async () => {
    let asked = 0;
    answer = (_, response) => {
      asked += 1;
      response.writeHead(503).end();
    };
    for (const [, call] of calls)
      await expect(call()).rejects.toMatchObject({ code: 'registry-unavailable' });
    expect(asked).toBe(calls.length);
  });

  it('may hold schemas that are no Avro: they are unreadable, and those in JSON are not compiled', async () => {
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

  describe('a schema that refers to others', () => {
    const referring = (schema: object, ...names: string[]): string =>
      JSON.stringify({
        schema: JSON.stringify(schema),
        references: names.map((name) => ({ name, subject: `s/${name}`, version: 1 })),
      });
    const record = (name: string, type: string) => ({ type: 'record', name, fields: [{ name: 'f', type }] });
    const whole = referring(record('A', 'B'), 'B');
    /** Answers by the end of the path. */
    const answers = (by: Readonly<Record<string, RequestListener>>): void => {
      answer = (request, response) => {
        const { pathname } = new URL(request.url ?? '', 'http://registry');
        by[pathname.replace('/apis/v7/', '')]?.(request, response);
      };
    };

    it('is read with them, and with those that they refer to', async () => {
      answers({
        'schemas/ids/1': status(200, whole),
        'subjects/s%2FB/versions/1': status(200, referring(record('B', 'C'), 'C')),
        'subjects/s%2FC/versions/1': status(200, referring(record('C', 'string'))),
      });
      const b = { ...record('B', ''), fields: [{ name: 'f', type: record('C', 'string') }] };
      expect(described(await registry.schemaById(1))).toEqual({
        ...record('A', ''),
        fields: [{ name: 'f', type: b }],
      });
    });

    it('is unreadable where the registry says that it does not have one of them', async () => {
      answers({
        'schemas/ids/1': status(200, whole),
        'subjects/s%2FB/versions/1': status(404, '{"error_code":40402}'),
      });
      expect(await registry.schemaById(1)).toBe('unreadable');
    });

    it.each<[string, RequestListener]>([
      ['a proxy answers for one of them', status(404, '<html>404 not found</html>')],
      ['the registry fails to answer for one of them', status(500, '{}')],
      ['one of them never comes', () => undefined],
    ])('waits for the registry where %s', async (_, listener) => {
      answers({ 'schemas/ids/1': status(200, whole), 'subjects/s%2FB/versions/1': listener });
      await expect(registry.schemaById(1)).rejects.toMatchObject({ code: 'registry-unavailable' });
    });

    it('waits for the registry where what it refers to is no reference', async () => {
      for (const references of [5, [null], [{ name: 'B' }]]) {
        answer = status(200, JSON.stringify({ schema: '"string"', references }));
        await expect(registry.schemaById(1)).rejects.toMatchObject({ code: 'registry-unavailable' });
      }
    });

    it('has the time of one call for all of them', async () => {
      let asked = 0;
      answer = (_, response) => {
        asked += 1;
        setTimeout(() => response.end(referring(record(`R${asked}`, 'string'), `R${asked + 1}`)), 100);
      };
      await expect(registry.schemaById(1)).rejects.toMatchObject({ code: 'registry-unavailable' });
      expect(asked).toBeLessThan(5);
    });
  });
});
