import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';

const root = join(__dirname, '..', '..');
const read = (file: string): string => readFileSync(join(root, file), 'utf8');

interface Versioned {
  readonly version: string;
}

/** The files that `npm pack` takes of this checkout; those of dist/ where it is built. */
const PACKED = (
  JSON.parse(
    execFileSync('npm', ['pack', '--dry-run', '--json', '--ignore-scripts'], {
      cwd: root,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    }),
  ) as [{ readonly files: readonly { readonly path: string }[] }]
)[0].files.map(({ path }) => path);

/** What the links and images of a text refer to beside it, without fragments. */
const targets = (text: string): string[] =>
  [...text.matchAll(/\]\(([^)#\s]+)[^)]*\)|(?:src|srcset)="([^"]+)"/g)]
    .map(([, link, image]) => link ?? image ?? '')
    .filter((target) => !/^(https?|mailto):/.test(target));

const isPacked = (path: string): boolean =>
  PACKED.some((file) => file === path || file.startsWith(`${path.replace(/\/$/, '')}/`));

/** Links of a page that lead to nothing in the package. */
const brokenLinks = (page: string): string[] =>
  targets(read(page))
    .map((target) => normalize(join(dirname(page), target)))
    .filter((path) => !isPacked(path));

describe('the package', () => {
  it('has the schemas, the sources that source maps refer to, and the pages', () => {
    const wanted = ['schemas/relayed.avsc', 'src/index.ts', 'docs/operations.md', 'CHANGELOG.md', 'LICENSE'];
    expect(wanted.filter((file) => !PACKED.includes(file))).toEqual([]);
  });

  it('has no tests, tools or settings of the repository', () => {
    const foreign = /^(test|scripts|\.[^/]+|node_modules)\/|^\.|^[^/]+\.config\.|^dist\/\.sources$/;
    expect(PACKED.filter((file) => foreign.test(file))).toEqual([]);
  });

  it('has a README whose every link and image is in it', () => {
    expect(targets(read('README.md')).length).toBeGreaterThan(20);
    expect(brokenLinks('README.md')).toEqual([]);
  });

  it('has no page with another broken link than to tests and benchmarks, which a clone has', () => {
    const pages = PACKED.filter((file) => file.endsWith('.md') && !file.startsWith('bench/'));
    expect(pages.length).toBeGreaterThan(20);
    const broken = pages.flatMap((page) => brokenLinks(page).map((path) => `${page}: ${path}`));
    expect(broken.filter((link) => !/: (test|bench)(\/|$)/.test(link))).toEqual([]);
  });
});

describe('the workflow of every push', () => {
  it('tests on the oldest Node that the package admits, and on that of the image', () => {
    const { engines } = JSON.parse(read('package.json')) as { engines: { node: string } };
    const [, matrix = ''] = /matrix: \{ node: \[(.*)\] \}/.exec(read('.github/workflows/build.yml')) ?? [];
    expect(matrix).toBe(`'${engines.node.replace('>=', '')}', '${read('.nvmrc').trim()}'`);
  });
});

describe('the version', () => {
  const { version } = JSON.parse(read('package.json')) as Versioned;

  it('is the same in package.json, in the lockfile, and topmost in the changelog', () => {
    const lock = JSON.parse(read('package-lock.json')) as Versioned & { packages: { '': Versioned } };
    const [, topmost] = /^## \[(.+?)\]/m.exec(read('CHANGELOG.md')) ?? [];
    expect([lock.version, lock.packages[''].version, topmost]).toEqual([version, version, version]);
  });

  it('has a row in the table of upgrades that says what to do', () => {
    const [, table = ''] = read('docs/operations.md').split('\n### From version to version\n');
    const [part = ''] = table.split('\n#', 1);
    expect(part).toMatch(new RegExp(`^\\| [\\d.]+ +\\| ${version.replaceAll('.', '\\.')} +\\| \\S`, 'm'));
  });
});
