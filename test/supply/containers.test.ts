import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { contextOf, copyOf, lastOf, readStages, valuesOf } from './dockerfile';

const root = join(__dirname, '..', '..');
const read = (file: string): string => readFileSync(join(root, file), 'utf8');
const COMPOSE = read('docker-compose.yml');

/** Published ports that other machines reach. A list of ports in another form than `ports: ['...']` counts as one. */
function reachable(compose: string): string[] {
  const lines = compose.split('\n').filter((line) => /\b(ports|network_mode)['"]?:/.test(line));
  return lines.flatMap((line) => {
    const [, list] = /^\s+ports: \[(.+)\]$/.exec(line) ?? [];
    if (list === undefined) return [line.trim()];
    return list.split(', ').filter((port) => !/^'127\.0\.0\.1:\d+:\d+'$/.test(port));
  });
}

describe('docker-compose.yml', () => {
  it('publishes every port on 127.0.0.1 only', () => {
    expect(reachable(COMPOSE)).toEqual([]);
  });

  it.each([
    ['without an address', "ports: ['127.0.0.1:6379:6379']", "ports: ['6379:6379']"],
    ['on all addresses', "ports: ['127.0.0.1:6379:6379']", "ports: ['0.0.0.0:6379:6379']"],
    ['beside another', "ports: ['127.0.0.1:6379:6379']", "ports: ['127.0.0.1:6379:6379', '6380:6380']"],
    ['in a block', "ports: ['127.0.0.1:6379:6379']", "ports:\n      - '6379:6379'"],
    ['in a flow', "ports: ['127.0.0.1:6379:6379']", "deploy: { ports: ['6379:6379'] }"],
    ['by the network of the host', "ports: ['127.0.0.1:6379:6379']", 'network_mode: host'],
  ])('would fail with a port %s', (_, good, bad) => {
    expect(COMPOSE).toContain(good);
    expect(reachable(COMPOSE.replace(good, bad))).toHaveLength(1);
  });
});

describe('the image', () => {
  const stages = readStages(root);
  const last = stages.at(-1)!;
  const { version, description, license } = JSON.parse(read('package.json')) as Record<string, string>;

  it('runs as a user other than root, by number, who owns none of its files', () => {
    const users = last.instructions.filter(({ name }) => name === 'USER').map(({ rest }) => rest);
    expect(users).toEqual(['1000:1000']);
    expect(last.instructions.filter(({ rest }) => /--chown|--chmod|\bchown\b/.test(rest))).toEqual([]);
  });

  it('has the release line of Node that .nvmrc names', () => {
    const images = stages.map(({ from }) => from).filter((from) => from.includes(':'));
    expect(images.map((from) => from.split('@')[0])).toEqual([`node:${read('.nvmrc').trim()}-slim`]);
  });

  it('is copied from files that exist and that .dockerignore admits, and admits no others', () => {
    const copies = stages.flatMap(({ instructions }) => instructions.filter(({ name }) => name === 'COPY'));
    const sources = copies.map(({ rest }) => copyOf(rest)).filter(({ from }) => from === '');
    const files = [...new Set(sources.flatMap((each) => each.sources))].sort();
    expect(files.filter((file) => !existsSync(join(root, file)))).toEqual([]);
    expect(contextOf(read('.dockerignore')).sort()).toEqual(files);
  });

  it('has the version, description and licence of package.json as labels', () => {
    const label = (name: string): string | undefined =>
      valuesOf(last, 'LABEL')[`org.opencontainers.image.${name}`];
    expect([label('version'), label('description'), label('licenses')]).toEqual([
      version,
      description,
      license,
    ]);
  });

  it('names the ports of page and ingester, as docker-compose.yml publishes them', () => {
    const published = [...COMPOSE.matchAll(/127\.0\.0\.1:(809\d):\1'/g)].map(([, port]) => port);
    expect(lastOf(last, 'EXPOSE').split(' ')).toEqual(published);
  });
});
