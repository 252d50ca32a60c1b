import { createSign, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { pathToFileURL } from 'node:url';
import { openFront, type Front } from '../outages/front';
import { freePort } from '../servers/child';
import { type KafkaServer, startKafka } from '../servers/kafka';

export const CLIENT = { id: 'efs', secret: 's3cret/of+efs' };

/** A token endpoint for the client above. */
export interface TokenEndpoint {
  readonly url: string;
  /** The URL of a file with the key that its tokens are signed with. */
  readonly jwks: string;
  /** The forms of the requests so far. */
  readonly requests: string[];
  /** Signs with a key that is not in the file, until the returned function is called. */
  forge(): () => void;
  /** Answers 503 from now on, or serves again. */
  setDown(isDown: boolean): void;
  close(): void;
}

const encoded = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');

function jwt(key: KeyObject, lifetimeSeconds: number): string {
  const iat = Math.floor(Date.now() / 1_000);
  const claims = { sub: CLIENT.id, aud: 'kafka', iss: 'test', iat, exp: iat + lifetimeSeconds };
  const signed = `${encoded({ alg: 'RS256', typ: 'JWT', kid: 'test' })}.${encoded(claims)}`;
  return `${signed}.${createSign('RSA-SHA256').update(signed).sign(key, 'base64url')}`;
}

const isClient = (request: IncomingMessage): boolean => {
  const pair = [CLIENT.id, CLIENT.secret].map(encodeURIComponent).join(':');
  return request.headers.authorization === `Basic ${Buffer.from(pair).toString('base64')}`;
};

/** Starts an endpoint whose tokens are valid for so many seconds. */
export async function startTokenEndpoint(lifetimeSeconds: number): Promise<TokenEndpoint> {
  const dir = mkdtempSync(join(tmpdir(), 'efs-test-oauth-'));
  const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const jwks = join(dir, 'jwks.json');
  const jwk = { ...publicKey.export({ format: 'jwk' }), kid: 'test', alg: 'RS256', use: 'sig' };
  writeFileSync(jwks, JSON.stringify({ keys: [jwk] }));
  const requests: string[] = [];
  let key = privateKey;
  let down = false;
  const server = createServer((request, response) => {
    void text(request).then((form) => requests.push(form));
    const [status, body] = down
      ? [503, {}]
      : isClient(request)
        ? [
            200,
            { access_token: jwt(key, lifetimeSeconds), token_type: 'Bearer', expires_in: lifetimeSeconds },
          ]
        : [401, { error: 'invalid_client', error_description: 'wrong secret' }];
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
  });
  const port = await freePort();
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${port}/token`,
    jwks: pathToFileURL(jwks).href,
    requests,
    forge: () => {
      key = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey;
      return () => void (key = privateKey);
    },
    setDown: (isDown) => (down = isDown),
    close: () => {
      server.close();
      rmSync(dir, { recursive: true });
    },
  };
}

/** Kafka that requires a token at one listener, behind a front that counts connections, and no log-in at the other. */
export async function startOauthKafka(
  jwks: string,
  sessionMs: number,
): Promise<{ server: KafkaServer; open: string; front: Front }> {
  const port = await freePort();
  const front = await openFront(`http://127.0.0.1:${port}`);
  const oauth = 'org.apache.kafka.common.security.oauthbearer';
  const server = await startKafka({
    jvm: [`-Dorg.apache.kafka.sasl.oauthbearer.allowed.urls=${jwks}`],
    properties: (all) => ({
      listeners: `${all['listeners']},OAUTH://127.0.0.1:${port}`,
      'advertised.listeners': `${all['advertised.listeners']},OAUTH://${new URL(front.url).host}`,
      'listener.security.protocol.map': `${all['listener.security.protocol.map']},OAUTH:SASL_PLAINTEXT`,
      'inter.broker.listener.name': 'PLAINTEXT',
      'sasl.enabled.mechanisms': 'OAUTHBEARER',
      'connections.max.reauth.ms': sessionMs,
      'listener.name.oauth.oauthbearer.sasl.jaas.config': `${oauth}.OAuthBearerLoginModule required;`,
      'listener.name.oauth.oauthbearer.sasl.server.callback.handler.class': `${oauth}.OAuthBearerValidatorCallbackHandler`,
      'listener.name.oauth.oauthbearer.sasl.oauthbearer.jwks.endpoint.url': jwks,
      'listener.name.oauth.oauthbearer.sasl.oauthbearer.expected.audience': 'kafka',
      'sasl.oauthbearer.jwt.validator.class': `${oauth}.BrokerJwtValidator`,
      'sasl.oauthbearer.jwks.endpoint.url': jwks,
      'sasl.oauthbearer.expected.audience': 'kafka',
      'sasl.oauthbearer.clock.skew.seconds': 0,
    }),
  });
  return { server, open: server.brokers.join(','), front };
}
