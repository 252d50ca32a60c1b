import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { pollMs } from '../servers/child';
import { describeWithServers } from '../servers/servers';

const root = join(__dirname, '..', '..');
const README = readFileSync(join(root, 'README.md'), 'utf8');

/** The commands under a heading of the README, line by line. */
function commandsOf(heading: string): readonly string[] {
  const [, section = ''] = README.split(`\n## ${heading}\n`);
  const blocks = (section.split('\n## ')[0] ?? '').matchAll(/```sh\n([^]*?)```/g);
  return [...blocks].flatMap(([, block = '']) => block.trim().split('\n'));
}

const inherited = Object.fromEntries(
  Object.entries(process.env).filter(([name]) => !name.startsWith('EFS_')),
);
// What npm has fetched before is taken from its cache.
const ENV = { ...inherited, npm_config_prefer_offline: 'true' };

/** Runs a command of the README; gives what it printed on standard output. */
async function run(command: string, cwd: string, settings: Record<string, string> = {}): Promise<string> {
  const ended = promisify(execFile)('bash', ['-c', command], { cwd, env: { ...ENV, ...settings } });
  const { stdout } = await ended.catch((error: { stdout: string; stderr: string }) => {
    throw new Error(`${command}\n${error.stdout}${error.stderr}`);
  });
  return stdout;
}

/** Starts a command of the README in a process group of its own. */
function start(command: string, cwd: string, settings: Record<string, string> = {}) {
  const child = spawn('bash', ['-c', command], {
    cwd,
    env: { ...ENV, ...settings },
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const printed = { text: '' };
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (bytes) => (printed.text += String(bytes)));
  return { child, printed };
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = new Promise((resolve) => child.once('close', resolve));
  process.kill(-(child.pid ?? 0), 'SIGTERM');
  await ended;
}

/** Long even for a busy machine; how long each way takes is printed at the end. */
const TIMEOUT_MS = 600_000;

/** A command that asks is a process of its own, and takes the processor from what it waits for. */
const BETWEEN_COMMANDS_MS = 1_000;

/** Waits for an answer. */
async function until<T>(what: string, ask: () => Promise<T | null>, everyMs = 250): Promise<T> {
  for (const deadline = Date.now() + 0.9 * TIMEOUT_MS; Date.now() < deadline; await pollMs(everyMs)) {
    const answer = await ask();
    if (answer !== null) return answer;
  }
  throw new Error(`${what} has not come`);
}

/** A clone in an empty folder; without git, the files that belong to the checkout. */
async function cloneInto(folder: string): Promise<void> {
  if (existsSync(join(root, '.git'))) await run(`git clone -q "${root}" "${folder}"`, tmpdir());
  else
    cpSync(root, folder, {
      recursive: true,
      filter: (path) => !/[\\/](node_modules|dist|\.cache)$/.test(path),
    });
}

describeWithServers(['kafka', 'registry', 'redis'], 'the first hour, as the README has it', (servers) => {
  const home = mkdtempSync(join(tmpdir(), 'efs-first-hour-'));
  const clone = join(home, 'email-feedback-service');
  const prefix = `hour-${randomBytes(4).toString('hex')}.`;
  const seconds = new Map<string, number>();
  const timed = async (what: string, act: () => Promise<void>): Promise<void> => {
    const from = Date.now();
    await act();
    seconds.set(what, Math.round((Date.now() - from) / 1_000));
  };

  beforeAll(() => cloneInto(clone), 60_000);

  afterAll(() => {
    rmSync(home, { recursive: true, force: true });
    process.stderr.write(`the first hour, in seconds: ${JSON.stringify(Object.fromEntries(seconds))}\n`);
  });

  it(
    'shows KPIs that move on a laptop without servers, by `npm start` in a fresh clone',
    async () => {
      expect(commandsOf('See it').slice(0, 2)).toEqual([expect.stringMatching(/^git clone/), 'npm start']);
      await timed('laptop', async () => {
        const { child, printed } = start('npm start -- --http-port 0', clone);
        try {
          const address = await until('the address of the page', async () => {
            if (child.exitCode !== null) throw new Error(printed.text);
            return /^Open (http:\S+)$/m.exec(printed.text)?.[1] ?? null;
          });
          const relayed = async (): Promise<number> => {
            const answer = await fetch(`${address}api/deliveries`);
            const { deliveries } = (await answer.json()) as { deliveries: { kpis: { relayed: number } }[] };
            return deliveries.reduce((sum, { kpis }) => sum + kpis.relayed, 0);
          };
          const first = await until('the first KPIs', async () => (await relayed()) || null);
          await until('a change of KPIs', async () => ((await relayed()) > first ? true : null));
        } finally {
          await stop(child);
        }
      });
    },
    TIMEOUT_MS,
  );

  it(
    'shows the KPIs of a simulated delivery on servers of one’s own',
    async () => {
      const settings = {
        EFS_KAFKA_BROKERS: servers.kafkaBrokers.join(','),
        EFS_SCHEMA_REGISTRY_URL: servers.registryUrl,
        EFS_REDIS_URL: servers.redisUrl,
        EFS_TOPIC_PREFIX: prefix,
        EFS_HTTP_PORT: '0',
      };
      const commands = commandsOf('On real servers');
      const define = commands.find((line) => line.startsWith('efs() {')) ?? '';
      const inOrder = ['npm run build', 'efs setup', 'efs doctor', 'efs run', 'efs simulate --seed 1'];
      expect(commands.filter((line) => inOrder.includes(line))).toEqual(inOrder);
      const efs = (line: string): Promise<string> => run(`${define}\n${line}`, clone, settings);
      await timed('own Kafka', async () => {
        await run('npm run build', clone);
        expect(await efs('efs setup')).toMatch(/ created, 0 unchanged$/m);
        expect(await efs('efs doctor')).toMatch(/^the service would start: 0 problems/m);
        const { child } = start(`${define}\nefs run`, clone, settings);
        try {
          await efs('efs simulate --seed 1');
          const show = (): Promise<string | null> => efs('efs delivery DM1-1').catch(() => null);
          const shown = await until('the delivery', show, BETWEEN_COMMANDS_MS);
          expect(shown).toMatch(/^delivery DM1-1, policy EFS/);
          const whole = async (): Promise<string | null> => {
            const figures = await efs('efs delivery DM1-1');
            return /^relayed +2,784$/m.test(figures) ? figures : null;
          };
          const complete = await until('all of the delivery', whole, BETWEEN_COMMANDS_MS);
          expect(complete).toMatch(/^success +\d/m);
          const message = commands.find((line) => line.startsWith('efs message ')) ?? '';
          expect(await efs(message)).toContain('SENT');
          expect(await efs('efs kpis --from-beginning | head -n 1')).toMatch(/ DM1-\d+ .* success /);
        } finally {
          await stop(child);
        }
      });
    },
    TIMEOUT_MS,
  );

  it(
    'shows how Success rises in a Node program that embeds the service',
    async () => {
      const [install = ''] = commandsOf('Inside another program');
      const program = join(home, 'program');
      mkdirSync(program);
      writeFileSync(join(program, 'package.json'), '{ "private": true }\n');
      const example = readFileSync(join(root, 'examples', 'embed.mjs'), 'utf8');
      writeFileSync(
        join(program, 'main.mjs'),
        example.replace("'../dist/index.js'", "'email-feedback-service'"),
      );
      await timed('embedding', async () => {
        await run('npm run build', clone);
        await run(install, program);
        expect(await run('node main.mjs', program)).toContain('spring-sale: 3 of 4 sent, Success 75 %\n');
      });
    },
    TIMEOUT_MS,
  );
});
