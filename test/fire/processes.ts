import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { transformSync } from '@swc/core';
import { type InjectedFaults, FAULTS_VARIABLE } from './faults';

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

/** A process of the service, to be observed, signalled and killed. */
export interface Worker {
  readonly name: string;
  signal(signal: NodeJS.Signals): void;
  alive(): boolean;
  /** Resolves when the process has exited. */
  readonly ended: Promise<Ended>;
  lines(): readonly Line[];
  hasLogged(message: string): boolean;
  /** Its standard output so far. */
  output(): string;
  /** The same of standard error. */
  hasPrintedError(message: string): boolean;
  get(path: string): Promise<{ status: number; text: string }>;
  /** The sum of a counter over its labels. */
  counter(name: string): Promise<number>;
}

/** The partitions of a pipeline that a worker has been assigned last. */
export function assignedTo(worker: Worker, pipeline: 'status' | 'kpi'): readonly number[] {
  const lines = worker
    .lines()
    .filter(({ msg, pipeline: of }) => msg === 'partitions assigned' && of === pipeline);
  return (lines.at(-1)?.['partitions'] as number[] | undefined) ?? [];
}

/** Whether a process listens and answers a path with 200. */
export const answers = (process: Worker, path: string): Promise<boolean> =>
  process.get(path).then(
    ({ status }) => status === 200,
    () => false,
  );

/** Whether a worker has been assigned its partitions and is ready. */
export const isReady = async (worker: Worker): Promise<boolean> =>
  worker.hasLogged('partitions assigned') && answers(worker, '/readyz');

/** The environment without the settings of the machine that runs the tests. */
function environment(settings: Settings): NodeJS.ProcessEnv {
  const inherited = Object.entries(process.env).filter(([name]) => !name.startsWith('EFS_'));
  return { ...Object.fromEntries(inherited), ...settings };
}

/** Kills the process also where this one is killed: the shell's input then ends. */
function killWithParent(child: ChildProcess): void {
  const script = 'read _; kill -9 "$1" 2>/dev/null';
  const shell = spawn('sh', ['-c', script, 'killWithParent', String(child.pid)], {
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
  });
  shell.unref();
  shell.stdin.on('error', () => undefined);
  (shell.stdin as unknown as { unref(): void }).unref();
  child.once('exit', () => shell.kill('SIGKILL'));
}

function spawnWatched(args: readonly string[], env: NodeJS.ProcessEnv) {
  const child = spawn(process.execPath, args, { env, stdio: ['ignore', 'pipe', 'pipe'] });
  killWithParent(child);
  const printed = { out: '', err: '' };
  child.stdout.on('data', (chunk) => (printed.out += String(chunk)));
  child.stderr.on('data', (chunk) => (printed.err += String(chunk)));
  const ended = new Promise<Ended>((resolve) =>
    child.once('close', (exitCode, signal) => resolve({ exitCode, signal, ...printed })),
  );
  return { child, printed, ended };
}

/** Runs a command of `efs` to its end. */
export function efs(args: readonly string[], settings: Settings): Promise<Ended> {
  return spawnWatched([CLI, ...args], environment(settings)).ended;
}

function startProcess(name: string, args: readonly string[], settings: Settings): Worker {
  const { child, printed, ended } = spawnWatched(
    args,
    environment({ EFS_HTTP_PORT: '0', EFS_LOG_FORMAT: 'json', ...settings }),
  );
  const parsed: Line[] = [];
  let parsedUntil = 0;
  /** Parses each line once: a test may ask a hundred times. */
  const lines = (): Line[] => {
    const end = printed.out.lastIndexOf('\n') + 1;
    const more = printed.out.slice(parsedUntil, end).split('\n');
    parsedUntil = end;
    for (const text of more)
      if (text.startsWith('{') && text.endsWith('}')) parsed.push(JSON.parse(text) as Line);
    return [...parsed];
  };
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
    hasLogged: (message) => printed.out.includes(message),
    output: () => printed.out,
    hasPrintedError: (message) => printed.err.includes(message),
    counter: async (metric) => {
      const { text } = await get('/metrics');
      const samples = [...text.matchAll(new RegExp(`^${metric}(?:\\{[^}]*\\})? (\\S+)$`, 'gm'))];
      return samples.reduce((sum, [, value]) => sum + Number(value), 0);
    },
  };
}

const LAST_LINES = 15;

/** A worker's last log lines and its state, for the message of a failed test. */
export async function lastLines(worker: Worker): Promise<string> {
  const state = worker.alive()
    ? worker.get('/readyz').then(({ text }) => text, String)
    : worker.ended.then(({ exitCode, err }) => `ended with ${exitCode}: ${err}`);
  const lines = worker.output().trimEnd().split('\n').slice(-LAST_LINES);
  return [`${worker.name}: ${await state}`, ...lines].join('\n  ');
}

/** A command of `efs` as built, to be observed while it runs. */
export function startEfs(name: string, args: readonly string[], settings: Settings): Worker {
  return startProcess(name, [CLI, ...args], settings);
}

/** `efs run` as built. */
export function startRun(name: string, settings: Settings): Worker {
  return startProcess(name, [CLI, 'run'], settings);
}

/** The test's own worker (worker.ts) on the built modules. */
export function startFaultyWorker(name: string, settings: Settings, injected: InjectedFaults): Worker {
  const env = { ...settings, [FAULTS_VARIABLE]: JSON.stringify(injected) };
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
