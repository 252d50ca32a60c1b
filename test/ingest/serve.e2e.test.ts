import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '../../src/base/clock';
import { kafkaClient } from '../../src/kafka/client.kafka';
import { kafkaTopicAdmin } from '../../src/kafka/admin.kafka';
import { kafkaReader } from '../../src/kafka/reader.kafka';
import type { LogRecord } from '../../src/log/source';
import { answers, efs, lastLines, type Settings, startEfs, startRun, type Worker } from '../fire/processes';
import { until } from '../fire/stage';
import { pollMs } from '../servers/child';
import { type KafkaServer, startKafka } from '../servers/kafka';
import { describeWithServers } from '../servers/servers';

const AT = Date.UTC(2026, 10, 25) / 1000;

const kumo = (type: string, delivery: string | null, message: string) => ({
  ...{ type, id: `native-${message}`, recipient: 'ann@example.net', timestamp: AT, created: AT },
  headers: delivery === null ? {} : { 'X-Delivery-ID': delivery, 'X-Message-ID': message },
  ...{ response: { code: 250, content: '' }, num_attempts: 0, meta: {} },
});
/** Messages that were accepted and delivered. */
const sent = (delivery: string, count: number): object[] =>
  Array.from({ length: count }, (_, index) => [
    kumo('Reception', delivery, `m${index}`),
    kumo('Delivery', delivery, `m${index}`),
  ]).flat();
const spark = (delivery: string, message: string) => ({
  msys: {
    message_event: {
      ...{ type: 'bounce', event_id: `e-${message}`, message_id: message, rcpt_to: 'bob@example.org' },
      ...{ rcpt_meta: { deliveryId: delivery }, bounce_class: '10', num_retries: '0', timestamp: String(AT) },
      ...{ reason: '550 5.1.1 no such user', error_code: '550' },
    },
  },
});

