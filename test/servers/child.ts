import { spawn, type ChildProcess } from 'node:child_process';
import { closeSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** How to run a server as a child process. `dir` holds its data and its log, and is removed by `stop`. */
export interface ServerSpec {
  name: string;
  command: string;
  args: string[];
  env?: Record<string, string>;
  dir: string;
  startTimeoutMs: number;
  /** Whether it is ready; polled until it is. `log` is what it has printed since its start. */
  ready(log: string): boolean | Promise<boolean>;
}

/** A real server, to be used, killed and paused. Ports and data survive everything but `stop`. */
export interface Server {
  /** Sends `signal` (SIGKILL by default) and resolves when the process has exited. */
  kill(signal?: NodeJS.Signals): Promise<void>;
  /** SIGSTOP: the process keeps its sockets and answers nothing. */
  pause(): void;
  resume(): void;
  /** Kills it if it runs, then starts it on the same ports with the same data; resolves when it is ready. */
  restart(): Promise<void>;
  /** Kills it and removes its data. */
  stop(): Promise<void>;
  pid(): number;
  /** What it has printed since its last start. */
  log(): string;
}

/** A new directory for one server of one run. */
export function serverDir(name: string): string {
  return mkdtempSync(join(tmpdir(), `efs-test-${name}-`));
}

export const pollMs = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

let lastPort = 15_000 + Math.floor(Math.random() * 14_000);

const RESERVED = join(tmpdir(), 'efs-test-ports');

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

/** Whether this process has the port now. A server that is down, to be restarted, keeps its port that way. */
function reserve(port: number): boolean {
  mkdirSync(RESERVED, { recursive: true });
  const file = join(RESERVED, String(port));
  try {
    writeFileSync(file, String(process.pid), { flag: 'wx' });
    return true;
  } catch {
    if (isAlive(Number(readFileSync(file, 'utf8')))) return false;
    writeFileSync(file, String(process.pid));
    return true;
  }
}

/**
 * A free port below the range the kernel assigns to outgoing connections: a client that keeps dialling a server while
 * it is down could otherwise be assigned the server's own port and connect to itself.
 */
export async function freePort(): Promise<number> {
  for (let tries = 0; tries < 1_000; tries++) {
    const port = lastPort >= 30_000 ? 15_000 : lastPort + 1;
    lastPort = port;
    if ((await canListen(port)) && reserve(port)) return port;
  }
  throw new Error('no free port between 15000 and 30000');
}

function canListen(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once('error', () => resolve(false));
    probe.listen(port, '127.0.0.1', () => probe.close(() => resolve(true)));
  });
}

/**
 * A shell that waits for the end of its input, which comes whenever this process ends, by SIGKILL too, and then kills
 * the server and removes its data.
 */
function watch(pid: number, dir: string): ChildProcess {
  const script = 'read _; kill -9 "$1" 2>/dev/null; rm -rf "$2"';
  const reaper = spawn('sh', ['-c', script, 'reaper', String(pid), dir], {
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
  });
  reaper.on('error', () => {});
  reaper.stdin?.on('error', () => {});
  reaper.unref();
  if (reaper.stdin && 'unref' in reaper.stdin) (reaper.stdin as unknown as { unref(): void }).unref();
  return reaper;
}

interface Running {
  child: ChildProcess;
  reaper: ChildProcess;
  exited: Promise<void>;
}

function launch(spec: ServerSpec): Running {
  const log = openSync(join(spec.dir, 'server.log'), 'w');
  const child = spawn(spec.command, spec.args, {
    cwd: spec.dir,
    env: { ...process.env, ...spec.env },
    stdio: ['ignore', log, log],
  });
  closeSync(log);
  child.unref();
  if (child.pid === undefined) throw new Error(`${spec.name}: cannot run ${spec.command}`);
  const reaper = watch(child.pid, spec.dir);
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  child.once('error', () => {});
  return { child, reaper, exited };
}

const hasExited = (child: ChildProcess): boolean => child.exitCode !== null || child.signalCode !== null;

async function becomeReady(spec: ServerSpec, running: Running, log: () => string): Promise<void> {
  const deadline = Date.now() + spec.startTimeoutMs;
  while (!(await spec.ready(log()))) {
    const gone = hasExited(running.child);
    if (gone || Date.now() > deadline) {
      running.child.kill('SIGKILL');
      const why = gone ? 'ended before it was ready' : `was not ready after ${spec.startTimeoutMs} ms`;
      const errors = log()
        .split('\n')
        .filter((line) => /\b(?:ERROR|FATAL)\b/.test(line));
      const shown = [...errors.slice(0, 10), 'the end of its log:', log().slice(-4_000)].join('\n');
      throw new Error(`${spec.name} ${why}; ${shown}`);
    }
    await pollMs(40);
  }
}

/** Starts the process; resolves when it is ready. Throws with the end of its log when it does not become so. */
export async function startServer(spec: ServerSpec): Promise<Server> {
  const log = (): string => readFileSync(join(spec.dir, 'server.log'), 'utf8');
  let running = launch(spec);
  const kill = async (signal: NodeJS.Signals = 'SIGKILL'): Promise<void> => {
    if (!hasExited(running.child)) {
      running.child.ref();
      running.child.kill(signal);
      await running.exited;
    }
    running.reaper.kill('SIGKILL');
  };
  const stop = async (): Promise<void> => {
    await kill();
    rmSync(spec.dir, { recursive: true, force: true });
  };
  await becomeReady(spec, running, log).catch(async (error: unknown) => {
    await stop();
    throw error;
  });
  return {
    kill,
    stop,
    log,
    pid: () => running.child.pid ?? 0,
    pause: () => void running.child.kill('SIGSTOP'),
    resume: () => void running.child.kill('SIGCONT'),
    restart: async () => {
      await kill();
      running = launch(spec);
      await becomeReady(spec, running, log);
    },
  };
}

/** Several servers as one: each call goes to all of them at once. */
export function allOf(servers: readonly Server[]): Omit<Server, 'pid'> {
  const each = async (act: (server: Server) => Promise<void>): Promise<void> => {
    await Promise.all(servers.map(act));
  };
  return {
    kill: (signal) => each((server) => server.kill(signal)),
    restart: () => each((server) => server.restart()),
    stop: () => each((server) => server.stop()),
    pause: () => servers.forEach((server) => server.pause()),
    resume: () => servers.forEach((server) => server.resume()),
    log: () => servers.map((server) => server.log()).join('\n'),
  };
}
