// Builds dist/ from src/: TypeScript compiled, everything else (scripts for Redis, the page) copied beside it. The
// old dist/ is replaced only when the new one is whole. Nothing checks types here (scripts/check.mjs does): that is twenty
// times the work, and a clone starts sooner without.
//   node scripts/build.mjs [--types]    with declarations for programs that import the package
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  cpSync,
  existsSync,
  readFileSync,
  readdirSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join, relative } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { transpiled } from './typescript.mjs';

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

/** Whether dist/ is that of the sources, with declarations where they are wanted. */
export function isBuilt({ types = false } = {}) {
  const file = join(dist, stamp);
  if (!existsSync(file) || readFileSync(file, 'utf8') !== fingerprint()) return false;
  return !types || existsSync(join(dist, 'index.d.ts'));
}

/** Whether it could be built; the compiler has said why not. */
export function build({ types = false } = {}) {
  const built = fingerprint();
  // Beside dist/, so that source maps, which name the sources relative to themselves, stay right when it is renamed.
  const draft = join(root, `.dist-${process.pid}`);
  rmSync(draft, { recursive: true, force: true });
  cpSync(join(root, 'src'), draft, {
    recursive: true,
    filter: (path) => !/\.ts$|[\\/]jsconfig\.json$/.test(path),
  });
  try {
    compile(draft);
    if (types) declare(draft);
  } catch (error) {
    console.error(String(error));
    rmSync(draft, { recursive: true, force: true });
    return false;
  }
  writeFileSync(join(draft, stamp), built);
  rmSync(dist, { recursive: true, force: true });
  renameSync(draft, dist);
  return true;
}

/** Compiles each module of src/ into `folder`, with its source map. */
function compile(folder) {
  const sources = readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' });
  for (const name of sources.filter((each) => each.endsWith('.ts') && !each.endsWith('.d.ts'))) {
    const filename = join(root, 'src', name);
    const target = join(folder, name.replace(/\.ts$/, '.js'));
    const { code, map } = transpiled(filename, {
      sourceMaps: true,
      inlineSourcesContent: false,
      sourceFileName: relative(dirname(target), filename).replaceAll('\\', '/'),
    });
    writeFileSync(target, `${code}//# sourceMappingURL=${basename(target)}.map\n`);
    writeFileSync(`${target}.map`, map);
  }
}

/** Writes the declarations of src/ into `folder`. */
function declare(folder) {
  const tsc = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
  const args = [tsc, '-p', 'tsconfig.build.json', '--noCheck', '--outDir', folder];
  const { status } = spawnSync(process.execPath, args, { cwd: root, stdio: 'inherit' });
  if (status !== 0) throw new Error('the declarations could not be made');
}

/** Whether the module of this URL is the script that was started, by whatever links its path has. */
export const isStarted = (url) =>
  process.argv[1] !== undefined && url === pathToFileURL(realpathSync(process.argv[1])).href;

if (isStarted(import.meta.url)) {
  process.exitCode = build({ types: process.argv.includes('--types') }) ? 0 : 1;
}
