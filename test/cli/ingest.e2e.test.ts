import { randomBytes } from 'node:crypto';
import {
  appendFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '../../src/base/clock';
import { kafkaClient } from '../../src/kafka/client.kafka';
import { kafkaReader } from '../../src/kafka/reader.kafka';
import type { TopicReader } from '../../src/log/source';
import { startEfs } from '../fire/processes';
import { until } from '../fire/stage';
import { describeWithServers } from '../servers/servers';
import { efs } from './process';

// Each command is a process, which starts late on a busy machine.
jest.setTimeout(200_000);

const AT = 1_795_600_000;
/** A bounce of KumoMTA as a line of its log. */
const bounce = (message: string, text: string, headers: object = { 'X-Delivery-ID': 'DM7' }): string =>
  `${JSON.stringify({
    ...{ type: 'Bounce', id: message, recipient: 'ann@example.net', timestamp: AT, num_attempts: 0 },
    ...{ response: { code: 550, content: text }, bounce_classification: 'Uncategorized' },
    headers: { 'X-Message-ID': message, ...headers },
  })}\n`;

const lines = (out: string): Record<string, unknown>[] =>
  out
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>);

describe('efs ingest without servers', () => {
  let folder: string;
  const file = (name: string, content: string): string => {
    const path = join(folder, name);
    writeFileSync(path, content);
    return path;
  };
  beforeAll(() => (folder = mkdtempSync(join(tmpdir(), 'efs-ingest-'))));
  afterAll(() => rmSync(folder, { recursive: true }));

  it('prints a line for each event, with the name of its file where there are several', async () => {
    const [one, two] = [file('one.log', bounce('m1', 'no')), file('two.log', `${bounce('m2', 'no')}zzz\n`)];
    const { exitCode, out } = await efs(['ingest', 'kumomta', one, two, '--dry-run']);
    expect(exitCode).toBe(0);
    expect(lines(out)).toMatchObject([
      { outcome: 'feedback', topic: 'mta.hard-bounced', key: 'm1', file: one },
      { outcome: 'feedback', key: 'm2', file: two },
      { outcome: 'dead-letter', reason: 'not-parsable', file: two },
    ]);
    const alone = await efs(['ingest', 'kumomta', one, '--dry-run']);
    expect(lines(alone.out)[0]).not.toHaveProperty('file');
  });

  it('names each mail of a maildir by its path', async () => {
    mkdirSync(join(folder, 'maildir', 'new'), { recursive: true });
    writeFileSync(join(folder, 'maildir', 'new', '1.a'), 'Subject: hello\n\nhello\n');
    const { out } = await efs(['ingest', 'mail', join(folder, 'maildir'), '--dry-run']);
    expect(lines(out)).toMatchObject([
      { outcome: 'dead-letter', file: join(folder, 'maildir', 'new', '1.a') },
    ]);
  });

  it('classifies by the tables of a file first, and names everything that is wrong with one', async () => {
    const log = file('own.log', bounce('m1', 'the house is closed'));
    const classes = file('classes.json', '{"texts": [{"pattern": "house is closed", "class": 22}]}');
    const { out } = await efs(['ingest', 'kumomta', log, '--dry-run', '--classes', classes]);
    expect(lines(out)).toMatchObject([{ value: { bounceClass: 22 }, from: { class: 'text' } }]);
    const wrong = file('wrong.json', '{"texts": [{"pattern": "(", "class": "x"}], "more": 1}');
    const { exitCode, err } = await efs(['ingest', 'kumomta', log, '--dry-run', '--classes', wrong]);
    expect(exitCode).toBe(2);
    expect(err).toMatch(/more: no such field[^]*texts\[0\]\.pattern: is no regular[^]*texts\[0\]\.class/);
  });

  it('explains which rules decided, and warns where one source names messages in several ways', async () => {
    const log = file('mixed.log', bounce('m1', 'mailbox full') + bounce('m2', 'no', { 'X-Message-ID': '' }));
    const { out } = await efs(['ingest', 'explain', 'kumomta', log, '--delivery-id', 'default:DM7']);
    expect(out).toMatch(/delivery +DM7 +by default:DM7/);
    expect(out).toMatch(/class +22 MAILBOX_FULL, SOFT +by text/);
    expect(out).toMatch(/warning: messages were named by header:X-Message-ID and native/);
  });
});

