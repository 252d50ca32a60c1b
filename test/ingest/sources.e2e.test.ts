import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { INGEST_DEAD_LETTER_TOPIC } from '../../src/feedback/topics';
import { saidTraffic } from '../../src/simulation/sources/said';
import { POWERMTA } from '../../src/simulation/sources/powermta';
import { SPARKPOST } from '../../src/simulation/sources/sparkpost';
import type { SimulatedSource } from '../../src/simulation/sources/source';
import { ORDINARY_TRAFFIC } from '../../src/simulation/traffic';
import { kpiHistory } from '../fire/evidence';
import { startEfs, type Worker } from '../fire/processes';
import { heldBy } from '../fire/read-back';
import { drain, openStage, type Stage, until } from '../fire/stage';
import { DEFAULT_GROUPS, recountFacts } from '../recount/recount';
import { describeWithServers } from '../servers/servers';

const HOUR = 3_600_000;
const LIVES = {
  ...{ seed: 11, deliveries: 4, messages: 3_000, duplicates: 0.02, disorder: 0.01 },
  stripIdentity: 0.02,
  startAt: Math.floor(Date.now() / HOUR - 96) * HOUR,
};
const FLAGS = [
  ...[
    '--seed',
    '11',
    '--deliveries',
    '4',
    '--messages',
    '3000',
    '--duplicates',
    '0.02',
    '--disorder',
    '0.01',
  ],
  ...['--strip-identity', '0.02', '--start-at', new Date(LIVES.startAt).toISOString()],
];
const SECRET = 'a secret of the webhook';

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** What the lives of a source must have as figures, and how many of their events have no ids. */
function expected(source: SimulatedSource) {
  const said = [...saidTraffic(source, { ...ORDINARY_TRAFFIC, ...LIVES })];
  const facts = said
    .filter(({ isIdentified }) => isIdentified)
    .map(({ feedback: { kind, ...rest } }) => ({ ...rest, type: kind }));
  const { deliveries } = recountFacts(facts, { defaultPolicy: 'EFS', groups: DEFAULT_GROUPS });
  const stripped = new Set(said.filter(({ isIdentified }) => !isIdentified).map(({ text }) => text));
  return {
    kpis: Object.fromEntries([...deliveries].map(([id, { kpis }]) => [id, kpis])),
    stripped: stripped.size,
  };
}

/** What the service has published last, and how many different events were set aside. */
async function published(stage: Stage) {
  const histories = [...(await kpiHistory(stage))];
  const letters = await heldBy(stage, INGEST_DEAD_LETTER_TOPIC);
  return {
    kpis: Object.fromEntries(histories.map(([id, history]) => [id, history.at(-1)?.change.kpis])),
    stripped: new Set(letters.map(({ value }) => String(value))).size,
  };
}

/** Kills a process once some feedback is in the log. */
async function killAtWork(stage: Stage, worker: Worker): Promise<void> {
  await until('some feedback is in the log', async () => {
    const { high } = await stage.reader.watermarks(`${stage.prefix}mta.relayed`, 0);
    return high > 20;
  });
  worker.signal('SIGKILL');
  expect((await worker.ended).signal).toBe('SIGKILL');
}

describeWithServers(['kafka', 'registry', 'redis'], 'lives that come in as a source says them', (servers) => {
  let stage: Stage;
  let folder: string;
  const started: Worker[] = [];
  const start = (name: string, args: readonly string[], settings = {}): Worker => {
    const worker = startEfs(name, args, { ...stage.settings, ...settings });
    started.push(worker);
    return worker;
  };

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'efs-said-'));
    stage = await openStage(servers, { partitions: 3, settings: { EFS_EXPIRY: 'off' } });
    stage.run('worker');
  });

  afterEach(async () => {
    for (const worker of started.splice(0)) worker.signal('SIGKILL');
    await stage.close();
    rmSync(folder, { recursive: true });
  });

  test('have the figures of their recount by webhook, with the door killed once', async () => {
    const port = await freePort();
    const settings = {
      ...{ EFS_INGEST_FORMAT: 'sparkpost', EFS_INGEST_PORT: String(port), EFS_INGEST_SECRET: SECRET },
    };
    const door = start('door', ['ingest', 'serve'], settings);
    const to = `http://127.0.0.1:${port}/in/sparkpost`;
    const sender = start(
      'sender',
      ['simulate', '--as', 'sparkpost', ...FLAGS, '--rate', '1500', '--to', to],
      {
        EFS_INGEST_SECRET: SECRET,
      },
    );
    await killAtWork(stage, door);
    start('second door', ['ingest', 'serve'], settings);
    const { exitCode, err } = await sender.ended;
    expect([exitCode, err]).toEqual([0, expect.stringContaining('of them without ids')]);
    await drain(stage, 60_000);
    expect(await published(stage)).toEqual(expected(SPARKPOST));
  }, 180_000);

  test('have the figures of their recount by an accounting file, with its reader killed once', async () => {
    const file = join(folder, 'acct.csv');
    const written = await start('writer', ['simulate', '--as', 'powermta', ...FLAGS, '--to', file]).ended;
    expect(written.exitCode).toBe(0);
    await killAtWork(stage, start('reader', ['ingest', 'powermta', file]));
    const again = await start('second reader', ['ingest', 'powermta', file]).ended;
    expect([again.exitCode, again.err]).toEqual([0, '']);
    await drain(stage, 60_000);
    expect(await published(stage)).toEqual(expected(POWERMTA));
  }, 180_000);
});
