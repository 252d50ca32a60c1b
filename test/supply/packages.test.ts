import { readFileSync } from 'node:fs';
import { join } from 'node:path';

interface Locked {
  readonly integrity?: string;
  readonly resolved?: string;
  readonly link?: boolean;
}

const LOCK = JSON.parse(readFileSync(join(__dirname, '..', '..', 'package-lock.json'), 'utf8')) as {
  readonly packages: Readonly<Record<string, Locked>>;
};
const locked = Object.entries(LOCK.packages).filter(([path]) => path !== '');

/**
 * npm checks what it downloads against `integrity`. Packages of the registry have no `resolved` (`.npmrc` omits it); those of
 * a repository, an address or a folder have one, or are links.
 */
const isVerified = ({ integrity, resolved, link }: Locked): boolean =>
  /^sha512-[\w+/]{86}==$/.test(integrity ?? '') && resolved === undefined && link === undefined;

describe('package-lock.json', () => {
  it('has a SHA-512 for every package, and each comes from the registry', () => {
    expect(locked.length).toBeGreaterThan(100);
    expect(locked.filter(([, each]) => !isVerified(each)).map(([path]) => path)).toEqual([]);
  });

  const integrity = `sha512-${'A'.repeat(86)}==`;
  it.each<[string, Locked]>([
    ['no integrity', {}],
    ['a SHA-1', { integrity: 'sha1-AAAAAAAAAAAAAAAAAAAAAAAAAAA=' }],
    ['a repository', { integrity, resolved: 'git+ssh://git@example.org/a/b.git#0123456' }],
    ['a folder', { resolved: '../b', link: true }],
  ])('would not be accepted with %s', (_, each) => {
    expect([isVerified({ integrity }), isVerified(each)]).toEqual([true, false]);
  });
});
