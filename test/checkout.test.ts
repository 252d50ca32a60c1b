import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';

const TOP_LEVEL = [
  '.ci',
  '.dockerignore',
  '.editorconfig',
  '.githooks',
  '.github',
  '.gitignore',
  '.npmrc',
  '.nvmrc',
  '.prettierignore',
  '.prettierrc',
  'CHANGELOG.md',
  'CONTRIBUTING.md',
  'Dockerfile',
  'LICENSE',
  'README.md',
  'SECURITY.md',
  'bench',
  'deploy',
  'docker-compose.yml',
  'docs',
  'examples',
  'eslint.config.mjs',
  'jest.config.mjs',
  'package-lock.json',
  'package.json',
  'schemas',
  'scripts',
  'src',
  'test',
  'tsconfig.build.json',
  'tsconfig.json',
];

const root = join(__dirname, '..');

/** The tracked files; none where this is no git checkout. */
function tracked(): string[] {
  if (!existsSync(join(root, '.git'))) return [];
  const listed = execFileSync('git', ['ls-files', '-z'], { cwd: root, encoding: 'utf8' });
  return listed.split('\0').filter((file) => file !== '' && existsSync(join(root, file)));
}

describe('the checkout', () => {
  const files = tracked();

  it('has nothing at its top that is not on the list', () => {
    const top = new Set(files.map((file) => file.split('/')[0] ?? ''));
    expect([...top].filter((entry) => !TOP_LEVEL.includes(entry))).toEqual([]);
  });

  it('names no path of a machine', () => {
    const home = /(?:^|[\s"'`=:(])\/(?:root|home\/(?!node\b)\w+|Users\/\w+|work)\/\w/m;
    const faults = files.filter((file) => {
      const text = readFileSync(join(root, file), 'utf8');
      return text.includes(`${root}/`) || home.test(text);
    });
    expect(faults).toEqual([]);
  });

  // On Windows npm is a batch file, which only a shell starts.
  it('starts without a shell of Unix: its scripts are commands of Node, and call npm by whatever shell there is', () => {
    const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
      scripts: Record<string, string>;
    };
    const commands = Object.values(scripts).flatMap((script) => script.split(' && '));
    expect(commands.filter((command) => !/^(node|prettier) [\w./ -]+$/.test(command))).toEqual([]);
    const calls = files.filter(
      (file) =>
        file.startsWith('scripts/') &&
        /\b(spawn|execFile)(Sync)?\(\s*['"](npm|npx)['"]/.test(readFileSync(join(root, file), 'utf8')),
    );
    expect(calls).toEqual([]);
  });

  it('pins every direct dependency to one version', () => {
    const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as Record<string, object>;
    const direct = Object.entries({ ...manifest['dependencies'], ...manifest['devDependencies'] });
    expect(direct.filter(([, version]) => !/^\d+\.\d+\.\d+$/.test(String(version)))).toEqual([]);
  });

  // Schemas come from the registry client and are read by the classes of avsc: both must mean the same ones.
  it('has one avsc', () => {
    const lock = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')) as { packages: object };
    const copies = Object.keys(lock.packages).filter((path) => path.endsWith('node_modules/avsc'));
    expect(copies).toEqual(['node_modules/avsc']);
    const client = createRequire(require.resolve('@kafkajs/confluent-schema-registry'));
    expect(client.resolve('avsc')).toBe(require.resolve('avsc'));
  });

  it('has a lockfile for every platform, without download addresses, and settings that keep it so', () => {
    const text = readFileSync(join(root, 'package-lock.json'), 'utf8');
    const { packages } = JSON.parse(text) as {
      packages: Record<string, { optionalDependencies?: Record<string, string> }>;
    };
    const optional = Object.values(packages).flatMap((each) => Object.keys(each.optionalDependencies ?? {}));
    const locked = Object.keys(packages).map((path) => path.slice(path.lastIndexOf('node_modules/') + 13));
    expect(optional.filter((name) => !locked.includes(name))).toEqual([]);
    expect(text).not.toMatch(/"resolved": "http/);
    const settings = readFileSync(join(root, '.npmrc'), 'utf8').split('\n');
    expect(settings).toContain('omit-lockfile-registry-resolved=true');
  });

  it('lets no dependency run a script when it is installed', () => {
    const { packages } = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')) as {
      packages: Record<string, { hasInstallScript?: boolean }>;
    };
    const scripted = Object.entries(packages).filter(([, each]) => each.hasInstallScript === true);
    const names = scripted.map(([path]) => path.slice(path.lastIndexOf('node_modules/') + 13));
    const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { allowScripts: object };
    expect(manifest.allowScripts).toEqual(Object.fromEntries(names.map((name) => [name, false])));
    expect(readFileSync(join(root, '.npmrc'), 'utf8')).toMatch(/^strict-allow-scripts=true$/m);
    const commands = [
      '.ci/run',
      '.github/workflows/supply-chain.yml',
      '.github/workflows/release.yml',
      'CONTRIBUTING.md',
      'Dockerfile',
      'scripts/ensure.mjs',
    ]
      .flatMap((file) => readFileSync(join(root, file), 'utf8').split('\n'))
      .filter((line) => /\bnpm ci\b(?! failed|\))|'npm', \['ci'/.test(line));
    expect(commands.length).toBeGreaterThan(4);
    expect(commands.filter((command) => !command.includes('--ignore-scripts'))).toEqual([]);
  });
});
