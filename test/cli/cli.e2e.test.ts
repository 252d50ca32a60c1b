import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { systemClock } from '../../src/base/clock';
import { kafkaClient } from '../../src/kafka/client.kafka';
import { kafkaReader } from '../../src/kafka/reader.kafka';
import { FEEDBACK_TOPICS } from '../../src/feedback/topics';
import { describeWithServers } from '../servers/servers';
import { efs } from './process';

describe('efs without servers', () => {
  test('the help shows every command, and that of a command its example', async () => {
    const [all, one] = await Promise.all([efs(['--help']), efs(['dead-letters', 'list', '--help'])]);
    expect([all.exitCode, one.exitCode]).toEqual([0, 0]);
    const names =
      'setup doctor run demo simulate ingest rebuild promote generations kpis delivery message dead-letters';
    for (const name of [...names.split(' '), 'config', 'completion'])
      expect(all.out).toMatch(new RegExp(`^  ${name} +\\w`, 'm'));
    expect(one.out).toMatch(/Examples?:\n {2}\$ .*efs dead-letters /);
  });

  const KUMOMTA = join(__dirname, '..', '..', 'examples', 'sources', 'kumomta.log');
  const NOWHERE = {
    ...{ EFS_KAFKA_BROKERS: '127.0.0.1:1', EFS_REDIS_URL: 'redis://127.0.0.1:1' },
    ...{ EFS_HTTP_PORT: '0', EFS_INGEST_PORT: '0', EFS_INGEST_FORMAT: 'efs' },
  };

  test.each([
    'run --help',
    'rebuild --help-all',
    'config --help',
    'config print',
    'completion fish',
    'ingest formats',
    'ingest explain kumomta LOG',
    'ingest kumomta LOG --dry-run',
    'simulate --as kumomta --messages 100000',
    'demo',
    'run',
    'ingest serve',
  ])('efs %s ends with 0 and says nothing where its reader has closed the pipe', async (line) => {
    const ended = await efs(line.replace('LOG', KUMOMTA).split(' '), NOWHERE, { reads: 'only errors' });
    expect(ended).toEqual({ exitCode: 0, out: '', err: '' });
  });

  test('a command that waits for Kafka ends where the reader of standard error has closed the pipe', async () => {
    expect(await efs(['ingest', 'kumomta', KUMOMTA], NOWHERE, { reads: false })).toMatchObject({
      exitCode: 0,
    });
  });

  test('invalid settings end the command with exit code 2 and every error at once', async () => {
    const wrong = { EFS_HTTP_PORT: 'x', EFS_POLICI: 'efs' };
    const { exitCode, out, err } = await efs(['config', 'check', '--policy', 'none'], wrong);
    expect([exitCode, out]).toEqual([2, '']);
    for (const part of ['--policy: "none"', 'EFS_HTTP_PORT: "x"', 'did you mean EFS_POLICY?', 'remedy: ']) {
      expect(err).toContain(part);
    }
    expect(err).not.toMatch(/^ +at /m);
  });

  test('config print prints the Redis URL without its password', async () => {
    const { exitCode, out } = await efs(['config', 'print'], { EFS_REDIS_URL: 'redis://me:s3cret@r:6379' });
    expect(exitCode).toBe(0);
    expect(out).toContain('EFS_REDIS_URL=');
    expect(out).not.toContain('s3cret');
  });

  test.each([
    [[]],
    [['nope']],
    [['simulate', '--nope']],
    [['message', 'only-one']],
    [['simulate', '--rate', 'x']],
  ])('the invalid command line %j ends with exit code 2', async (args) => {
    const { exitCode, out } = await efs(args);
    expect([exitCode, out]).toEqual([2, '']);
  });

  test('doctor prints every problem with its remedy, and ends with exit code 2', async () => {
    const nowhere = {
      EFS_KAFKA_BROKERS: '127.0.0.1:1',
      EFS_SCHEMA_REGISTRY_URL: 'http://127.0.0.1:1',
      EFS_REDIS_URL: 'redis://127.0.0.1:1',
      EFS_HTTP_PORT: '0',
    };
    const [lines, json] = await Promise.all([efs(['doctor'], nowhere), efs(['doctor', '--json'], nowhere)]);
    expect([lines.exitCode, lines.err, json.exitCode]).toEqual([2, '', 2]);
    for (const [server, remedy] of [
      ['Kafka brokers', 'start Kafka'],
      ['schema registry', 'start the schema registry'],
      ['Redis', 'start Redis'],
    ])
      expect(lines.out).toMatch(new RegExp(`^problem  ${server}: .*\\n +→ ${remedy}`, 'm'));
    expect(lines.out).toMatch(/^the service would not start: 3 problems, 0 warnings\n$/m);
    const { starts, findings } = JSON.parse(json.out) as { starts: boolean; findings: object[] };
    expect([starts, findings[0]]).toEqual([
      false,
      { check: 'settings', verdict: 'ok', text: 'they are valid and fit each other', remedy: null },
    ]);
  });

  test('a server that does not answer ends the command with exit code 1 and the remedy', async () => {
    const kafka = await efs(['kpis', '--kafka-brokers', '127.0.0.1:1']);
    const redis = await efs(['delivery', 'd1', '--redis-url', 'redis://127.0.0.1:1']);
    expect([kafka.exitCode, redis.exitCode]).toEqual([1, 1]);
    expect(kafka.err).toMatch(/^error: .*\nremedy: start Kafka/);
    expect(redis.err).toMatch(/^error: .*\nremedy: start Redis/);
  });
});

