import { createServer, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { type AddressInfo } from 'node:net';
import { readFileSync } from 'node:fs';
import { createSecureContext } from 'node:tls';
import { type OauthClient, requestToken } from '../../src/app/oauth-token';
import { type Certificates, makeCertificates } from '../security/certificates';

describe('the token endpoint', () => {
  let server: Server;
  let answer: (response: ServerResponse) => void;
  let authorization: string | undefined;

  const client = (changes: Partial<OauthClient> = {}): OauthClient => ({
    tokenUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}/oauth2/token?tenant=s3cret`,
    clientId: 'efs',
    clientSecret: () => 's3cret',
    scope: '',
    timeoutMs: 300,
    tls: {},
    ...changes,
  });
  const answerWith = (status: number, body: string) => (response: ServerResponse) => {
    response.writeHead(status).end(body);
  };

  beforeAll(async () => {
    server = createServer((request, response) => {
      authorization = request.headers.authorization;
      answer(response);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  });

  afterAll(() => {
    server.closeAllConnections();
    server.close();
  });

  it('gives a token with its lifetime, or a lifetime of a minute where it has no expires_in', async () => {
    answer = answerWith(200, '{"access_token":"abc","token_type":"Bearer","expires_in":300}');
    expect(await requestToken(client())).toEqual({ value: 'abc', lifetimeMs: 300_000 });
    answer = answerWith(200, '{"access_token":"abc","token_type":"Bearer"}');
    expect(await requestToken(client())).toEqual({ value: 'abc', lifetimeMs: 60_000 });
  });

  it('receives client id and secret form-encoded, as in RFC 6749', async () => {
    answer = answerWith(200, '{"access_token":"abc","expires_in":300}');
    await requestToken(client({ clientId: 'a:b', clientSecret: () => 'ä +/' }));
    expect(Buffer.from(authorization?.slice('Basic '.length) ?? '', 'base64').toString()).toBe(
      'a%3Ab:%C3%A4+%2B%2F',
    );
  });

  it.each([
    [
      401,
      '{"error":"invalid_client","error_description":"no such client"}',
      'invalid_client: no such client',
    ],
    [401, 'no', 'HTTP 401'],
    [400, '{"error":"invalid_scope"}', 'HTTP 400: invalid_scope'],
  ])('answering %d %s is a refusal', async (status, body, detail) => {
    answer = answerWith(status, body);
    const failure = await requestToken(client()).catch((error: unknown) => error);
    expect(failure).toMatchObject({ code: 'access-refused', retriable: false });
    expect(String(failure)).toMatch(/token endpoint http:\/\/127\.0\.0\.1:\d+\/oauth2\/token: /);
    expect(String(failure)).toContain(detail);
    expect(String(failure)).not.toContain('s3cret');
  });

  it.each<[string, (response: ServerResponse) => void]>([
    ['a 503', answerWith(503, '')],
    ['a 429 with an OAuth error', answerWith(429, '{"error":"slow_down"}')],
    ['a 400 of something else', answerWith(400, '<html>Bad Request</html>')],
    ['a redirection', (response) => response.writeHead(302, { location: 'http://127.0.0.1/' }).end()],
    ['a 200 without a token', answerWith(200, '{}')],
    ['a body without end', (response) => response.write('{')],
    ['no answer', () => undefined],
    ['a closed connection', (response) => response.destroy()],
    ['five MiB', answerWith(200, `${' '.repeat(5 << 20)}{"access_token":"abc"}`)],
  ])('answering with %s is an outage', async (_, how) => {
    answer = how;
    await expect(requestToken(client())).rejects.toMatchObject({
      code: 'token-unavailable',
      retriable: true,
      message: expect.stringContaining('token endpoint http://127.0.0.1'),
    });
  });

  it('refusing the connection is an outage', async () => {
    await expect(requestToken(client({ tokenUrl: 'http://127.0.0.1:1/token' }))).rejects.toMatchObject({
      code: 'token-unavailable',
      message: 'token endpoint http://127.0.0.1:1/token: connect ECONNREFUSED 127.0.0.1:1',
    });
  });

  it('is trusted over TLS with its CA, and not without', async () => {
    const certificates: Certificates = await makeCertificates();
    const [cert, key, ca] = [certificates.cert, certificates.key, certificates.ca].map((file) =>
      readFileSync(file),
    );
    const secure = createTlsServer({ cert, key }, (_, response) =>
      answerWith(200, '{"access_token":"abc","expires_in":300}')(response),
    );
    await new Promise<void>((resolve) => secure.listen(0, '127.0.0.1', resolve));
    const tokenUrl = `https://127.0.0.1:${(secure.address() as AddressInfo).port}/token`;
    try {
      const tls = { secureContext: createSecureContext({ ca }) };
      expect(await requestToken(client({ tokenUrl, tls, timeoutMs: 5_000 }))).toMatchObject({ value: 'abc' });
      await expect(requestToken(client({ tokenUrl, timeoutMs: 5_000 }))).rejects.toThrow(/certificate/);
    } finally {
      secure.closeAllConnections();
      secure.close();
      certificates.remove();
    }
  });
});
