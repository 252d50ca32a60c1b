import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { transformSync } from '@swc/core';
import { type Orders, ORDERS_VARIABLE } from './faults';

const ROOT = join(__dirname, '..', '..');
const CLI = join(ROOT, 'dist', 'cli.js');
/** Two folders below the root, as the sources of the worker are: their paths to src become paths to dist. */
const COMPILED = join(ROOT, '.cache', 'fire');

export type Settings = Readonly<Record<string, string>>;

export interface Ended {
  readonly exitCode: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly out: string;
  readonly err: string;
}

/** One line of a worker's log. */
export interface Line {
  readonly time: string;
  readonly level: string;
  readonly msg: string;
  readonly [field: string]: unknown;
}

/** A process of the service, to be watched and mistreated. */
export interface Worker {
  readonly name: string;
  signal(signal: NodeJS.Signals): void;
  alive(): boolean;
  /** Resolves when the process is gone. */
  readonly ended: Promise<Ended>;
  lines(): readonly Line[];
  says(message: string): boolean;
  /** All that it has printed so far. */
  output(): string;
  /** The same of standard error. */
  complains(message: string): boolean;
  get(path: string): Promise<{ status: number; text: string }>;
  /** The sum of a counter over its labels. */
  counter(name: string): Promise<number>;
}

/** The environment without settings of whoever runs the tests. */
function environment(settings: Settings): NodeJS.ProcessEnv {
  const inherited = Object.entries(process.env).filter(([name]) => !name.startsWith('EFS_'));
  return { ...Object.fromEntries(inherited), ...settings };
}

/** Kills the process also where this one dies without a word: the shell's input then ends. */
function leash(child: ChildProcess): void {
  const script = 'read _; kill -9 "$1" 2>/dev/null';
  const shell = spawn('sh', ['-c', script, 'leash', String(child.pid)], {
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
  });
  shell.unref();
  shell.stdin.on('error', () => undefined);
  (shell.stdin as unknown as { unref(): void }).unref();
  child.once('exit', () => shell.kill('SIGKILL'));
}

function watched(args: readonly string[], env: NodeJS.ProcessEnv) {
  const child = spawn(process.execPath, args, { env, stdio: ['ignore', 'pipe', 'pipe'] });
  leash(child);
  const said = { out: '', err: '' };
  child.stdout.on('data', (chunk) => (said.out += String(chunk)));
  child.stderr.on('data', (chunk) => (said.err += String(chunk)));
  const ended = new Promise<Ended>((resolve) =>
    child.once('close', (exitCode, signal) => resolve({ exitCode, signal, ...said })),
  );
  return { child, said, ended };
}

/** Runs a command of `efs` to its end. */
export function efs(args: readonly string[], settings: Settings): Promise<Ended> {
  return watched([CLI, ...args], environment(settings)).ended;
}

function startProcess(name: string, args: readonly string[], settings: Settings): Worker {
  const { child, said, ended } = watched(
    args,
    environment({ EFS_HTTP_PORT: '0', EFS_LOG_FORMAT: 'json', ...settings }),
  );
  const lines = (): Line[] =>
    said.out
      .split('\n')
      .filter((text) => text.startsWith('{') && text.endsWith('}'))
      .map((text) => JSON.parse(text) as Line);
  const get = async (path: string): Promise<{ status: number; text: string }> => {
    const port = lines().find(({ msg }) => msg === 'starting')?.['port'];
    const answer = await fetch(`http://127.0.0.1:${String(port)}${path}`);
    return { status: answer.status, text: await answer.text() };
  };
  return {
    name,
    ended,
    lines,
    get,
    signal: (signal) => void child.kill(signal),
    alive: () => child.exitCode === null && child.signalCode === null,
    says: (message) => said.out.includes(message),
    output: () => said.out,
    complains: (message) => said.err.includes(message),
    counter: async (metric) => {
      const { text } = await get('/metrics');
      const samples = [...text.matchAll(new RegExp(`^${metric}(?:\\{[^}]*\\})? (\\S+)$`, 'gm'))];
      return samples.reduce((sum, [, value]) => sum + Number(value), 0);
    },
  };
}

const LAST_LINES = 15;

/** What a worker has said last and how it stands, in lines: for whoever reads that a test has failed. */
export async function lastWords(worker: Worker): Promise<string> {
  const stands = worker.alive()
    ? worker.get('/readyz').then(({ text }) => text, String)
    : worker.ended.then(({ exitCode, err }) => `ended with ${exitCode}: ${err}`);
  const lines = worker.output().trimEnd().split('\n').slice(-LAST_LINES);
  return [`${worker.name}: ${await stands}`, ...lines].join('\n  ');
}

/** A command of `efs` as built, to be watched while it runs. */
export function startEfs(name: string, args: readonly string[], settings: Settings): Worker {
  return startProcess(name, [CLI, ...args], settings);
}

/** `efs run` as built. */
export function startRun(name: string, settings: Settings): Worker {
  return startProcess(name, [CLI, 'run'], settings);
}

/** The test's own worker (worker.ts) on the built modules. */
export function startStruck(name: string, settings: Settings, orders: Orders): Worker {
  const env = { ...settings, [ORDERS_VARIABLE]: JSON.stringify(orders) };
  return startProcess(name, [compiledWorker()], env);
}

let compiled: string | null = null;

function compiledWorker(): string {
  if (compiled !== null) return compiled;
  if (!existsSync(CLI)) throw new Error('dist/ is missing: run npm run build');
  mkdirSync(COMPILED, { recursive: true });
  for (const name of ['worker', 'faults']) {
    const source = readFileSync(join(__dirname, `${name}.ts`), 'utf8').replaceAll(
      "'../../src/",
      "'../../dist/",
    );
    const { code } = transformSync(source, {
      filename: `${name}.ts`,
      jsc: { target: 'es2022', parser: { syntax: 'typescript' } },
      module: { type: 'commonjs' },
    });
    writeFileSync(join(COMPILED, `${name}.js`), code);
  }
  compiled = join(COMPILED, 'worker.js');
  return compiled;
}
