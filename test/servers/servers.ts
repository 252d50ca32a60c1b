/** A server a test can need: `own-…` are those it starts itself, to kill, pause or fill. A browser is none, but can be missing as well. */
export type ServerName =
  'kafka' | 'registry' | 'redis' | 'own-kafka' | 'own-registry' | 'own-redis' | 'browser';

/** Debian's package and its command. */
export const BROWSER = 'chromium';

/** Where the servers of this run answer. Asking for one that is not there throws. */
export interface SharedServers {
  readonly kafkaBrokers: string[];
  readonly registryUrl: string;
  readonly redisUrl: string;
}

/** Where the global set-up leaves the addresses; a person may set them too, and then nothing is started. */
export const ADDRESS_VARIABLES = {
  kafka: 'EFS_TEST_KAFKA_BROKERS',
  registry: 'EFS_TEST_SCHEMA_REGISTRY_URL',
  redis: 'EFS_TEST_REDIS_URL',
} as const;

/** Where the global set-up leaves what could not be had: a JSON record of server name to remedy. */
export const MISSING_VARIABLE = 'EFS_TEST_MISSING';

function address(name: keyof typeof ADDRESS_VARIABLES): string {
  const value = process.env[ADDRESS_VARIABLES[name]];
  if (!value) throw new Error(`${name} was not asked for: name it in describeWithServers`);
  return value;
}

/** The servers all tests of a run share. Keep apart by topic prefix and key prefix; do them no harm. */
export function sharedServers(): SharedServers {
  return {
    get kafkaBrokers() {
      return address('kafka').split(',');
    },
    get registryUrl() {
      return address('registry');
    },
    get redisUrl() {
      return address('redis');
    },
  };
}

/**
 * `describe` for tests that need real servers, with a minute for each test. Where one of them cannot be had the
 * tests are skipped; with CI=true they fail instead, so that a build never passes by testing nothing.
 */
export function describeWithServers(
  names: readonly ServerName[],
  title: string,
  body: (servers: SharedServers) => void,
): void {
  const missing = JSON.parse(process.env[MISSING_VARIABLE] ?? '{}') as Partial<Record<ServerName, string>>;
  const remedies = names.flatMap((name) => missing[name] ?? []);
  if (remedies.length === 0) {
    jest.setTimeout(60_000);
    describe(title, () => body(sharedServers()));
  } else if (process.env['CI'] === 'true') {
    describe(title, () => {
      it('has the servers it needs', () => {
        throw new Error(remedies.join('; '));
      });
    });
  } else {
    // On a machine without these servers; the last lines of the run say what to install. CI fails instead.
    describe.skip(title, () => body(sharedServers()));
  }
}
