import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const read = (file: string): string => readFileSync(join(__dirname, '..', '..', file), 'utf8');
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
  it('runs as a user other than root, by number, who owns none of its files', () => {
    const stage =
      read('Dockerfile')
        .split(/^FROM /m)
        .at(-1) ?? '';
    expect([...stage.matchAll(/^USER (.*)$/gm)].map(([, user]) => user)).toEqual(['1000:1000']);
    expect(stage).not.toMatch(/--chown|--chmod|\bchown\b/);
  });
});