describeWithServers(['kafka', 'registry', 'redis'], 'efs with servers', (servers) => {
  const prefix = `cli-${randomBytes(4).toString('hex')}.`;
  const settings = () => ({
    EFS_KAFKA_BROKERS: servers.kafkaBrokers.join(','),
    EFS_SCHEMA_REGISTRY_URL: servers.registryUrl,
    EFS_REDIS_URL: servers.redisUrl,
    EFS_TOPIC_PREFIX: prefix,
  });

  test('simulate without topics ends with exit code 2 and the remedy to run setup', async () => {
    const { exitCode, err } = await efs(['simulate'], settings());
    expect([exitCode, err]).toEqual([2, expect.stringMatching(/does not exist\nremedy: run `efs setup`\n$/)]);
  });

  test('setup creates missing topics and reports them; a second run creates nothing', async () => {
    const first = await efs(['setup', '--partitions', '3'], settings());
    expect([first.exitCode, first.err]).toEqual([0, '']);
    expect(first.out).toMatch(new RegExp(`^created topic ${prefix}mta\\.relayed +3 partitions`, 'm'));
    const second = await efs(['setup', '--partitions', '3'], settings());
    expect([second.exitCode, second.out]).toEqual([
      0,
      expect.stringMatching(/\neverything exists already\n$/),
    ]);
    expect(second.out).not.toContain('created');
    const steps = JSON.parse((await efs(['setup', '--json'], settings())).out) as { outcome: string }[];
    expect(new Set(steps.map(({ outcome }) => outcome))).toEqual(new Set(['unchanged']));
  });

  test('simulate produces as many records as it reports, per topic', async () => {
    const options = ['--messages', '500', '--duplicates', '0.1', '--poison', '0.02', '--seed', '7'];
    const { exitCode, out } = await efs(['simulate', ...options], settings());
    expect(exitCode).toBe(0);
    expect(out).toContain('efs simulate --seed 7 ');
    const reader = kafkaReader(kafkaClient({ brokers: servers.kafkaBrokers, clientId: 'test' }), systemClock);
    for (const { topic } of FEEDBACK_TOPICS) {
      let held = 0;
      for (let partition = 0; partition < 3; partition++) {
        held += (await reader.watermarks(prefix + topic, partition)).high;
      }
      expect(out).toMatch(new RegExp(`^  ${topic} ${held.toLocaleString('en-US')}$`, 'm'));
    }
    await reader.close();
  });

  test('simulate --json reports the records per topic, and the command that produces them again', async () => {
    const { exitCode, out } = await efs(
      ['simulate', '--messages', '50', '--seed', '8', '--json'],
      settings(),
    );
    const { records, byTopic, command } = JSON.parse(out) as Record<string, unknown>;
    const sum = Object.values(byTopic as Record<string, number>).reduce((total, each) => total + each, 0);
    expect([exitCode, sum, command]).toEqual([0, records, expect.stringMatching(/^efs simulate --seed 8 /)]);
  });

  test('delivery and message report an empty state before the first run', async () => {
    for (const args of [
      ['delivery', 'DM7-1'],
      ['message', 'DM7-1', 'm'],
    ]) {
      const { exitCode, err } = await efs(args, settings());
      expect([exitCode, err]).toEqual([1, expect.stringContaining('the state is empty')]);
    }
  });
});
