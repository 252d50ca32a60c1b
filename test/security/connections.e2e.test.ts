import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { kafkaClient } from '../../src/kafka/client.kafka';
import { efs } from '../cli/process';
import { type Server, freePort, pollMs } from '../servers/child';
import { type RegistryServer, startRegistry } from '../servers/registry';
import { describeWithServers } from '../servers/servers';
import { type Certificates, makeCertificates } from './certificates';
import { redisRules, workerAcls } from './rights';
import {
  PASSWORD,
  type SecuredKafka,
  startRegistryFront,
  startSecuredKafka,
  startSecuredRedis,
} from './secured';

const CLI = join(__dirname, '..', '..', 'dist', 'cli.js');
const REFUSED = /^error: .*\nremedy: correct the user, the password or the certificate/;
const UNTRUSTED = /^error: .*\nremedy: see that the server uses TLS/;

describeWithServers(['own-kafka', 'own-registry', 'own-redis'], 'secured servers', () => {
  let certificates: Certificates;
  let kafka: SecuredKafka;
  let registry: RegistryServer;
  let front: Awaited<ReturnType<typeof startRegistryFront>>;
  let redis: Awaited<ReturnType<typeof startSecuredRedis>>;

  beforeAll(async () => {
    certificates = await makeCertificates();
    [kafka, registry, redis] = await Promise.all([
      startSecuredKafka(certificates),
      startRegistry(),
      startSecuredRedis(certificates, redisRules()),
    ]);
    front = await startRegistryFront(certificates, registry.url);
    const admin = { EFS_KAFKA_BROKERS: kafka.open, ...registryAs() };
    expect(await efs(['setup', '--partitions', '2'], admin)).toMatchObject({ exitCode: 0, err: '' });
    const client = kafkaClient({ brokers: kafka.open.split(','), clientId: 'test' }).admin();
    await client.connect();
    await client.createAcls({ acl: workerAcls('User:efs') });
    await client.disconnect();
  }, 90_000);

  afterAll(async () => {
    front.close();
    await Promise.all(
      [kafka.server, registry, redis.server].map((each: Pick<Server, 'stop'>) => each.stop()),
    );
    certificates.remove();
  });

  const kafkaAs = (mechanism = 'scram-sha-512', password = PASSWORD, user = 'efs') => ({
    EFS_KAFKA_BROKERS: kafka.sasl,
    EFS_KAFKA_TLS: 'on',
    EFS_KAFKA_CA_FILE: certificates.ca,
    EFS_KAFKA_SASL: mechanism,
    EFS_KAFKA_USER: user,
    EFS_KAFKA_PASSWORD: password,
  });
  const registryAs = (password = PASSWORD) => ({
    EFS_SCHEMA_REGISTRY_URL: front.urlOf(password),
    EFS_REGISTRY_CA_FILE: certificates.ca,
  });
  const redisAs = (password = PASSWORD) => ({
    EFS_REDIS_URL: redis.urlOf(password),
    EFS_REDIS_CA_FILE: certificates.ca,
  });
  const letters = (settings: Record<string, string>) => efs(['dead-letters', 'list'], settings);

  /** The command ended with 2 and a remedy, and has not printed the password. */
  const expectMisfit = (ended: Awaited<ReturnType<typeof efs>>, remedy: RegExp): void => {
    expect(ended).toMatchObject({ exitCode: 2, err: expect.stringMatching(remedy) });
    expect(ended.err + ended.out).not.toContain(PASSWORD);
    expect(ended.err + ended.out).not.toContain('wrong-pass');
  };

  test.each(['plain', 'scram-sha-256', 'scram-sha-512'])(
    'Kafka accepts a user with %s, and refuses a wrong password',
    async (mechanism) => {
      expect(await letters(kafkaAs(mechanism))).toEqual({ exitCode: 0, err: '', out: 'no dead letters\n' });
      expectMisfit(await letters(kafkaAs(mechanism, 'wrong-pass')), REFUSED);
    },
  );

  test('Kafka refuses a user without rights', async () => {
    expectMisfit(await letters(kafkaAs('scram-sha-512', PASSWORD, 'stranger')), REFUSED);
  });

  test('the client refuses a broker whose certificate no trusted authority has signed', async () => {
    expectMisfit(await letters({ ...kafkaAs(), EFS_KAFKA_CA_FILE: certificates.otherCa }), UNTRUSTED);
    expectMisfit(await letters({ ...kafkaAs(), EFS_KAFKA_CA_FILE: '' }), UNTRUSTED);
  });

  test('Kafka accepts a client certificate, and refuses a client without one', async () => {
    const tls = { EFS_KAFKA_BROKERS: kafka.mutual, EFS_KAFKA_TLS: 'on', EFS_KAFKA_CA_FILE: certificates.ca };
    const files = { EFS_KAFKA_CERT_FILE: certificates.cert, EFS_KAFKA_KEY_FILE: certificates.key };
    expect(await letters({ ...tls, ...files })).toMatchObject({ exitCode: 0, err: '' });
    expectMisfit(await letters(tls), UNTRUSTED);
  });

  test('Redis accepts the user over TLS, and refuses a wrong password and an untrusted certificate', async () => {
    const delivery = (settings: Record<string, string>) => efs(['delivery', 'unknown'], settings);
    expect(await delivery(redisAs())).toMatchObject({
      exitCode: 1,
      err: expect.stringMatching(/^error: (the state|no KPIs)/),
    });
    expectMisfit(await delivery(redisAs('wrong-pass')), REFUSED);
    expectMisfit(await delivery({ ...redisAs(), EFS_REDIS_CA_FILE: certificates.otherCa }), UNTRUSTED);
  });

  test('the registry accepts the user over TLS, and refuses a wrong password and an untrusted certificate', async () => {
    const setup = (settings: Record<string, string>) =>
      efs(['setup', '--partitions', '2'], { EFS_KAFKA_BROKERS: kafka.open, ...settings });
    expect(await setup(registryAs())).toMatchObject({ exitCode: 0, err: '' });
    expectMisfit(await setup(registryAs('wrong-pass')), REFUSED);
    expectMisfit(await setup({ ...registryAs(), EFS_REGISTRY_CA_FILE: certificates.otherCa }), UNTRUSTED);
  });

  test.each<[string, () => Record<string, string>]>([
    ['Kafka', () => kafkaAs('scram-sha-512', 'wrong-pass')],
    ['Redis', () => redisAs('wrong-pass')],
    ['the registry', () => registryAs('wrong-pass')],
  ])('a worker that %s refuses ends at once instead of waiting', async (_, wrong) => {
    const settings = { ...kafkaAs(), ...registryAs(), ...redisAs(), EFS_HTTP_PORT: '0', ...wrong() };
    expectMisfit(await efs(['run'], settings), /error: .*\nremedy: correct the user/);
  });

  test('a worker with no more rights than the documented ones counts all feedback', async () => {
    const settings = {
      ...{ ...kafkaAs(), ...registryAs(), ...redisAs() },
      ...{ EFS_HTTP_PORT: String(await freePort()), EFS_LOG_FORMAT: 'json' },
    };
    const worker = spawn(process.execPath, [CLI, 'run'], { env: { PATH: process.env['PATH'], ...settings } });
    let log = '';
    worker.stdout.on('data', (chunk) => (log += String(chunk)));
    worker.stderr.on('data', (chunk) => (log += String(chunk)));
    const over = new Promise<number | null>((resolve) => worker.once('close', resolve));
    try {
      const traffic = [
        'simulate',
        '--seed',
        '1',
        '--messages',
        '2000',
        '--deliveries',
        '1',
        '--poison',
        '0.01',
      ];
      const admin = { EFS_KAFKA_BROKERS: kafka.open, ...registryAs() };
      expect(await efs(traffic, admin)).toMatchObject({ exitCode: 0 });
      let seen = '';
      for (let tries = 0; tries < 30 && !seen.includes('"relayed":2000'); tries++) {
        await pollMs(250);
        seen = (await efs(['delivery', 'DM1-1', '--json'], redisAs())).out;
      }
      expect([seen.includes('"relayed":2000'), log.match(/access-refused|"level":"error".*/g)]).toEqual([
        true,
        null,
      ]);
      expect((await letters({ ...kafkaAs(), ...registryAs() })).out).toMatch(/^\d+ of \d+: /m);
    } finally {
      worker.kill('SIGTERM');
    }
    expect([await over, log.includes(PASSWORD)]).toEqual([0, false]);
  });
});
