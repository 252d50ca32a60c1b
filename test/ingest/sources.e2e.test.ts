import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '../../src/base/clock';
import { toFile } from '../../src/cli/said-destinations';
import { kafkaTopicAdmin } from '../../src/kafka/admin.kafka';
import { kafkaClient } from '../../src/kafka/client.kafka';
import { kafkaCommittedOffset } from '../../src/kafka/reader.kafka';
import { type Destination, sendEvents } from '../../src/simulation/sources/send';
import type { SimulatedSource } from '../../src/simulation/sources/source';
import { efs, startEfs, type Worker } from '../fire/processes';
import { drain, openStage, type Stage, until } from '../fire/stage';
import { freePort } from '../servers/child';
import { describeWithServers } from '../servers/servers';
import { BY_COMMAND, differences, flags, CORRECTED, RATE, type Sender, senders, WRONG } from './every-source';
import { PASSWORD, PROOFS, provenRequests, toMaildir } from './ways';

const isLog = ({ name }: SimulatedSource): boolean =>
  !Object.hasOwn(PROOFS, name) && name !== 'kumomta' && name !== 'mail';

const identityFlags = ({ identity }: SimulatedSource): string[] =>
  identity === null
    ? []
    : ['--delivery-id', identity.deliveryId.join(','), '--message-id', identity.messageId.join(',')];

