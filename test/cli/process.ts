import { spawn } from 'node:child_process';
import { join } from 'node:path';

const CLI = join(__dirname, '..', '..', 'dist', 'cli.js');

interface Ended {
  readonly exitCode: number | null;
  readonly out: string;
  readonly err: string;
}

/**
 * Runs `efs` in a process of its own, with no other settings than those given. `reads` is false for a caller that closes the
 * pipes of its output at once, `only errors` for one that closes that of standard output.
 */
export function efs(
  args: readonly string[],
  settings: Record<string, string> = {},
  { reads = true }: { reads?: boolean | 'only errors' } = {},
): Promise<Ended> {
  const inherited = Object.entries(process.env).filter(([name]) => !name.startsWith('EFS_'));
  const env = { ...Object.fromEntries(inherited), ...settings };
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [CLI, ...args], { env, stdio: ['ignore', 'pipe', 'pipe'] });
    if (reads !== true) child.stdout.destroy();
    if (reads === false) child.stderr.destroy();
    let [out, err] = ['', ''];
    child.stdout.on('data', (chunk) => (out += String(chunk)));
    child.stderr.on('data', (chunk) => (err += String(chunk)));
    child.on('close', (exitCode) => resolve({ exitCode, out, err }));
  });
}
