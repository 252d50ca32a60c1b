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
import { INGEST_DEAD_LETTER_TOPIC, INGEST_INDEX_TOPIC } from '../../src/feedback/topics';
import { answers, efs, lastLines, type Settings, startEfs, type Worker } from '../fire/processes';
import { heldBy } from '../fire/read-back';
import { openStage, type Stage, until } from '../fire/stage';
import { pollMs } from '../servers/child';
import { describeWithServers } from '../servers/servers';

const RULES = [
  ...['--delivery-id', 'header:X-Delivery-ID,index', '--message-id', 'header:X-Message-ID,index'],
];
/** The Message-ID says nothing of our ids. */
const messageIdOf = (message: string): string => `<20261125.${message}@app.example.org>`;
const queueIdOf = (message: string): string => `4fJ2kW1c5Zz${message}`;

const logLine = (daemon: string, message: string, text: string): string =>
  `${new Date().toISOString()} mx1 postfix/${daemon}[812]: ${queueIdOf(message)}: ${text}\n`;
/** What Postfix logs of a message that it takes: the ids are in these lines only. */
const accepted = (delivery: string, message: string): string =>
  [
    logLine(
      'cleanup',
      message,
      `info: header X-Delivery-ID: ${delivery} from app[192.0.2.1]; from=<a@b.org>`,
    ),
    logLine('cleanup', message, `info: header X-Message-ID: ${message} from app[192.0.2.1]; from=<a@b.org>`),
    logLine('cleanup', message, `message-id=${messageIdOf(message)}`),
    logLine('qmgr', message, 'from=<news@send.example.org>, size=8123, nrcpt=1 (queue active)'),
  ].join('');
const outcome = (message: string, status: string): string =>
  logLine('smtp', message, `to=<ann@example.net>, relay=mx.example.net[192.0.2.7]:25, delay=2, ${status}`);
const SENT = 'dsn=2.0.0, status=sent (250 ok)';
const DEFERRED = 'dsn=4.2.2, status=deferred (452 4.2.2 mailbox full)';

/** A bounce mail that returns the Message-ID and no header of ours. */
const bounceMail = (message: string): string =>
  `From: MAILER-DAEMON@mx.example.net
To: news@send.example.org
Subject: Undelivered Mail Returned to Sender
Date: ${new Date().toUTCString()}
Message-ID: <bounce-${message}@mx.example.net>
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="b"

--b
Content-Type: text/plain

The mail could not be delivered.

--b
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example.net

Final-Recipient: rfc822; ann@example.net
Action: failed
Status: 5.1.1
Diagnostic-Code: smtp; 550 5.1.1 no such user

--b
Content-Type: text/rfc822-headers

Message-ID: ${messageIdOf(message)}

--b--
`;

