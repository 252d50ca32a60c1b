// Makes a fresh clone runnable: installs what package-lock.json names where node_modules is missing or differs,
// and, with --build, builds dist/ where the sources are other than those it was built from (build.mjs: --types). Plain JavaScript
// without dependencies, because it runs before there are any.
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build, isBuilt, isStarted } from './build.mjs';

export const root = fileURLToPath(new URL('..', import.meta.url));
const NODE_LEAST = [20, 19];

function checkNode() {
  const [major, minor] = process.versions.node.split('.').map(Number);
  if (major > NODE_LEAST[0] || (major === NODE_LEAST[0] && minor >= NODE_LEAST[1])) return;
  console.error(`Node ${NODE_LEAST.join('.')} or later is needed, this is ${process.versions.node}.`);
  process.exit(1);
}

const packagesOf = (file) => JSON.parse(readFileSync(file, 'utf8')).packages;

/** Whether every package of the lockfile is there in its version. npm keeps the record it is compared with. */
function isInstalled() {
  const record = join(root, 'node_modules', '.package-lock.json');
  if (!existsSync(record)) return false;
  const installed = packagesOf(record);
  return Object.entries(packagesOf(join(root, 'package-lock.json'))).every(
    ([path, { version, optional }]) =>
      path === '' || installed[path]?.version === version || (optional && !installed[path]),
  );
}

/** Installs what is not there; ends the process where that fails. */
export function ensureInstalled() {
  checkNode();
  if (!isInstalled()) {
    console.error('Installing dependencies (npm ci) ...');
    // By a shell: on Windows npm is a batch file, which Node starts in no other way.
    const { status } = spawnSync('npm ci --ignore-scripts --include=dev', {
      cwd: root,
      stdio: 'inherit',
      shell: true,
    });
    if (status !== 0) process.exit(status ?? 1);
  }
}

/** Builds dist/ where it is not that of the sources, or has no declarations and `types` wants them. Gives whether it is now. */
export function ensureBuilt({ types = false } = {}) {
  if (isBuilt({ types })) return true;
  console.error('Building dist/ ...');
  return build({ types });
}

if (isStarted(import.meta.url)) {
  ensureInstalled();
  const types = process.argv.includes('--types');
  if (process.argv.includes('--build') && !ensureBuilt({ types })) process.exitCode = 1;
}
