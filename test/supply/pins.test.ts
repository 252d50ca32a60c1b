import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';

const root = join(__dirname, '..', '..');
const read = (file: string): string => readFileSync(join(root, file), 'utf8');

const WORKFLOWS = readdirSync(join(root, '.github', 'workflows')).map((file) =>
  join('.github/workflows', file),
);
const FILES = ['Dockerfile', 'docker-compose.yml', ...WORKFLOWS];

/** What a file runs that others publish: images, but for the stages of the file itself, and actions with their comment. */
function references(text: string): string[] {
  const stages = [...text.matchAll(/^FROM \S+ AS (\S+)$/gm)].map(([, stage]) => stage);
  const found = [
    ...text.matchAll(/^(?:FROM|# syntax=|.*\bimage:|.*\buses:|COPY --from=) *(\S+)(?: (# \S+)?.*)?$/gm),
  ];
  return found
    .filter(([, name]) => !stages.includes(name))
    .map(([, name = '', comment]) => (comment === undefined ? name : `${name} ${comment}`));
}

/** A digest for an image, a commit with its tag for an action: nobody can change what they mean. */
const isPinned = (reference: string): boolean =>
  /^[\w./-]+:[\w.-]+@sha256:[0-9a-f]{64}$/.test(reference) ||
  /^[\w./-]+@[0-9a-f]{40} # v[\d.]+$/.test(reference);

/** The references that SECURITY.md lists as not pinned yet. */
function listed(): string[] {
  const [, after = ''] = read('SECURITY.md').split('\n### Not pinned yet\n');
  const [part = ''] = after.split('\n#', 1);
  return [...part.matchAll(/^\| `([^`]+)` +\| +\S.* \|$/gm)].map(([, reference = '']) => reference);
}

describe('images and actions', () => {
  it.each(FILES)('of %s are found', (file) => {
    expect(references(read(file)).length).toBeGreaterThan(0);
  });

  it('are pinned, or SECURITY.md lists them with the reason; it lists no others', () => {
    const open = FILES.flatMap((file) => references(read(file))).filter((each) => !isPinned(each));
    expect(listed().sort()).toEqual([...new Set(open)].sort());
  });

  it.each([
    ['FROM node AS build', 'node'],
    ['FROM node:24-slim', 'node:24-slim'],
    ['# syntax=docker/dockerfile:1', 'docker/dockerfile:1'],
    ['COPY --from=busybox:1 /bin/sh /bin/sh', 'busybox:1'],
    ['    image: redis:7.4', 'redis:7.4'],
    ['      - uses: actions/checkout@v4', 'actions/checkout@v4'],
    ['      - uses: actions/checkout@main # v4.0.0', 'actions/checkout@main # v4.0.0'],
  ])('would not be pinned as %s', (line, reference) => {
    expect(references(line)).toEqual([reference]);
    expect(isPinned(reference)).toBe(false);
  });
});

describe('scripts/pin.mjs', () => {
  const folder = mkdtempSync(join(tmpdir(), 'efs-test-pins-'));
  afterAll(() => rmSync(folder, { recursive: true }));
  const file = join(folder, 'file.yml');
  const DIGEST = `sha256:${'d'.repeat(64)}`;
  const COMMIT = 'c'.repeat(40);

  /** Runs the script on one file, with a `docker` and a `git` that know one answer each. */
  function pin(text: string, args: readonly string[] = []): { status: number | null; text: string } {
    const bin = join(folder, 'bin');
    mkdirSync(bin, { recursive: true });
    writeFileSync(join(bin, 'docker'), `#!/bin/sh\necho ${DIGEST}\n`, { mode: 0o755 });
    const refs = `${'0'.repeat(40)}\\trefs/tags/v1\\n${COMMIT}\\trefs/tags/v1^{}\\n`;
    writeFileSync(join(bin, 'git'), `#!/bin/sh\nprintf '${refs}'\n`, { mode: 0o755 });
    writeFileSync(file, text);
    const { status } = spawnSync(process.execPath, [join(root, 'scripts', 'pin.mjs'), ...args, file], {
      env: { PATH: `${bin}${delimiter}${process.env['PATH'] ?? ''}` },
    });
    return { status, text: readFileSync(file, 'utf8') };
  }

  const before = 'FROM node:24-slim AS base\nFROM base\n    image: a/b:1.2\n    - uses: a/b@v1\n';
  const after = [
    `FROM node:24-slim@${DIGEST} AS base`,
    'FROM base',
    `    image: a/b:1.2@${DIGEST}`,
    `    - uses: a/b@${COMMIT} # v1`,
    '',
  ].join('\n');

  it('writes the digest of each image and the commit of each action behind their tags', () => {
    expect(pin(before)).toEqual({ status: 0, text: after });
    expect(references(after).every(isPinned)).toBe(true);
  });

  it('writes new ones over old ones, and leaves current ones', () => {
    const old = after.replaceAll(DIGEST, `sha256:${'e'.repeat(64)}`).replace(COMMIT, 'a'.repeat(40));
    expect(pin(old)).toEqual({ status: 0, text: after });
    expect(pin(after)).toEqual({ status: 0, text: after });
  });

  it('writes nothing with --check, and fails where a tag means something else', () => {
    expect(pin(after, ['--check'])).toEqual({ status: 0, text: after });
    const moved = after.replace(COMMIT, 'a'.repeat(40));
    expect(pin(moved, ['--check'])).toEqual({ status: 1, text: moved });
  });
});