describeWithServers(['own-kafka', 'registry', 'redis'], 'the door on real servers', (servers) => {
  const prefix = `door-${randomBytes(4).toString('hex')}.`;
  const folder = mkdtempSync(join(tmpdir(), 'efs-test-door-'));
  const processes: Worker[] = [];
  let kafka: KafkaServer;
  let settings: Settings;
  let service: Worker;

  beforeAll(async () => {
    kafka = await startKafka();
    writeFileSync(join(folder, 'token'), 'spark-token\n');
    writeFileSync(
      join(folder, 'ingest.yaml'),
      `
sources:
  kumo:
    format: kumomta
    auth: { basic: "kumo:\${KUMO_PASSWORD}" }
    identity: { deliveryId: headers.X-Delivery-ID, messageId: [headers.X-Message-ID, native] }
  spark:
    format: sparkpost
    auth: { bearer: { file: ${join(folder, 'token')} } }
    identity: { deliveryId: [rcpt_meta.deliveryId], messageId: [message_id] }
  topic:
    format: kumomta
    kafka: { topic: ${prefix}kumo-log, group: ${prefix}kumo }
    identity: { deliveryId: headers.X-Delivery-ID, messageId: headers.X-Message-ID }
`,
    );
    settings = {
      EFS_KAFKA_BROKERS: kafka.brokers.join(','),
      EFS_SCHEMA_REGISTRY_URL: servers.registryUrl,
      EFS_REDIS_URL: servers.redisUrl,
      EFS_TOPIC_PREFIX: prefix,
      EFS_GROUP_ID: prefix,
      EFS_PARTITIONS: '2',
      EFS_INGEST_CONFIG: join(folder, 'ingest.yaml'),
      EFS_INGEST_PORT: '0',
      KUMO_PASSWORD: 'kumo-password',
    };
    expect(await efs(['setup'], settings)).toMatchObject({ exitCode: 0 });
    const { KUMO_PASSWORD: _, ...own } = settings;
    service = startRun('service', own);
    await until('the service listens', () => answers(service, '/livez'));
  }, 120_000);

  afterAll(async () => {
    for (const each of [...processes, service]) each?.signal('SIGKILL');
    await kafka?.stop();
  }, 60_000);

  const start = async (command: 'serve' | 'kafka'): Promise<Worker> => {
    const process = startEfs(command, ['ingest', command], settings);
    processes.push(process);
    try {
      await until(`${command} is ready`, () => answers(process, '/readyz'), 60_000);
    } catch (error) {
      throw new Error(await lastLines(process), { cause: error });
    }
    return process;
  };
  const KUMO = { authorization: `Basic ${Buffer.from('kumo:kumo-password').toString('base64')}` };
  const SPARK = { authorization: 'Bearer spark-token' };
  const post = (to: Worker, source: string, body: unknown, headers: Record<string, string>) => {
    const port = String(to.lines().find(({ msg }) => msg === 'starting')?.['port']);
    return fetch(`http://127.0.0.1:${port}/in/${source}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: JSON.stringify(body),
    });
  };
  const kpis = async (delivery: string): Promise<Record<string, number>> => {
    const { text } = await service.get(`/api/deliveries/${delivery}`);
    return (JSON.parse(text) as { kpis?: Record<string, number> }).kpis ?? {};
  };
  const records = async (topic: string): Promise<LogRecord[]> => {
    const reader = kafkaReader(kafkaClient({ brokers: kafka.brokers, clientId: 'test' }), systemClock);
    const found: LogRecord[] = [];
    const count = await reader.partitions(prefix + topic);
    for (let partition = 0; partition < count; partition++)
      await reader.read(prefix + topic, partition, (record) => found.push(record));
    await reader.close();
    return found;
  };

  it('takes the events of two sources by their secrets, and sets aside raw what names no delivery', async () => {
    const door = await start('serve');
    const lost = kumo('Delivery', null, 'lost');
    const answer = await post(door, 'kumo', [...sent('k1', 3), lost], KUMO);
    expect([answer.status, await answer.json()]).toEqual([
      200,
      { received: 7, produced: 6, ignored: 0, setAside: 1 },
    ]);
    expect((await post(door, 'spark', [spark('s1', 'm1'), { msys: {} }], SPARK)).status).toBe(200);
    expect((await post(door, 'spark', [spark('s1', 'm2')], KUMO)).status).toBe(401);
    await until(
      'both are folded',
      async () => (await kpis('k1'))['sent'] === 3 && 'failed' in (await kpis('s1')),
    );
    expect(await kpis('s1')).toMatchObject({ relayed: 1, failed: 1, failedByHardBounce: 1 });
    const [letter, ...more] = await records('efs.ingest-dead-letter');
    expect(more).toEqual([]);
    expect(JSON.parse(String(letter?.value))).toEqual(lost);
    const headers = letter?.headers().map(({ name, value }) => [String(name), String(value)]);
    expect(headers).toEqual([
      ['efs.reason', 'unmatched'],
      ['efs.detail', expect.stringContaining('headers.X-Delivery-ID')],
      ['efs.source', 'kumo'],
      ['efs.format', 'kumomta'],
    ]);
    const { text } = await door.get('/metrics');
    expect(text).toContain('efs_ingest_events_total{source="kumo",kind="Delivery",outcome="feedback"} 3');
    expect(text).toContain('efs_ingest_unmatched_total{source="kumo"} 1');
    expect(text).toContain('efs_ingest_requests_total{source="spark",code="401"} 1');
    const { sources } = JSON.parse((await door.get('/sources')).text) as { sources: object[] };
    expect(sources).toMatchObject([
      { name: 'kumo', feedback: 6, events: { Reception: 3, Delivery: 3 }, deadLetters: { unmatched: 1 } },
      { name: 'spark', feedback: 1, deadLetters: {} },
    ]);
    const shown = JSON.parse((await service.get('/api/sources')).text) as object;
    expect(shown).toMatchObject({
      ...{ ingesters: [], sources: [], lettersProblem: null },
      letters: [{ source: 'kumo', format: 'kumomta', reason: 'unmatched' }],
    });
    door.signal('SIGTERM');
    expect((await door.ended).exitCode).toBe(0);
  }, 90_000);

  it('reads a secret in a file again at each request, and keeps the one before where the file is gone', async () => {
    const door = await start('serve');
    const statuses = async () => {
      const tokens = ['spark-token', 'new-token'].map((token) =>
        post(door, 'spark', [spark('s2', 'm1')], { authorization: `Bearer ${token}` }),
      );
      return (await Promise.all(tokens)).map(({ status }) => status);
    };
    expect(await statuses()).toEqual([200, 401]);
    writeFileSync(join(folder, 'token'), 'new-token\n');
    expect(await statuses()).toEqual([401, 200]);
    rmSync(join(folder, 'token'));
    expect(await statuses()).toEqual([401, 200]);
    expect(door.lines().filter(({ msg }) => msg.startsWith('configured file cannot be used'))).toMatchObject([
      { reason: expect.stringMatching(/^sources\.spark\.auth\.bearer: .*token cannot be read \(ENOENT\)/) },
    ]);
    writeFileSync(join(folder, 'token'), 'spark-token\n');
    door.signal('SIGTERM');
    expect((await door.ended).exitCode).toBe(0);
  }, 90_000);

  it('answers 503 within 4 s while Kafka is away, also at its start, and 200 once it is back', async () => {
    const door = await start('serve');
    await kafka.kill();
    const began = Date.now();
    const answer = await post(door, 'kumo', sent('k2', 2), KUMO);
    expect([answer.status, answer.headers.get('retry-after')]).toEqual([503, '30']);
    expect(Date.now() - began).toBeLessThan(4_500);
    const { status, text } = await door.get('/readyz');
    expect([status, text]).toEqual([503, expect.stringContaining('kafka does not answer')]);
    const late = startEfs('late', ['ingest', 'serve'], settings);
    processes.push(late);
    await until('the late door listens', () => answers(late, '/livez'));
    expect((await post(late, 'kumo', sent('k2', 2), KUMO)).status).toBe(503);
    // No request tells any more; the door knows nevertheless.
    await pollMs(3_000);
    expect((await door.get('/readyz')).status).toBe(503);
    await kafka.restart();
    for (const each of [door, late])
      await until(
        'it takes events',
        async () => (await post(each, 'kumo', sent('k2', 2), KUMO)).status === 200,
      );
    await until('the door is ready', () => answers(door, '/readyz'));
    const outages = door.lines().flatMap(({ msg }) => (msg.startsWith('kafka ') ? [msg] : []));
    expect([outages[0], outages.at(-1)]).toEqual([
      'kafka does not answer: waiting until it does',
      'kafka answers again: resuming',
    ]);
    await until('they are folded once', async () => (await kpis('k2'))['sent'] === 2);
    expect(await kpis('k2')).toMatchObject({ relayed: 2, sent: 2, delivered: 2 });
  }, 150_000);

  /** Sends a large request and kills the door as soon as Kafka has some of it. Whether that was before the answer. */
  const killedBeforeAnswer = async (body: object[]): Promise<boolean> => {
    const door = await start('serve');
    const reader = kafkaReader(kafkaClient({ brokers: kafka.brokers, clientId: 'test' }), systemClock);
    const written = async (): Promise<number> => {
      const held = [0, 1].map((partition) => reader.watermarks(`${prefix}mta.relayed`, partition));
      return (await Promise.all(held)).reduce((sum, { high }) => sum + high, 0);
    };
    const before = await written();
    const answer = post(door, 'kumo', body, KUMO).then(
      () => false,
      () => true,
    );
    while ((await written()) === before) await pollMs(1);
    door.signal('SIGKILL');
    await reader.close();
    return answer;
  };

  it('killed between the log and the answer, loses nothing that its sender repeats, and counts nothing twice', async () => {
    const body = sent('k3', 4_500);
    // The answer may win the race; what is repeated then has no effect either.
    let isKilledInTime = false;
    for (let attempt = 0; attempt < 5 && !isKilledInTime; attempt += 1)
      isKilledInTime = await killedBeforeAnswer(body);
    expect(isKilledInTime).toBe(true);
    const next = await start('serve');
    await until('its sender has an answer', async () => (await post(next, 'kumo', body, KUMO)).ok);
    await until('all is folded', async () => (await kpis('k3'))['sent'] === 4_500);
    expect(await kpis('k3')).toMatchObject({ relayed: 4_500, sent: 4_500, delivered: 4_500, failed: 0 });
    expect((await records('mta.relayed')).length).toBeGreaterThan(4_500);
  }, 150_000);

  it('reads a topic that an MTA fills; killed amid it, another goes on after what was acknowledged', async () => {
    const client = kafkaClient({ brokers: kafka.brokers, clientId: 'test' });
    const admin = kafkaTopicAdmin(client, systemClock);
    await admin.create([{ name: `${prefix}kumo-log`, partitions: 2, replicationFactor: 1, config: {} }]);
    await admin.close();
    const producer = client.producer();
    await producer.connect();
    const events = sent('t1', 10_000);
    for (let at = 0; at < events.length; at += 1_000) {
      const messages = events.slice(at, at + 1_000).map((event) => ({ value: JSON.stringify(event) }));
      await producer.send({ topic: `${prefix}kumo-log`, messages });
    }
    await producer.disconnect();
    const first = startEfs('kafka', ['ingest', 'kafka'], settings);
    processes.push(first);
    const taken = (of: Worker): Promise<number> => of.counter('efs_ingest_events_total').catch(() => 0);
    await until('it has taken some', async () => (await taken(first)) > 0);
    first.signal('SIGKILL');
    await start('kafka');
    await until('all is folded', async () => (await kpis('t1'))['sent'] === 10_000);
    expect(await kpis('t1')).toMatchObject({ relayed: 10_000, sent: 10_000, delivered: 10_000 });
  }, 150_000);
});
