import { NO_LOG } from '../../src/base/log';
import { readFileSync } from 'node:fs';
import type { IncomingMessage, RequestListener } from 'node:http';
import { createServer, type Server, type ServerOptions } from 'node:https';
import type { AddressInfo } from 'node:net';
import { type ConfluentRegistryOptions, confluentRegistry } from '../../src/avro/registry.confluent';
import { registryOf } from '../../src/app/connect';
import { configFrom } from '../../src/settings/config';
import { type Certificates, makeCertificates } from './certificates';

const pem = (path: string): string => readFileSync(path, 'utf8');

describe('a registry behind TLS', () => {
  let certificates: Certificates;
  let server: Server;
  let seen: IncomingMessage['headers'][];

  beforeAll(async () => {
    certificates = await makeCertificates();
  }, 60_000);
  afterAll(() => certificates.remove());
  beforeEach(() => {
    seen = [];
  });
  afterEach(() => {
    server.closeAllConnections();
    server.close();
  });

  const answer: RequestListener = (request, response) => {
    seen.push(request.headers);
    response.writeHead(200).end('{"id":5,"schema":"\\"string\\""}');
  };

  /** Starts the server; returns its address. */
  async function listen(options: ServerOptions = {}): Promise<string> {
    const own = { cert: pem(certificates.cert), key: pem(certificates.key) };
    server = createServer({ ...own, ...options }, answer).listen(0, '127.0.0.1');
    await new Promise((resolve) => server.once('listening', resolve));
    return `https://127.0.0.1:${(server.address() as AddressInfo).port}/apis`;
  }
  const ask = (options: Pick<ConfluentRegistryOptions, 'url'> & Partial<ConfluentRegistryOptions>) =>
    confluentRegistry({ timeoutMs: 5_000, ...options }).idOf('s', '"string"');

  const FAILED = { code: 'tls-failed', retriable: false };

  it('answers a client that trusts its authority, and gets no request from one that does not', async () => {
    const url = await listen();
    expect(await ask({ url, ca: pem(certificates.ca) })).toBe(5);
    await expect(ask({ url, ca: pem(certificates.otherCa) })).rejects.toMatchObject(FAILED);
    await expect(ask({ url })).rejects.toMatchObject(FAILED);
    expect(seen).toHaveLength(1);
  });

  it('gets no request with a self-signed certificate, nor over plain HTTP', async () => {
    const url = await listen({ cert: pem(certificates.ca), key: pem(certificates.caKey) });
    await expect(ask({ url })).rejects.toMatchObject(FAILED);
    await expect(ask({ url: url.replace('https:', 'http:') })).rejects.toMatchObject({
      code: 'registry-unavailable',
    });
    expect(seen).toEqual([]);
  });

  it('with client certificates answers only a client with a trusted one', async () => {
    const url = await listen({ ca: pem(certificates.ca), requestCert: true, rejectUnauthorized: true });
    const ca = pem(certificates.ca);
    expect(await ask({ url, ca, cert: pem(certificates.cert), key: pem(certificates.key) })).toBe(5);
    await expect(ask({ url, ca })).rejects.toMatchObject(FAILED);
    expect(seen).toHaveLength(1);
  });

  it.each<[string, Record<string, string>, string]>([
    [
      'a user apart from the URL',
      { EFS_REGISTRY_USER: 'KEY', EFS_REGISTRY_PASSWORD: 'a/b+c:d=' },
      'S0VZOmEvYitjOmQ9',
    ],
    ['a bearer token', { EFS_REGISTRY_TOKEN: 'eyJ0.eyJz.s_-i' }, 'eyJ0.eyJz.s_-i'],
  ])('gets the credentials of the settings: %s', async (_, login, proof) => {
    const files = {
      EFS_REGISTRY_CA_FILE: certificates.ca,
      EFS_REGISTRY_CERT_FILE: certificates.cert,
      EFS_REGISTRY_KEY_FILE: certificates.key,
    };
    const url = await listen({ ca: pem(certificates.ca), requestCert: true, rejectUnauthorized: true });
    const config = configFrom({ EFS_SCHEMA_REGISTRY_URL: url, ...files, ...login });
    expect(await registryOf(config, NO_LOG).idOf('s', '"string"')).toBe(5);
    expect(seen.map(({ authorization }) => authorization?.split(' ')[1])).toEqual([proof]);
    expect(seen[0]?.authorization).toMatch(/^(Basic|Bearer) /);
  });

  it('gets the current credentials with each request', async () => {
    const tokens = ['old', 'new'];
    const url = await listen();
    const authorization = (): string => `Bearer ${tokens.shift()}`;
    const registry = confluentRegistry({ url, timeoutMs: 5_000, ca: pem(certificates.ca), authorization });
    await registry.idOf('s', '"string"');
    await registry.idOf('s', '"string"');
    expect(seen.map((headers) => headers.authorization)).toEqual(['Bearer old', 'Bearer new']);
  });
});
