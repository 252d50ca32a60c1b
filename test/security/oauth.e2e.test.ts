import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { efs } from '../cli/process';
import type { Front } from '../outages/front';
import { freePort, pollMs } from '../servers/child';
import type { KafkaServer } from '../servers/kafka';
import { describeWithServers } from '../servers/servers';
import { CLIENT, startOauthKafka, startTokenEndpoint, type TokenEndpoint } from './oauth';

const CLI = join(__dirname, '..', '..', 'dist', 'cli.js');
/** A token is replaced after four fifths of its lifetime: what is left is no shorter than a session. */
const TOKEN_SECONDS = 20;
const SESSION_MS = 4_000;

describeWithServers(['own-kafka', 'registry', 'redis'], 'SASL OAUTHBEARER', (servers) => {
  let endpoint: TokenEndpoint;
  let kafka: { server: KafkaServer; open: string; front: Front };

  beforeAll(async () => {
    endpoint = await startTokenEndpoint(TOKEN_SECONDS);
    kafka = await startOauthKafka(endpoint.jwks, SESSION_MS);
    expect(
      await efs(['setup', '--partitions', '2'], { ...others(), EFS_KAFKA_BROKERS: kafka.open }),
    ).toMatchObject({
      exitCode: 0,
      err: '',
    });
  }, 90_000);

  afterAll(async () => {
    endpoint?.close();
    await kafka?.front.refuse();
    await kafka?.server.stop();
  }, 30_000);

  const others = (): Record<string, string> => ({
    EFS_SCHEMA_REGISTRY_URL: servers.registryUrl,
    EFS_REDIS_URL: servers.redisUrl,
    EFS_TOPIC_PREFIX: 'oauth.',
  });
  const settings = (secret = CLIENT.secret): Record<string, string> => ({
    ...others(),
    EFS_KAFKA_BROKERS: new URL(kafka.front.url).host,
    EFS_KAFKA_SASL: 'oauthbearer',
    EFS_KAFKA_OAUTH_TOKEN_URL: endpoint.url,
    EFS_KAFKA_OAUTH_CLIENT_ID: CLIENT.id,
    EFS_KAFKA_OAUTH_CLIENT_SECRET: secret,
    EFS_KAFKA_OAUTH_SCOPE: 'kafka read',
    EFS_KAFKA_OAUTH_EXTENSIONS: 'logicalCluster=lkc-1,identityPoolId=pool-1',
  });
  const letters = (secret?: string) => efs(['dead-letters', 'list'], settings(secret));

  test('Kafka accepts a token; the client requests one once, with the scope', async () => {
    endpoint.requests.length = 0;
    expect(await letters()).toEqual({ exitCode: 0, err: '', out: 'no dead letters\n' });
    expect(endpoint.requests).toEqual(['grant_type=client_credentials&scope=kafka+read']);
  });

  test('a client that the endpoint refuses ends with 2, and its error names the endpoint', async () => {
    const ended = await letters('wrong-secret');
    expect(ended).toMatchObject({ exitCode: 2 });
    expect(ended.err).toMatch(
      /^error: token endpoint http:\S+: HTTP 401: invalid_client: wrong secret\nremedy: correct the user/,
    );
    expect(ended.err).not.toContain('wrong-secret');
  });

  test('a client whose token Kafka refuses ends with 2 instead of waiting', async () => {
    const restore = endpoint.forge();
    const ended = await letters();
    restore();
    expect(ended).toMatchObject({
      exitCode: 2,
      err: expect.stringMatching(/^error: Kafka: .*\nremedy: correct the user/),
    });
  });

  test('a command names the endpoint that is unavailable, not Kafka', async () => {
    endpoint.setDown(true);
    const ended = await letters();
    endpoint.setDown(false);
    expect(ended).toMatchObject({ exitCode: 1 });
    expect(ended.err).toMatch(
      /^error: token endpoint http:\S+: HTTP 503\nremedy: see that the endpoint of EFS_KAFKA_OAUTH/,
    );
  });

  test('a worker keeps its connections beyond its tokens, and waits for an endpoint that is unavailable', async () => {
    const port = await freePort();
    const env = {
      PATH: process.env['PATH'],
      ...settings(),
      EFS_HTTP_PORT: String(port),
      EFS_LOG_FORMAT: 'json',
    };
    const worker = spawn(process.execPath, [CLI, 'run'], { env });
    let log = '';
    worker.stdout.on('data', (chunk) => (log += String(chunk)));
    const over = new Promise<number | null>((resolve) => worker.once('close', resolve));
    const until = async (what: string, isDone: () => boolean | Promise<boolean>): Promise<void> => {
      for (const deadline = Date.now() + 150_000; !(await isDone()); await pollMs(200)) {
        if (Date.now() > deadline) throw new Error(`${what} timed out; the log:\n${log}`);
      }
    };
    const counted = (delivery: string) => async (): Promise<boolean> => {
      const answer = await fetch(`http://127.0.0.1:${port}/api/deliveries/${delivery}`);
      return (await answer.text()).includes('"relayed":200');
    };
    const simulate = (seed: number) =>
      efs(['simulate', '--seed', String(seed), '--messages', '200', '--deliveries', '1', '--poison', '0'], {
        ...others(),
        EFS_KAFKA_BROKERS: kafka.open,
      });
    const ready = async (): Promise<boolean> =>
      fetch(`http://127.0.0.1:${port}/readyz`).then(
        ({ ok }) => ok,
        () => false,
      );
    try {
      await until('waited to be ready', ready);
      await simulate(1);
      await until('counted feedback', counted('DM1-1'));

      const [connections, began, before] = [kafka.front.connections(), Date.now(), log.length];
      endpoint.requests.length = 0;
      await until('outlived two tokens', () => endpoint.requests.length === 2);
      await simulate(2);
      await until('counted feedback of later tokens', counted('DM2-1'));
      const tokens = (Date.now() - began) / (TOKEN_SECONDS * 1_000 * 0.8);
      expect(endpoint.requests.length).toBeLessThanOrEqual(Math.ceil(tokens) + 1);
      expect(kafka.front.connections()).toBe(connections);
      expect(log.slice(before)).not.toMatch(/"level":"(warn|error)"/);

      endpoint.setDown(true);
      await until('waited for the outage', () => log.includes('"msg":"token endpoint does not answer'));
      expect(await ready()).toBe(false);
      endpoint.setDown(false);
      await until('waited for its end', () => log.includes('"msg":"token endpoint answers again'));
      await until('waited to be ready again', ready);
      expect(log.slice(before)).not.toMatch(/"level":"error"/);
      // A connection without a token for its re-authentication refuses the next request by the state of its SASL exchange.
      const ofKafka = log
        .slice(before)
        .split('\n')
        .filter((line) => line.includes('kafka does not answer'));
      expect(ofKafka.filter((line) => !line.includes('current SASL state'))).toEqual([]);
    } finally {
      worker.kill('SIGTERM');
    }
    expect(await over).toBe(0);
  }, 300_000);
});