describeWithServers(['kafka', 'registry'], 'efs ingest on real servers', (servers) => {
  const prefix = `ingest-${randomBytes(4).toString('hex')}.`;
  const settings = () => ({
    EFS_KAFKA_BROKERS: servers.kafkaBrokers.join(','),
    EFS_SCHEMA_REGISTRY_URL: servers.registryUrl,
    EFS_TOPIC_PREFIX: prefix,
  });
  let folder: string;
  let reader: TopicReader;
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'efs-ingest-'));
    const kafka = kafkaClient({ brokers: servers.kafkaBrokers, clientId: 'test' });
    reader = kafkaReader(kafka, systemClock, { maxBatchBytes: 1 << 26 });
    // A registry that has just started answers slowly at first.
    const patient = { ...settings(), EFS_REGISTRY_TIMEOUT_MS: '30000' };
    expect(await efs(['setup', '--partitions', '1'], patient)).toMatchObject({ exitCode: 0 });
  });
  afterAll(async () => {
    await reader.close();
    rmSync(folder, { recursive: true });
  });

  /** The keys of the hard bounces in the topic, in their order. */
  async function keys(): Promise<string[]> {
    const found: string[] = [];
    await reader.read(`${prefix}mta.hard-bounced`, 0, ({ key }) => found.push(String(key)));
    return found;
  }

  it('lists what had no ids, and maps it again by corrected rules', async () => {
    const log = join(folder, 'unmatched.log');
    writeFileSync(log, bounce('r1', 'no', { 'X-Job': 'DM9' }) + bounce('r2', 'no'));
    const read = await efs(['ingest', 'kumomta', log, '--delivery-id', 'headers.X-Delivery-ID'], settings());
    expect(read.out).toMatch(/^2 events: 1 feedback, 0 ignored, 1 dead-lettered \(unmatched 1\)$/m);
    expect(await keys()).toEqual(['r2']);
    const list = await efs(['ingest', 'dead-letters', '--reason', 'unmatched'], settings());
    expect(list.out).toMatch(/kumomta +unmatched +no deliveryId: tried headers\.X-Delivery-ID/);
    expect(list.out).not.toContain('ann@');
    const again = ['ingest', 'redrive', 'kumomta', '--delivery-id', 'headers.X-Job'];
    const dry = await efs([...again, '--dry-run'], settings());
    expect(dry.out).toMatch(/^1 events: 1 feedback/m);
    expect(await keys()).toEqual(['r2']);
    await efs(again, settings());
    expect(await keys()).toEqual(['r2', 'r1']);
  });

  it('follows a log over a kill and a rotation: every line is produced, at most the last ones twice', async () => {
    const log = join(folder, 'kumo.log');
    const args = ['ingest', 'kumomta', log, '--follow'];
    const before = (await keys()).length;
    const all = Array.from({ length: 6 }, (_, index) => `f${index}`);
    const arrived = async (count: number): Promise<boolean> =>
      new Set((await keys()).slice(before)).size === count;
    writeFileSync(
      log,
      all
        .slice(0, 2)
        .map((id) => bounce(id, 'no'))
        .join(''),
    );
    const first = startEfs('first', args, settings());
    await until('the first lines are produced', () => arrived(2));
    first.signal('SIGKILL');
    await first.ended;
    appendFileSync(log, bounce('f2', 'no'));
    renameSync(log, `${log}.1`);
    writeFileSync(log, bounce('f3', 'no'));
    const second = startEfs('second', args, settings());
    await until('the lines of both files are produced', () => arrived(4));
    appendFileSync(log, bounce('f4', 'no') + bounce('f5', 'no'));
    await until('the last lines are produced', () => arrived(6));
    second.signal('SIGTERM');
    expect((await second.ended).exitCode).toBe(0);
    expect([...new Set((await keys()).slice(before))].sort()).toEqual(all);
  });

  it('moves each mail of a maildir once its events are produced', async () => {
    const maildir = join(folder, 'maildir');
    mkdirSync(join(maildir, 'new'), { recursive: true });
    writeFileSync(
      join(maildir, 'new', '1.a'),
      'From: MAILER-DAEMON@example.org\nSubject: failure notice\n\nhello\n',
    );
    const follower = startEfs('follower', ['ingest', 'mail', maildir, '--follow'], settings());
    await until('it is moved', () => readdirSync(join(maildir, 'new')).length === 0);
    follower.signal('SIGTERM');
    expect((await follower.ended).exitCode).toBe(0);
    expect(readdirSync(join(maildir, 'cur'))).toEqual(['1.a:2,S']);
  });
});
