import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

const CLI = join(__dirname, '..', 'dist', 'cli.js');

/** Runs a command of `efs` to its end; returns its output. Throws where it fails. */
export async function runEfs(args: readonly string[], settings: Record<string, string>): Promise<string> {
  return runNode([CLI, ...args], settings);
}

/** Starts a command of `efs` and kills it after a time. Throws where it had ended by then. */
export async function killedEfs(
  args: readonly string[],
  settings: Record<string, string>,
  afterMs: number,
): Promise<void> {
  const child = spawn(process.execPath, [CLI, ...args], {
    env: { ...process.env, ...settings },
    stdio: 'ignore',
  });
  const ended = new Promise((resolve) => child.once('close', (_, signal) => resolve(signal)));
  const timer = setTimeout(() => child.kill('SIGKILL'), afterMs);
  const signal = await ended;
  clearTimeout(timer);
  if (signal !== 'SIGKILL') throw new Error(`${args.join(' ')} ended before it was killed`);
}

/** Runs a script to its end; returns its output. */
export function runNode(args: readonly string[], environment: Record<string, string>): Promise<string> {
  return runProgram(process.execPath, args, environment);
}

/** Runs a program to its end; returns its output. Throws where it fails. */
export async function runProgram(
  command: string,
  args: readonly string[],
  environment: Record<string, string>,
): Promise<string> {
  const child = spawn(command, args, {
    env: { ...process.env, ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  let complaints = '';
  child.stdout.on('data', (bytes: Buffer) => (output += bytes.toString()));
  child.stderr.on('data', (bytes: Buffer) => (complaints += bytes.toString()));
  const code = await new Promise((resolve) => child.once('close', resolve));
  if (code !== 0)
    throw new Error(`${command} ${args.join(' ')} ended with ${String(code)}: ${complaints}${output}`);
  return output;
}

/** A line of the service's log, and when it was read. */
interface LogLine {
  readonly msg: string;
  readonly level: string;
  readonly at: number;
  readonly [field: string]: unknown;
}

/** `efs run` as a process. */
export interface RunningEfs {
  readonly pid: number;
  readonly port: number;
  /** Resolves with the first matching log line, printed already or later. Rejects when the process ends. */
  logged(fits: (line: LogLine) => boolean): Promise<LogLine>;
  stop(): Promise<void>;
}

/** Starts the service, or another command that serves; resolves when it listens. `node` are flags of Node itself. */
export async function startEfs(
  settings: Record<string, string>,
  node: string[] = [],
  command: readonly string[] = ['run'],
): Promise<RunningEfs> {
  const child = spawn(process.execPath, [...node, CLI, ...command], {
    env: { ...process.env, ...settings },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const lines: LogLine[] = [];
  const waiting = new Set<() => void>();
  let ended = false;
  const tell = (): void => waiting.forEach((look) => look());
  const closed = new Promise<void>((resolve) => child.once('close', () => resolve())).then(() => {
    ended = true;
    tell();
  });
  createInterface({ input: child.stdout }).on('line', (text) => {
    const line = { ...(JSON.parse(text) as Omit<LogLine, 'at'>), at: Date.now() } as LogLine;
    if (line.level !== 'info') console.error(text);
    lines.push(line);
    tell();
  });
  const logged = (fits: (line: LogLine) => boolean): Promise<LogLine> =>
    new Promise((resolve, reject) => {
      const look = (): void => {
        const line = lines.find(fits);
        if (line === undefined && !ended) return;
        waiting.delete(look);
        if (line !== undefined) resolve(line);
        else reject(new Error('efs run has ended'));
      };
      waiting.add(look);
      look();
    });
  const { port } = await logged(({ msg }) => msg === 'starting');
  return {
    pid: child.pid ?? 0,
    port: Number(port),
    logged,
    stop: async () => {
      child.kill('SIGTERM');
      await closed;
    },
  };
}

/** When the service began to consume, in milliseconds since 1970. */
export async function consumingSince(efs: RunningEfs): Promise<number> {
  const assigned = await efs.logged(
    ({ msg, pipeline, partitions }) =>
      msg === 'partitions assigned' && pipeline === 'status' && (partitions as number[]).length > 0,
  );
  return assigned.at;
}

/** A sample of /metrics: its name, its labels as they are written, its value. */
type Sample = readonly [name: string, labels: string, value: number];

/** The current samples of /metrics. */
export async function readMetrics(efs: RunningEfs): Promise<readonly Sample[]> {
  const response = await fetch(`http://127.0.0.1:${efs.port}/metrics`);
  const lines = (await response.text()).matchAll(/^(efs_\w+)(?:\{(.*)\})? (\S+)$/gm);
  return [...lines].map(([, name = '', labels = '', value]): Sample => [name, labels, Number(value)]);
}

/** The sum of the samples with this name and all of these labels. */
export function sumOf(samples: readonly Sample[], name: string, ...labels: readonly string[]): number {
  return samples
    .filter(([own, text]) => own === name && labels.every((label) => text.includes(label)))
    .reduce((sum, [, , value]) => sum + value, 0);
}