describeWithServers(
  ['kafka', 'registry', 'redis'],
  'lives that come in as every source says them',
  (servers) => {
    let stage: Stage;
    let folder: string;
    let port: number;
    const started: Worker[] = [];
    /** Requests that were answered, and whether what follows the first half may be sent. */
    const progress = { answered: 0, isBeyondHalf: false, isAllSent: false };
    const path = (name: string): string => join(folder, name);
    const topic = (): string => `${stage.prefix}kumo-log`;
    const group = (): string => `${stage.prefix}kumo`;
    const start = (name: string, args: readonly string[], settings = {}): Worker => {
      const worker = startEfs(name, args, { ...stage.settings, ...settings });
      started.push(worker);
      return worker;
    };

    beforeEach(async () => {
      folder = mkdtempSync(join(tmpdir(), 'efs-said-'));
      port = await freePort();
      const settings = { EFS_EXPIRY: 'off', EFS_MESSAGE_STATUS: 'on' };
      stage = await openStage(servers, { partitions: 3, settings });
      stage.run('worker');
      const admin = kafkaTopicAdmin(
        kafkaClient({ brokers: servers.kafkaBrokers, clientId: 'test' }),
        systemClock,
      );
      await admin.create([{ name: topic(), partitions: 3, replicationFactor: 1, config: {} }]);
      await admin.close();
    }, 60_000);

    afterEach(async () => {
      for (const worker of started.splice(0)) worker.signal('SIGKILL');
      await stage.close();
      rmSync(folder, { recursive: true });
    });

    /** The file of sources: those with a door. */
    function config(name: string, identities: Readonly<Record<string, object>>): string {
      const sources = senders.flatMap(({ source: { name: format, identity } }) => {
        const way =
          format === 'kumomta'
            ? { kafka: { topic: topic(), group: group() } }
            : { auth: PROOFS[format]?.auth };
        const own = identities[format] ?? identity;
        const entry = { format, ...way, ...(own === null ? {} : { identity: own }) };
        return format === 'kumomta' || format in PROOFS ? [[format, entry]] : [];
      });
      writeFileSync(path(name), JSON.stringify({ sources: Object.fromEntries(sources) as object }));
      return path(name);
    }

    /** The ingester of every door: one for requests, one for the topic, one for each log and the maildir. */
    function ingesters(sources: string): Worker[] {
      const served = { EFS_INGEST_CONFIG: sources, EFS_INGEST_PORT: String(port) };
      return [
        start('door', ['ingest', 'serve'], served),
        start('topic', ['ingest', 'kafka'], { ...served, EFS_INGEST_PORT: '0' }),
        ...senders
          .filter(({ source }) => isLog(source) || source.name === 'mail')
          .map(({ source }) =>
            start(source.name, [
              'ingest',
              source.name,
              path(source.name),
              '--follow',
              ...identityFlags(source),
            ]),
          ),
      ];
    }

    const url = (name: string): string => `http://127.0.0.1:${port}/in/${name}`;

    /** Where the events of a source go; null for those that the command sends. */
    async function destinationOf({ source }: Sender): Promise<Destination | null> {
      if (BY_COMMAND.has(source.name)) return null;
      if (source.name === 'mail') return toMaildir(path('mail'));
      const proof = PROOFS[source.name];
      return proof === undefined
        ? toFile(source, path(source.name))
        : provenRequests(source, proof, url(source.name), () => (progress.answered += 1));
    }

    async function sendByCommand(sender: Sender): Promise<void> {
      const { name } = sender.source;
      const to = { sparkpost: url(name), powermta: path(name), kumomta: `kafka:${topic()}` }[name] ?? '';
      const args = ['simulate', '--as', name, ...flags(sender, to)];
      const { exitCode, err } = await start(`sender ${name}`, args, { EFS_INGEST_SECRET: PASSWORD }).ended;
      expect([name, exitCode, err]).toEqual([name, 0, expect.stringContaining('of them without ids')]);
    }

    /** Sends the events of a source through its door; the second half once that may be. */
    async function send(sender: Sender, destination: Destination | null): Promise<void> {
      const { source, events } = sender;
      if (destination === null) return sendByCommand(sender);
      let count = 0;
      const halting: Destination = {
        ...destination,
        async send(batch) {
          count += batch.length;
          if (count > events.length / 2)
            await until(`${source.name} goes on`, () => progress.isBeyondHalf, 90_000);
          await destination.send(batch);
        },
      };
      const { signal } = new AbortController();
      const pace = { rate: RATE, clock: systemClock, signal, onProgress: () => undefined };
      await sendEvents(events, { destination: halting, ...pace });
      await destination.close();
    }

    const logs = (): string[] =>
      senders.filter(({ source }) => isLog(source)).map(({ source }) => path(source.name));
    const offsetIn = (log: string): number =>
      existsSync(`${log}.checkpoint`)
        ? (JSON.parse(readFileSync(`${log}.checkpoint`, 'utf8')) as { offset: number }).offset
        : 0;

    const taken = (topic: Worker): Promise<number> => topic.counter('efs_ingest_events_total').catch(() => 0);

    /** How many records of the topic there are, and how many of these are committed. */
    async function records(): Promise<{ all: number; committed: number }> {
      const offsets = kafkaCommittedOffset(kafkaClient({ brokers: servers.kafkaBrokers, clientId: 'test' }));
      const sums = { all: 0, committed: 0 };
      for (let partition = 0; partition < 3; partition += 1) {
        sums.all += (await stage.reader.watermarks(topic(), partition)).high;
        sums.committed += (await offsets(group(), topic(), partition))?.offset ?? 0;
      }
      return sums;
    }

    const answeredBy = (worker: Worker): Promise<boolean> =>
      worker.get('/livez').then(
        ({ status }) => status === 200,
        () => false,
      );
    const mails = (state: 'new' | 'cur'): number => readdirSync(join(path('mail'), state)).length;

    /** Whether each ingester has begun to take what its sources send. */
    const haveBegun = async (ofTopic: Worker): Promise<boolean> =>
      progress.answered > 50 &&
      mails('cur') > 0 &&
      logs().every((log) => offsetIn(log) > 0) &&
      (await taken(ofTopic)) > 0;
    /** What is not taken yet; who sends requests knows that by the answers. */
    async function left(ofTopic: Worker, records: number): Promise<string[]> {
      const read = await taken(ofTopic);
      return [
        ...(read < records ? [`${read} of ${records} records`] : []),
        ...(mails('new') > 0 ? [`${mails('new')} mails`] : []),
        ...logs().flatMap((log) =>
          offsetIn(log) < statSync(log).size ? [`${offsetIn(log)} of ${log}`] : [],
        ),
      ];
    }

    test('have the figures of their recount, with all ingesters killed amid them, and a wrong map corrected', async () => {
      const destinations = await Promise.all(senders.map(destinationOf));
      const first = ingesters(config('wrong.json', { [CORRECTED]: WRONG }));
      await until('the door listens', () => answeredBy(first[0]!), 60_000);
      const sent = Promise.all(senders.map((sender, index) => send(sender, destinations[index]!))).then(
        () => (progress.isAllSent = true),
      );
      await until('each ingester has begun', () => haveBegun(first[1]!), 60_000);
      const { answered } = progress;
      progress.isBeyondHalf = true;
      await until('more is on its way', () => progress.answered > answered + 20);
      for (const each of first) each.signal('SIGKILL');
      expect(
        new Set((await Promise.all(first.map(({ ended }) => ended))).map(({ signal }) => signal)),
      ).toEqual(new Set(['SIGKILL']));
      expect(progress.isAllSent).toBe(false);
      const { committed } = await records();
      const second = ingesters(config('right.json', {}));
      await sent;
      const open = (await records()).all - committed;
      const notTaken = (): Promise<string[]> => left(second[1]!, open);
      await until('all is taken', async () => (await notTaken()).length === 0, 60_000).catch(
        async (cause) => {
          throw new Error(`not taken: ${(await notTaken()).join(', ')}`, { cause });
        },
      );
      for (const each of second) each.signal('SIGTERM');
      expect((await Promise.all(second.map(({ ended }) => ended))).map(({ exitCode }) => exitCode)).toEqual(
        second.map(() => 0),
      );
      const corrected = await efs(['ingest', 'redrive', CORRECTED, '--reason', 'unmatched'], stage.settings);
      expect([corrected.exitCode, corrected.out]).toEqual([0, expect.stringMatching(/feedback/u)]);
      await drain(stage, 60_000);
      expect(await differences(stage)).toEqual([]);
    }, 240_000);
  },
);
