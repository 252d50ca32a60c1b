import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

import { answers, lacksForJars } from './provision';
import { startKafka } from './kafka';
import { REDIS_SERVER, startRedis } from './redis';
import { startRegistry } from './registry';
import { composeDown, composeUp } from './compose';
import { ADDRESS_VARIABLES, BROWSER, MISSING_VARIABLE, type ServerName } from './servers';

type Shared = keyof typeof ADDRESS_VARIABLES;
type Stop = () => Promise<void>;

/** The part of Jest’s global configuration that is read here. */
interface JestConfig {
  rootDir: string;
  testPathPatterns: { toExecutor(options: { rootDir: string }): { isMatch(path: string): boolean } };
}

const started: Stop[] = [];

/** Whether scripts/test-filter.cjs leaves out a file that requires this. */
function isFiltered(required: readonly ServerName[]): boolean {
  const wanted = process.env['EFS_TEST_UNDISTURBED'];
  return wanted !== undefined && required.includes('undisturbed') !== (wanted === 'only');
}

/** The servers that the test files of this run name in `describeWithServers([...])`. */
function needed(isChosen: (path: string) => boolean): Set<ServerName> {
  const root = join(__dirname, '..');
  const files = readdirSync(root, { recursive: true, encoding: 'utf8' })
    .map((file) => join(root, file))
    .filter((file) => /\.(io|e2e)\.test\.ts$/.test(file) && isChosen(file));
  const names = new Set<ServerName>();
  for (const file of files) {
    const lists = readFileSync(file, 'utf8').matchAll(/describeWithServers\(\s*\[([^\]]*)\]/g);
    const named = [...lists].flatMap(([, list]) => [...(list ?? '').matchAll(/'([\w-]+)'/g)]);
    const required = named.map(([, name]) => name as ServerName);
    if (isFiltered(required)) continue;
    for (const name of required) names.add(name);
  }
  return names;
}

async function startShared(name: Shared): Promise<[address: string, stop: Stop]> {
  switch (name) {
    case 'kafka': {
      const kafka = await startKafka();
      return [kafka.brokers.join(','), kafka.stop];
    }
    case 'registry': {
      const registry = await startRegistry();
      return [registry.url, registry.stop];
    }
    case 'redis': {
      const redis = await startRedis();
      return [redis.url, redis.stop];
    }
  }
}

/**
 * Returns an address for each of `wanted`: in Docker where an engine answers, else of a child process where `lacks` names
 * nothing that it needs.
 */
async function provide(wanted: Shared[], lacks: Lacks): Promise<void> {
  const composed = wanted.length > 0 ? await composeUp(wanted) : null;
  if (composed !== null) started.push(composeDown);
  await Promise.all(
    wanted.map(async (name) => {
      if (composed === null && lacks(name) !== null) return;
      const [address, stop] = composed !== null ? [composed[name], null] : await startShared(name);
      process.env[ADDRESS_VARIABLES[name]] = address;
      if (stop !== null) started.push(stop);
    }),
  );
}

/** What this machine lacks to run a server itself, as something to install, or null. */
type Lacks = (name: ServerName) => string | null;

async function whatLacks(names: readonly ServerName[]): Promise<Lacks> {
  const ofRedis = (name: ServerName): boolean => name.endsWith('redis');
  const lacking = async (command: string): Promise<string | null> =>
    (await answers(command, ['--version'])) ? null : command;
  const [jars, redis, browser] = await Promise.all([
    names.some((name) => /kafka|registry/.test(name)) ? lacksForJars() : null,
    lacking(REDIS_SERVER),
    lacking(BROWSER),
  ]);
  return (name) => {
    if (name === 'undisturbed') return null;
    if (name === 'browser') return browser;
    return ofRedis(name) ? redis : jars;
  };
}

/** Jest's global set-up: starts what the chosen tests need, and prints what is missing. */
export default async function setup(config: JestConfig): Promise<void> {
  const chosen = config.testPathPatterns.toExecutor({ rootDir: config.rootDir });
  const names = [...needed((path) => chosen.isMatch(path))];
  const lacks = await whatLacks(names);
  const isShared = (name: ServerName): name is Shared => name in ADDRESS_VARIABLES;
  const hasAddress = (name: Shared): boolean => Boolean(process.env[ADDRESS_VARIABLES[name]]);
  await provide(
    names.filter(isShared).filter((name) => !hasAddress(name)),
    lacks,
  );
  const missing = names.filter((name) => (isShared(name) ? !hasAddress(name) : lacks(name) !== null));
  process.env[MISSING_VARIABLE] = JSON.stringify(
    Object.fromEntries(missing.map((name) => [name, `no ${name}: install ${lacks(name)}`])),
  );
  if (missing.length === 0) return;
  const verdict = process.env['CI'] === 'true' ? 'FAILED' : 'SKIPPED';
  const install = [...new Set(missing.map(lacks))].join(' and ');
  const orDocker = missing.every(isShared) ? ', or start Docker' : '';
  process.stderr.write(
    `\n*** ${verdict}: tests that need ${missing.join(', ')}; install ${install}${orDocker} ***\n`,
  );
}

/** Jest's global teardown: stops what `setup` has started. */
export async function stopStarted(): Promise<void> {
  await Promise.all(started.splice(0).map((stop) => stop()));
}
