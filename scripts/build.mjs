// Builds dist/ from src/: TypeScript compiled, everything else (scripts for Redis, the page) copied beside it. The
// old dist/ is replaced only when the new one is whole.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  cpSync,
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const dist = join(root, 'dist');
const stamp = '.sources';

/** A hash over everything the build reads: times say nothing after a checkout. */
function fingerprint() {
  const sources = readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' })
    .map((file) => join('src', file))
    .filter((file) => statSync(join(root, file)).isFile());
  const hash = createHash('sha256');
  for (const file of [...sources.sort(), 'tsconfig.json', 'tsconfig.build.json', 'package-lock.json']) {
    hash
      .update(`${file}\0`)
      .update(readFileSync(join(root, file)))
      .update('\0');
  }
  return hash.digest('hex');
}

export function isBuilt() {
  const file = join(dist, stamp);
  return existsSync(file) && readFileSync(file, 'utf8') === fingerprint();
}

/** Whether it could be built; the compiler has said why not. */
export function build() {
  const built = fingerprint();
  // Beside dist/, so that source maps, which name the sources relative to themselves, stay right when it is renamed.
  const draft = join(root, `.dist-${process.pid}`);
  rmSync(draft, { recursive: true, force: true });
  mkdirSync(draft, { recursive: true });
  const tsc = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
  const args = [tsc, '-p', 'tsconfig.build.json', '--outDir', draft];
  const { status } = spawnSync(process.execPath, args, { cwd: root, stdio: 'inherit' });
  if (status !== 0) {
    rmSync(draft, { recursive: true, force: true });
    return false;
  }
  cpSync(join(root, 'src'), draft, {
    recursive: true,
    filter: (path) => !/\.ts$|[\\/]jsconfig\.json$/.test(path),
  });
  writeFileSync(join(draft, stamp), built);
  rmSync(dist, { recursive: true, force: true });
  renameSync(draft, dist);
  return true;
}

/** Whether the module of this URL is the script that was started, by whatever links its path has. */
export const isStarted = (url) =>
  process.argv[1] !== undefined && url === pathToFileURL(realpathSync(process.argv[1])).href;

if (isStarted(import.meta.url)) {
  process.exitCode = build() ? 0 : 1;
}
