import { readFileSync } from 'node:fs';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { freePort } from '../servers/child';
import { type KafkaServer, startKafka } from '../servers/kafka';
import { type RedisServer, startRedis } from '../servers/redis';
import type { Certificates } from './certificates';

export const PASSWORD = 's3cret-pass';

/** Kafka with a listener for SASL over TLS, one for client certificates, and one without a log-in for the set-up. */
export interface SecuredKafka {
  readonly server: KafkaServer;
  readonly open: string;
  readonly sasl: string;
  readonly mutual: string;
}

/** Users `efs` (all mechanisms) and `stranger` (SCRAM-SHA-512), without rights but those of access lists. */
export async function startSecuredKafka({ ca, both }: Certificates): Promise<SecuredKafka> {
  const [sasl, mutual] = [await freePort(), await freePort()];
  const scram = (mechanism: string, user: string): string[] => [
    '--add-scram',
    `${mechanism}=[name=${user},password=${PASSWORD}]`,
  ];
  const jaas = 'org.apache.kafka.common.security';
  const server = await startKafka({
    format: [
      ...scram('SCRAM-SHA-256', 'efs'),
      ...scram('SCRAM-SHA-512', 'efs'),
      ...scram('SCRAM-SHA-512', 'stranger'),
    ],
    properties: (all) => ({
      listeners: `${all['listeners']},SASL://127.0.0.1:${sasl},MUTUAL://127.0.0.1:${mutual}`,
      'advertised.listeners': `${all['advertised.listeners']},SASL://127.0.0.1:${sasl},MUTUAL://127.0.0.1:${mutual}`,
      'listener.security.protocol.map': `${all['listener.security.protocol.map']},SASL:SASL_SSL,MUTUAL:SSL`,
      'inter.broker.listener.name': 'PLAINTEXT',
      'ssl.keystore.type': 'PEM',
      'ssl.keystore.location': both,
      'ssl.truststore.type': 'PEM',
      'ssl.truststore.location': ca,
      'listener.name.mutual.ssl.client.auth': 'required',
      'sasl.enabled.mechanisms': 'PLAIN,SCRAM-SHA-256,SCRAM-SHA-512',
      'listener.name.sasl.plain.sasl.jaas.config': `${jaas}.plain.PlainLoginModule required user_efs="${PASSWORD}";`,
      'listener.name.sasl.scram-sha-256.sasl.jaas.config': `${jaas}.scram.ScramLoginModule required;`,
      'listener.name.sasl.scram-sha-512.sasl.jaas.config': `${jaas}.scram.ScramLoginModule required;`,
      'authorizer.class.name': 'org.apache.kafka.metadata.authorizer.StandardAuthorizer',
      'super.users': 'User:ANONYMOUS;User:CN=peer',
    }),
  });
  const at = (port: number): string => `127.0.0.1:${port}`;
  return { server, open: server.brokers.join(','), sasl: at(sasl), mutual: at(mutual) };
}

/** Redis that takes TLS, and a user `efs` with these rules (those of `ACL SETUSER`, without a password). */
export async function startSecuredRedis(
  { ca, cert, key }: Certificates,
  rules: string,
): Promise<{ server: RedisServer; urlOf(password: string): string }> {
  const port = await freePort();
  const files = ['--tls-cert-file', cert, '--tls-key-file', key, '--tls-ca-cert-file', ca];
  const user = ['--user', 'efs', 'on', `>${PASSWORD}`, ...rules.split(' ')];
  const server = await startRedis({
    args: ['--tls-port', String(port), ...files, '--tls-auth-clients', 'optional', ...user],
  });
  return { server, urlOf: (password) => `rediss://efs:${password}@127.0.0.1:${port}` };
}

/** A registry behind TLS and basic authentication: forwards the requests of the user `efs`. */
export async function startRegistryFront(
  { cert, key }: Certificates,
  registryUrl: string,
): Promise<{ urlOf(password: string): string; close(): void }> {
  const wanted = `Basic ${Buffer.from(`efs:${PASSWORD}`).toString('base64')}`;
  const behind = new URL(registryUrl);
  const server = createServer({ cert: readFileSync(cert), key: readFileSync(key) }, (request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      if (request.headers.authorization !== wanted) {
        response.writeHead(401).end('{"error_code":40101,"message":"Unauthorized"}');
        return;
      }
      const { method = 'GET', url = '' } = request;
      const body = chunks.length > 0 ? { body: Buffer.concat(chunks) } : {};
      const headers = { 'content-type': 'application/vnd.schemaregistry.v1+json' };
      void fetch(`${behind.origin}${url}`, { method, headers, ...body }).then(async (answer) =>
        response.writeHead(answer.status).end(await answer.text()),
      );
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    urlOf: (password) => `https://efs:${password}@127.0.0.1:${port}${behind.pathname}`,
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}
