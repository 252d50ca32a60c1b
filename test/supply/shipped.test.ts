import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const root = join(__dirname, '..', '..');

interface Lock {
  readonly packages: Record<string, { version: string; integrity: string; dev?: boolean; license?: string }>;
}

const lock = (): Lock => JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')) as Lock;

/** The packages that reach users, `name@version`, with their integrity. */
const shipped = new Map(
  Object.entries(lock().packages)
    .filter(([path, { dev }]) => path !== '' && (dev !== true || path === 'node_modules/uplot'))
    .map(([path, { version, integrity }]) => [`${path.split('node_modules/').at(-1)}@${version}`, integrity]),
);

function run(script: string, ...args: string[]): { status: number | null; stdout: string; stderr: string } {
  return spawnSync(process.execPath, [join(root, 'scripts', script), ...args], { encoding: 'utf8' });
}

describe('scripts/licences.mjs', () => {
  it('finds every package that reaches users, with an allowed licence', () => {
    const { status, stdout, stderr } = run('licences.mjs');
    expect([status, stderr]).toEqual([0, '']);
    const ids = stdout
      .trim()
      .split('\n')
      .map((line) => line.split(/ +/)[1]);
    expect([...new Set(ids)].sort()).toEqual([...shipped.keys()].sort());
  });

  it.each([
    ['another licence', 'node_modules/zod', { license: 'GPL-3.0-only' }, 'not allowed: GPL-3.0-only of zod@'],
    ['none', 'node_modules/zod', { license: undefined }, 'not allowed: none of zod@'],
    [
      'none, in another version than the one whose file was read',
      'node_modules/@kafkajs/confluent-schema-registry',
      { version: '3.9.1' },
      'not allowed: none of @kafkajs/confluent-schema-registry@3.9.1',
    ],
  ])('fails with %s', (_, path, change, message) => {
    const folder = mkdtempSync(join(tmpdir(), 'efs-test-licences-'));
    const { packages } = lock();
    Object.assign(packages[path] ?? {}, change);
    writeFileSync(join(folder, 'package-lock.json'), JSON.stringify({ packages }));
    writeFileSync(join(folder, 'package.json'), readFileSync(join(root, 'package.json')));
    const { status, stderr } = run('licences.mjs', folder);
    rmSync(folder, { recursive: true });
    expect([status, stderr]).toEqual([1, expect.stringContaining(message)]);
  });
});

describe('scripts/sbom.mjs', () => {
  interface Bom {
    readonly bomFormat: string;
    readonly metadata: { readonly component: { readonly name: string; readonly version: string } };
    readonly components: readonly {
      readonly name: string;
      readonly version: string;
      readonly hashes: readonly { readonly alg: string; readonly content: string }[];
    }[];
  }

  it('lists every package that reaches users, and no other, with the SHA-512 of the lockfile', () => {
    const { status, stdout } = run('sbom.mjs');
    expect(status).toBe(0);
    const { bomFormat, metadata, components } = JSON.parse(stdout) as Bom;
    expect([bomFormat, metadata.component.name]).toEqual(['CycloneDX', 'email-feedback-service']);
    const found = components.map(({ name, version, hashes }) => {
      const sha512 = hashes.find(({ alg }) => alg === 'SHA-512')?.content ?? '';
      return [`${name}@${version}`, `sha512-${Buffer.from(sha512, 'hex').toString('base64')}`] as const;
    });
    expect(new Map(found)).toEqual(shipped);
  });
});
