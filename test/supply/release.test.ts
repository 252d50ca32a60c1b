import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parse } from 'yaml';

interface Job {
  readonly 'runs-on': string;
  readonly needs?: string;
  readonly permissions?: Readonly<Record<string, string>>;
  readonly strategy?: { readonly matrix: { readonly include: readonly { arch: string; runner: string }[] } };
  readonly steps: readonly { readonly name?: string; readonly run?: string }[];
}

interface Workflow {
  readonly on: unknown;
  readonly permissions: unknown;
  readonly jobs: Readonly<Record<'check' | 'package' | 'image' | 'index', Job>>;
}

const root = join(__dirname, '..', '..');
const read = (file: string): string => readFileSync(join(root, file), 'utf8');
const { on, permissions, jobs } = parse(read('.github/workflows/release.yml')) as Workflow;

const commands = (job: Job): string => job.steps.map(({ run = '' }) => run).join('\n');

describe('the release', () => {
  it('runs for a tag of a version only, and publishes only what has passed the check', () => {
    expect(on).toEqual({ push: { tags: ['v*'] } });
    expect([jobs.package.needs, jobs.image.needs, jobs.index.needs]).toEqual(['check', 'check', 'image']);
    expect(commands(jobs.check)).toMatch(/^\.ci\/run$/m);
  });

  it('lets each job write only what it publishes', () => {
    expect(permissions).toEqual({ contents: 'read' });
    const writing = Object.entries(jobs).map(([name, job]) => [
      name,
      Object.entries(job.permissions ?? {}).flatMap(([scope, access]) => (access === 'write' ? [scope] : [])),
    ]);
    expect(Object.fromEntries(writing)).toEqual({
      ...{ check: [], package: ['id-token'] },
      ...{ image: ['packages'], index: ['packages'] },
    });
  });

  it('publishes the package with its provenance, after an install without scripts', () => {
    expect(commands(jobs.package)).toMatch(/^npm ci --ignore-scripts$[^]*^npm publish --provenance /m);
  });

  it('builds the image on a machine of each platform, with provenance and bill of materials', () => {
    const platforms = jobs.image.strategy?.matrix.include ?? [];
    expect(platforms.map(({ arch, runner }) => [arch, /-arm$/.test(runner)])).toEqual([
      ['amd64', false],
      ['arm64', true],
    ]);
    expect(commands(jobs.image)).toContain(
      'build --push --platform "linux/$ARCH" --provenance mode=max --sbom true',
    );
    const joined = [...commands(jobs.index).matchAll(/"\$image-(\w+)"/g)].map(([, arch]) => arch);
    expect(joined).toEqual(platforms.map(({ arch }) => arch));
  });

  it.each([
    ['goes on where tag, version and changelog agree', 'v1.2.3', '## [1.2.3] - 2026-12-01', 0],
    ['ends where the tag is another version', 'v1.2.4', '## [1.2.3] - 2026-12-01', 1],
    ['ends where the changelog has no date', 'v1.2.3', '## [1.2.3] - unreleased', 1],
    ['ends where the changelog does not know the version', 'v1.2.3', '## [1.2.2] - 2026-11-01', 1],
  ])('%s', (_, tag, heading, expected) => {
    const folder = mkdtempSync(join(tmpdir(), 'efs-test-release-'));
    writeFileSync(join(folder, 'package.json'), JSON.stringify({ version: '1.2.3' }));
    writeFileSync(join(folder, 'CHANGELOG.md'), `# Changelog\n\n${heading}\n`);
    const { run = '' } = jobs.check.steps.find(({ name }) => name?.startsWith('the tag is')) ?? {};
    // As the runner starts a step.
    const { status } = spawnSync('bash', ['-e', '-c', run], {
      cwd: folder,
      env: { PATH: process.env['PATH'], GITHUB_REF_NAME: tag },
    });
    rmSync(folder, { recursive: true });
    expect(status).toBe(expected);
  });
});
