import { IN_CI } from '../support/ci';

/**
 * What a test can require: servers, of which it starts those named `own-…` itself, to kill, pause or fill; a browser; and,
 * where it measures time or holds up a shared server, that no other file runs beside it (`undisturbed`, see
 * scripts/test.mjs).
 */
export type ServerName =
  'kafka' | 'registry' | 'redis' | 'own-kafka' | 'own-registry' | 'own-redis' | 'browser' | 'undisturbed';

/** Debian's package and its command. */
export const BROWSER = 'chromium';

/** The addresses of this run’s servers. Reading one that was not requested throws. */
export interface SharedServers {
  readonly kafkaBrokers: string[];
  readonly registryUrl: string;
  readonly redisUrl: string;
}

/** The variables with the addresses, set by the global set-up; where they are set already, nothing is started. */
export const ADDRESS_VARIABLES = {
  kafka: 'EFS_TEST_KAFKA_BROKERS',
  registry: 'EFS_TEST_SCHEMA_REGISTRY_URL',
  redis: 'EFS_TEST_REDIS_URL',
} as const;

/** The variable with the missing servers, set by the global set-up: a JSON record of server name to remedy. */
export const MISSING_VARIABLE = 'EFS_TEST_MISSING';

function address(name: keyof typeof ADDRESS_VARIABLES): string {
  const value = process.env[ADDRESS_VARIABLES[name]];
  if (!value) throw new Error(`${name} was not requested: name it in describeWithServers`);
  return value;
}

/** The servers that all tests of a run share. Tests use their own topic prefix and key prefix and never flush. */
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
 * `describe` for tests that need real servers. Where one of them is missing the
 * tests are skipped; with CI=true they fail instead, so that a build never passes without tests.
 */
export function describeWithServers(
  names: readonly ServerName[],
  title: string,
  body: (servers: SharedServers) => void,
): void {
  const missing = JSON.parse(process.env[MISSING_VARIABLE] ?? '{}') as Partial<Record<ServerName, string>>;
  const remedies = names.flatMap((name) => missing[name] ?? []);
  if (remedies.length === 0) {
    describe(title, () => body(sharedServers()));
  } else if (IN_CI) {
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
