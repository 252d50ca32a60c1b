import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import { nodeRelease } from '../servers/provision';

export const root = join(__dirname, '..', '..');

interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly engines: { readonly node: string };
  readonly devDependencies: Readonly<Record<string, string>>;
}

export const MANIFEST = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as Manifest;

/** The oldest release of Node that the package admits, `20.19.0`, and the release line of the image, `24`. */
export const OLDEST_NODE = `${MANIFEST.engines.node.replace('>=', '')}.0`;
export const IMAGE_NODE = readFileSync(join(root, '.nvmrc'), 'utf8').trim();

/** What npm needs of the environment where it does not know this repository. */
const OF_NPM = /^npm_config_(cache|registry|userconfig|globalconfig|https?_proxy|cafile)$/i;

/** The environment of someone who knows nothing of this repository, with `node` from `bin`. */
export function environment(bin: string): Record<string, string | undefined> {
  const kept = Object.entries(process.env).filter(
    ([name]) => OF_NPM.test(name) || !/^(npm_|EFS_|NODE_|JEST_)/i.test(name),
  );
  return { ...Object.fromEntries(kept), PATH: `${bin}${delimiter}${process.env['PATH'] ?? ''}` };
}

/** The folder of the running Node where releases cannot be fetched: they are for Linux. */
export const nodeOf = async (version: string): Promise<string> =>
  process.platform === 'linux' ? nodeRelease(version) : join(process.execPath, '..');

/** Runs a command in a folder to its end; gives both its outputs. Throws where it fails. */
export async function runIn(cwd: string, bin: string, command: readonly string[]): Promise<string> {
  const [file = '', ...args] = command;
  const { stdout, stderr } = await promisify(execFile)(file, args, {
    cwd,
    env: environment(bin),
    maxBuffer: 16 << 20,
  });
  return `${stdout}${stderr}`;
}

/** A command that serves until it is stopped; it has printed the address that it serves at. */
export interface Serving {
  readonly address: string;
  stop(): Promise<number | null>;
}

/** Sends a signal to the process and to all that it has started: `npx` passes none on. */
const signalGroup = ({ pid }: ChildProcess, signal: NodeJS.Signals): boolean =>
  pid !== undefined && process.kill(-pid, signal);

/** Starts `efs demo` by a command; resolves when it prints its address. Rejects where it ends before. */
export function startDemo(
  command: readonly string[],
  options: { cwd: string; env: Record<string, string | undefined>; uid?: number; gid?: number },
): Promise<Serving> {
  const [file = '', ...args] = command;
  const child = spawn(file, args, { ...options, detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
  const ended = new Promise<number | null>((resolve) => child.on('close', resolve));
  return new Promise((resolve, reject) => {
    let printed = '';
    const read = (chunk: unknown): void => {
      printed += String(chunk);
      const [, address] = /^Open (http:\S+\/)$/m.exec(printed) ?? [];
      if (address === undefined) return;
      resolve({ address, stop: () => (signalGroup(child, 'SIGINT'), ended) });
    };
    child.stdout.on('data', read);
    child.stderr.on('data', read);
    child.on('error', reject);
    void ended.then((code) => reject(new Error(`${command.join(' ')} ended with ${code}: ${printed}`)));
  });
}
