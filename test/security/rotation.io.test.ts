import { execFile } from 'node:child_process';
import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { kafkaOf, redisOf } from '../../src/app/connect';
import { closeRedis } from '../../src/store/connect.redis';
import { recordingLog } from '../base/recording-log';
import { pollMs } from '../servers/child';
import { kafkaJars } from '../servers/provision';
import { describeWithServers } from '../servers/servers';
import { ok } from '../settings/reading';
import { type Certificates, makeCertificates } from './certificates';
import { PASSWORD, type SecuredKafka, startSecuredKafka, startSecuredRedis } from './secured';

const NEW_PASSWORD = 'n3w-pass';

describeWithServers(['own-kafka', 'own-redis'], 'rotation of credentials', () => {
  const folder = mkdtempSync(join(tmpdir(), 'efs-test-rotation-'));
  const inFolder = (name: string): string => join(folder, name);
  let [first, second]: [Certificates?, Certificates?] = [];

  /** The files of servers and clients: the certificates of one authority. */
  const take = (from: Certificates | undefined): Certificates => {
    const files = {
      ca: inFolder('ca'),
      cert: inFolder('cert'),
      key: inFolder('key'),
      both: inFolder('both'),
    };
    for (const [name, path] of Object.entries(files)) {
      copyFileSync((from as Certificates)[name as keyof typeof files], path);
    }
    return { ...(from as Certificates), ...files };
  };

  beforeAll(async () => {
    [first, second] = await Promise.all([makeCertificates(), makeCertificates()]);
  }, 60_000);
  afterAll(() => {
    rmSync(folder, { recursive: true });
    first?.remove();
    second?.remove();
  });

  /** Runs an attempt until it succeeds, for at most 20 s: a server has just come back. */
  async function eventually<T>(attempt: () => Promise<T>): Promise<T> {
    for (const deadline = Date.now() + 20_000; ; await pollMs(200)) {
      try {
        return await attempt();
      } catch (error) {
        if (Date.now() > deadline) throw error;
      }
    }
  }

  test('at Kafka: open clients use new certificates and a new SCRAM password', async () => {
    const certificates = take(first);
    const password = inFolder('kafka-password');
    writeFileSync(password, PASSWORD);
    const kafka: SecuredKafka = await startSecuredKafka(certificates);
    const log = recordingLog();
    const tls = { EFS_KAFKA_TLS: 'on', EFS_KAFKA_CA_FILE: certificates.ca };
    const login = {
      EFS_KAFKA_SASL: 'scram-sha-512',
      EFS_KAFKA_USER: 'efs',
      EFS_KAFKA_PASSWORD_FILE: password,
    };
    const pair = { EFS_KAFKA_CERT_FILE: certificates.cert, EFS_KAFKA_KEY_FILE: certificates.key };
    const clients = [
      kafkaOf(ok({ ...tls, ...login, EFS_KAFKA_BROKERS: kafka.sasl }), log).admin(),
      kafkaOf(ok({ ...tls, ...pair, EFS_KAFKA_BROKERS: kafka.mutual }), log).admin(),
    ];
    try {
      for (const client of clients) await client.connect().then(() => client.listTopics());

      const change = ['--alter', '--entity-type', 'users', '--entity-name', 'efs'];
      const scram = ['--add-config', `SCRAM-SHA-512=[password=${NEW_PASSWORD}]`];
      const tool = ['-cp', join(await kafkaJars(), '*'), 'kafka.admin.ConfigCommand'];
      const at = ['--bootstrap-server', kafka.open];
      await promisify(execFile)('java', [...tool, ...at, ...change, ...scram]);
      writeFileSync(password, NEW_PASSWORD);
      take(second);
      await kafka.server.restart();

      for (const client of clients) await eventually(() => client.listTopics());
      expect(log.entries.filter(({ level }) => level !== 'debug')).toEqual([]);
    } finally {
      await Promise.all(clients.map((client) => client.disconnect()));
      await kafka.server.stop();
    }
  }, 120_000);

  test('at Redis: the next connection uses a new password and a new CA', async () => {
    const certificates = take(first);
    const password = inFolder('redis-password');
    writeFileSync(password, PASSWORD);
    const redis = await startSecuredRedis(certificates, '~* +@all');
    const log = recordingLog();
    const { host } = new URL(redis.urlOf(PASSWORD));
    const lines = { info: () => undefined, warn: () => undefined };
    const client = await redisOf(
      ok({
        EFS_REDIS_URL: `rediss://${host}`,
        EFS_REDIS_USER: 'efs',
        EFS_REDIS_PASSWORD_FILE: password,
        EFS_REDIS_CA_FILE: certificates.ca,
      }),
      log,
      { log: lines },
    );
    try {
      take(second);
      const { cert, key, ca } = certificates;
      await client.call('CONFIG', 'SET', 'tls-cert-file', cert, 'tls-key-file', key, 'tls-ca-cert-file', ca);
      await client.call('ACL', 'SETUSER', 'efs', `>${NEW_PASSWORD}`, `<${PASSWORD}`);
      writeFileSync(password, `${NEW_PASSWORD}\n`);
      await client.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'no').catch(() => undefined);
      expect(await eventually(() => client.call('ACL', 'WHOAMI'))).toBe('efs');
      expect(log.entries).toEqual([]);

      rmSync(password);
      await client.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'no').catch(() => undefined);
      expect(await eventually(() => client.call('ACL', 'WHOAMI'))).toBe('efs');
      expect(log.entries).toMatchObject([
        { level: 'warn', fields: { reason: expect.stringContaining(password) } },
      ]);
    } finally {
      closeRedis(client);
      await redis.server.stop();
    }
  }, 60_000);
});