describeWithServers(
  ['kafka', 'registry', 'redis'],
  'sources that share an index of native ids',
  (servers) => {
    let stage: Stage;
    let folder: string;
    let log: string;
    let maildir: string;
    const started: Worker[] = [];
    const start = (name: string, args: readonly string[], settings: Settings = {}): Worker => {
      const worker = startEfs(name, args, { ...stage.settings, ...settings });
      started.push(worker);
      return worker;
    };
    const followLog = (name = 'log'): Worker => start(name, ['ingest', 'postfix', '--follow', log, ...RULES]);
    const followMails = (name = 'mails'): Worker =>
      start(name, ['ingest', 'mail', '--follow', maildir, ...RULES], { EFS_INGEST_INDEX_WAIT: '10m' });
    /** As a mail server delivers it: whole at once. */
    const deliver = (message: string): void => {
      writeFileSync(join(maildir, 'tmp', message), bounceMail(message));
      renameSync(join(maildir, 'tmp', message), join(maildir, 'new', message));
    };
    const waiting = (): string[] => readdirSync(join(maildir, 'new'));
    const keys = async (topic: string): Promise<Set<string>> =>
      new Set((await heldBy(stage, topic)).map(({ key }) => String(key)));
    const isIn = (topic: string, message: string) =>
      until(`${message} is in ${topic}`, async () => (await keys(topic)).has(message), 45_000).catch(
        async (error: unknown) => {
          const said = await Promise.all(started.map((each) => lastLines(each)));
          throw new Error(said.join('\n'), { cause: error });
        },
      );
    const letters = async (): Promise<number> => (await heldBy(stage, INGEST_DEAD_LETTER_TOPIC)).length;
    const kill = async (worker: Worker): Promise<void> => {
      worker.signal('SIGKILL');
      await worker.ended;
    };

    beforeEach(async () => {
      folder = mkdtempSync(join(tmpdir(), 'efs-index-'));
      log = join(folder, 'mail.log');
      writeFileSync(log, '');
      maildir = join(folder, 'bounces');
      for (const name of ['new', 'cur', 'tmp']) mkdirSync(join(maildir, name), { recursive: true });
      stage = await openStage(servers, { partitions: 2 });
    }, 60_000);

    afterEach(async () => {
      for (const worker of started.splice(0)) worker.signal('SIGKILL');
      await stage.close();
      rmSync(folder, { recursive: true });
    });

    test('match a bounce mail by its Message-ID alone with the log of another process, which is gone', async () => {
      appendFileSync(log, accepted('DM1', 'm1') + outcome('m1', SENT));
      const reader = followLog();
      await isIn('mta.delivered', 'm1');
      await kill(reader);
      deliver('m1');
      followMails();
      await isIn('mta.hard-bounced', 'm1');
      await until('the mail is put away', () => waiting().length === 0);
      const worker = stage.run('worker', { EFS_EXPIRY: 'off' });
      const kpis = async () => {
        const { text } = await worker.get('/api/deliveries/DM1').catch(() => ({ text: '{}' }));
        return (JSON.parse(text) as { kpis?: Record<string, number> }).kpis ?? {};
      };
      await until('the bounce is counted', async () => (await kpis())['failed'] === 1);
      expect(await kpis()).toMatchObject({ relayed: 1, sent: 0, failedByAsyncBounce: 1 });
      expect(await letters()).toBe(0);
      const entries = await heldBy(stage, INGEST_INDEX_TOPIC);
      expect(entries.length).toBeGreaterThan(0);
      for (const { key, value } of entries) expect(`${String(key)} ${String(value)}`).not.toMatch(/@|ann/u);
    }, 120_000);

    test('let a bounce mail wait that comes before the log, also where its reader is killed meanwhile', async () => {
      const reader = followMails();
      deliver('m2');
      // Long enough to be read; nothing tells of it but that it stays where it is.
      await pollMs(4_000);
      expect([waiting(), await letters()]).toEqual([['m2'], 0]);
      await kill(reader);
      followMails('next reader of mails');
      appendFileSync(log, accepted('DM1', 'm2') + outcome('m2', SENT));
      followLog();
      await isIn('mta.hard-bounced', 'm2');
      await until('the mail is put away', () => waiting().length === 0);
      expect(await letters()).toBe(0);
    }, 120_000);

    test('match lines by the queue id whose first lines a process read that was killed', async () => {
      appendFileSync(log, accepted('DM1', 'm3') + outcome('m3', DEFERRED));
      const reader = followLog();
      await isIn('mta.soft-bounced', 'm3');
      await kill(reader);
      const rest = join(folder, 'rest.log');
      writeFileSync(rest, outcome('m3', SENT));
      const { exitCode, out } = await efs(['ingest', 'postfix', rest, ...RULES], stage.settings);
      expect([exitCode, out]).toEqual([0, expect.stringContaining('1 feedback')]);
      expect(await keys('mta.delivered')).toEqual(new Set(['m3']));
      expect(await letters()).toBe(0);
    }, 120_000);

    test('match through two doors a request that overtakes the one with the ids, before it is answered', async () => {
      const config = join(folder, 'ingest.yaml');
      const identity =
        'identity: { deliveryId: ["header:X-Delivery-ID", index], messageId: ["header:X-Message-ID", index] }';
      writeFileSync(
        config,
        `sources:\n  mx: { format: postfix, ${identity} }\n  bounces: { format: mail, ${identity} }\n`,
      );
      const settings = { EFS_INGEST_CONFIG: config, EFS_INGEST_PORT: '0' };
      const doors = ['first door', 'second door'].map((name) => start(name, ['ingest', 'serve'], settings));
      for (const door of doors) await until('the door is ready', () => answers(door, '/readyz'));
      const post = async (door: Worker | undefined, source: string, body: string) => {
        const port = String(door?.lines().find(({ msg }) => msg === 'starting')?.['port']);
        const answer = await fetch(`http://127.0.0.1:${port}/in/${source}`, { method: 'POST', body });
        return [answer.status, await answer.json()];
      };
      const bounce = post(doors[0], 'bounces', bounceMail('m5'));
      await pollMs(300);
      const sent = await post(doors[1], 'mx', accepted('DM1', 'm5') + outcome('m5', SENT));
      expect(sent).toMatchObject([200, { produced: 2, setAside: 0 }]);
      expect(await bounce).toEqual([200, { received: 1, produced: 1, ignored: 0, setAside: 0 }]);
      const began = Date.now();
      expect(await post(doors[0], 'bounces', bounceMail('unknown'))).toMatchObject([200, { setAside: 1 }]);
      expect(Date.now() - began).toBeLessThan(4_000);
      const metrics = (await doors[0]?.get('/metrics'))?.text ?? '';
      expect(metrics).toContain('efs_ingest_index_lookups_total{source="bounces",result="found"} 1');
      expect(metrics).toContain('efs_ingest_index_lookups_total{source="bounces",result="missed"} 1');
      expect(metrics).toMatch(/^efs_ingest_index_entries 2$/mu);
    }, 120_000);

    test('set a bounce mail aside that waited in vain; redriven after the log is read, it is matched', async () => {
      const mail = join(folder, 'bounce.eml');
      writeFileSync(mail, bounceMail('m4'));
      const early = await efs(
        ['ingest', 'mail', mail, ...RULES, '--ingest-index-wait', '1s'],
        stage.settings,
      );
      expect([early.exitCode, early.out]).toEqual([0, expect.stringContaining('unmatched 1')]);
      writeFileSync(log, accepted('DM1', 'm4') + outcome('m4', SENT));
      expect((await efs(['ingest', 'postfix', log, ...RULES], stage.settings)).exitCode).toBe(0);
      const redriven = await efs(
        ['ingest', 'redrive', 'mail', '--reason', 'unmatched', ...RULES],
        stage.settings,
      );
      expect([redriven.exitCode, redriven.out]).toEqual([0, expect.stringContaining('1 feedback')]);
      expect(await keys('mta.hard-bounced')).toEqual(new Set(['m4']));
    }, 120_000);
  },
);
