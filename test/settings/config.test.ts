import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describeConfig, readConfig, settings } from '../../src/settings/config';
import { flagOf, variableOf } from '../../src/settings/table';
import { errors, ok } from './reading';

describe('the settings', () => {
  test('have the documented defaults', () => {
    expect(ok({})).toMatchObject({
      kafkaBrokers: ['localhost:9092'],
      schemaRegistryUrl: 'http://localhost:8081',
      redisUrl: 'redis://localhost:6379',
      policy: 'EFS',
      groupId: 'efs',
      partitions: 12,
      partitioner: 'murmur2',
      httpPort: 8090,
      httpHost: '127.0.0.1',
      topicPrefix: '',
      lingerMs: 100,
      batchMax: 2000,
      maxValueBytes: 262_144,
      maxHeaders: 256,
      messageStatus: false,
      buckets: 1,
      sessionTimeoutMs: 30_000,
      logLevel: 'info',
      logFormat: 'auto',
      redisTimeoutMs: 5000,
      kafkaRequestTimeoutMs: 10_000,
      registryTimeoutMs: 5000,
    });
    expect(ok({}).domainGroups).toEqual([
      { name: 'apple', domains: ['icloud.com', 'mac.com', 'me.com'] },
      { name: 'google', domains: ['gmail.com', 'googlemail.com'] },
      { name: 'microsoft', domains: ['hotmail.com', 'live.com', 'msn.com', 'outlook.com'] },
      { name: 'yahoo', domains: ['aol.com', 'rocketmail.com', 'yahoo.com', 'ymail.com'] },
    ]);
  });

  test('are named alike as variable, flag and field', () => {
    expect([variableOf('kafkaOauthTokenUrl'), flagOf('kafkaOauthTokenUrl')]).toEqual([
      'EFS_KAFKA_OAUTH_TOKEN_URL',
      '--kafka-oauth-token-url',
    ]);
    for (const [name] of settings) {
      const camel = flagOf(name)
        .slice(2)
        .replace(/-(.)/g, (_, letter: string) => letter.toUpperCase());
      expect(camel).toBe(name);
    }
  });

  test('take an empty value and a blank one as not set', () => {
    expect(ok({ EFS_HTTP_PORT: '', EFS_GROUP_ID: ' \n' })).toMatchObject({ httpPort: 8090, groupId: 'efs' });
  });

  test('are read without the newline at the end that files and shells leave', () => {
    expect(ok({ EFS_GROUP_ID: 'mine\r\n', EFS_KAFKA_BROKERS: 'a:1, b:2\n' })).toMatchObject({
      groupId: 'mine',
      kafkaBrokers: ['a:1', 'b:2'],
    });
  });

  test.each([
    ['0ms', 0],
    ['90s', 90_000],
    ['15m', 900_000],
    ['1h', 3_600_000],
    ['7d', 7 * 86_400_000],
  ])('take the span of time %s with its unit', (text, expiryGrace) => {
    expect(ok({ EFS_EXPIRY_GRACE: text })).toMatchObject({ expiryGrace });
  });

  test('take URLs of ingesters in a list, and quote none that has a log-in', () => {
    expect(ok({}).ingestUrls).toEqual([]);
    const urls = 'http://a:8092/, https://b.example.org/efs';
    expect(ok({ EFS_INGEST_URLS: urls }).ingestUrls).toEqual(['http://a:8092', 'https://b.example.org/efs']);
    const [error] = errors({ EFS_INGEST_URLS: 'http://me:s3cret@a' });
    expect(error).toMatch(/^EFS_INGEST_URLS: holds .*; set it to http:/);
    expect(error).not.toContain('s3cret');
  });

  test('prefer a flag over the environment, and name the flag when it is wrong', () => {
    expect(ok({ EFS_HTTP_PORT: '1' }, { httpPort: '2' }).httpPort).toBe(2);
    expect(errors({}, { httpPort: 'x' })[0]).toMatch(/^--http-port: "x" is not a whole number/);
  });
});

describe('a wrong setting', () => {
  test('is reported with all others at once, each with variable, problem and remedy', () => {
    const found = errors({ EFS_HTTP_PORT: '70000', EFS_POLICY: 'EFS', EFS_REDIS_URL: 'http://x' });
    expect(found).toHaveLength(3);
    expect(found).toContainEqual(
      'EFS_HTTP_PORT: "70000" is above 65535; set it to a whole number from 0 to 65535, or leave it out for 8090',
    );
    expect(found.join('\n')).toMatch(/EFS_POLICY: "EFS" is neither efs nor relay; set it to efs or relay/);
    expect(found.join('\n')).toMatch(/EFS_REDIS_URL: does not begin with redis:\/\/ or rediss:\/\//);
  });

  test.each(['-1', '1e3', 'NaN', '0x10', '1.5', '1 000', '99999999999999999999'])(
    'with the number %s is refused',
    (text) => {
      expect(errors({ EFS_PARTITIONS: text })).toHaveLength(1);
    },
  );

  test.each([
    ['EFS_KAFKA_BROKERS', 'localhost'],
    ['EFS_KAFKA_BROKERS', 'a:1,,b:2'],
    ['EFS_KAFKA_BROKERS', 'a:0'],
    ['EFS_KAFKA_BROKERS', 'a:65536'],
    ['EFS_KAFKA_BROKERS', 'kafka://a:1'],
    ['EFS_SCHEMA_REGISTRY_URL', 'localhost:8081'],
    ['EFS_REDIS_URL', 'redis//localhost'],
    ['EFS_REDIS_URL', 'redis+sentinel://a,b'],
    ['EFS_INGEST_URLS', 'localhost:8092'],
    ['EFS_INGEST_URLS', 'http://a,ftp://b'],
    ['EFS_INGEST_URLS', 'http://a?b=c'],
    ['EFS_TOPIC_PREFIX', 'a/b'],
    ['EFS_GROUP_ID', 'a b'],
    ['EFS_PARTITIONER', 'random'],
    ['EFS_MESSAGE_STATUS', 'true'],
    ['EFS_SESSION_TIMEOUT_MS', '5999'],
    ['EFS_EXPIRY_GRACE', '3600'],
    ['EFS_EXPIRY_GRACE', '1 h'],
    ['EFS_EXPIRY_GRACE', '-1h'],
    ['EFS_EXPIRY_GRACE', '8d'],
    ['EFS_RETENTION', '251h'],
    ['EFS_RETENTION', '0d'],
    ['EFS_RETENTION', 'off'],
  ])('%s=%s is refused', (variable, text) => {
    expect(errors({ [variable]: text })).toEqual([expect.stringMatching(`^${variable}:.*; set it to `)]);
  });

  test('a retention shorter than retries and asynchronous bounces take is refused, and 252 hours are accepted', () => {
    const tooShort = 'EFS_RETENTION: "10d" is shorter than 252h; set it to a span of time from 252h to 3650d';
    expect(errors({ EFS_RETENTION: '10d' })).toEqual([expect.stringContaining(tooShort)]);
    expect(ok({ EFS_RETENTION: '252h' })).toMatchObject({ retention: (84 + 7 * 24) * 3_600_000 });
  });

  test('with an unknown name is refused with the nearest name', () => {
    expect(errors({ EFS_KAFKA_BROKER: 'a:1' })).toEqual([
      'EFS_KAFKA_BROKER: is not a setting; did you mean EFS_KAFKA_BROKERS? Otherwise remove it',
    ]);
  });

  test('never shows the secret it holds', () => {
    expect(errors({ EFS_REDIS_URL: 'http://me:hunter2@x' }).join()).not.toContain('hunter2');
    expect(errors({ EFS_REDIS_URL: 'hunter2' }).join()).not.toContain('hunter2');
    expect(errors({ EFS_REDIS_URL: 'redis://me:hunter2@a:1,b:2/x' }).join()).not.toContain('hunter2');
  });
});

test('the table of settings has no value where a setting is not valid', () => {
  const result = readConfig({ EFS_HTTP_PORT: 'x', EFS_GROUP_ID: 'mine' });
  const rows = describeConfig('valid' in result ? result.valid : {});
  expect(rows.filter((row) => row.value === null).map((row) => row.variable)).toEqual(['EFS_HTTP_PORT']);
  expect(rows.find((row) => row.variable === 'EFS_GROUP_ID')?.value).toBe('mine');
});

describe('domain groups', () => {
  test('are sorted, in lower case, and canonical', () => {
    const groups = ok({ EFS_DOMAIN_GROUPS: 'b=Y.org, x.org ; a=z.org;' }).domainGroups;
    expect(groups).toEqual([
      { name: 'a', domains: ['z.org'] },
      { name: 'b', domains: ['x.org', 'y.org'] },
    ]);
    expect(ok({ EFS_DOMAIN_GROUPS: 'none' }).domainGroups).toEqual([]);
  });

  test.each([
    ['a=x.org;b=X.ORG', 'x.org in a and again in b'],
    ['a=x.org,x.org', 'x.org in a and again in a'],
    ['other=x.org', 'what remains'],
    ['a=x.org;a=y.org', '"a" twice'],
    ['a=', 'empty or malformed'],
    ['a', 'empty or malformed'],
    ['A!=x.org', 'lower-case letters'],
    ['=x.org', 'lower-case letters'],
    ['__proto__=x.org', 'lower-case letters'],
  ])('%s is refused: %s', (text, problem) => {
    expect(errors({ EFS_DOMAIN_GROUPS: text })[0]).toContain(problem);
  });
});

describe('secrets', () => {
  test.each([
    ['redisUrl', 'redis://efs:hush@redis:6379'],
    ['redisUrl', 'redis://:hush@one:6379,two:6379'],
    ['redisUrl', 'rediss+sentinel://efs:hush@one,two/primary'],
    ['schemaRegistryUrl', 'https://efs:hush@registry:8081'],
  ] as const)('a password in the flag of %s is refused, and not quoted: %s', (name, url) => {
    const [error, ...others] = errors({}, { [name]: url });
    expect(others).toEqual([]);
    expect(error).toMatch(
      new RegExp(
        `^${flagOf(name)}: holds a password, .*; set ${variableOf(name)}, or ${variableOf(name)}_FILE`,
      ),
    );
    expect(error).not.toContain('hush');
    expect(ok({}, { [name]: url.replace(':hush', '') })).toMatchObject({ [name]: url.replace(':hush', '') });
  });

  const folder = mkdtempSync(join(tmpdir(), 'efs-config-'));
  afterAll(() => rmSync(folder, { recursive: true }));
  const file = join(folder, 'redis-url');

  test('come from a file where _FILE names one', () => {
    writeFileSync(file, 'redis://:s3cret@redis:6379/2\n');
    expect(ok({ EFS_REDIS_URL_FILE: file }).redisUrl).toBe('redis://:s3cret@redis:6379/2');
  });

  test('are refused from two places, and from a file that cannot be read', () => {
    expect(errors({ EFS_REDIS_URL_FILE: file, EFS_REDIS_URL: 'redis://x' })[0]).toContain('keep one of them');
    expect(errors({ EFS_REDIS_URL_FILE: join(folder, 'no') })[0]).toMatch(
      /^EFS_REDIS_URL_FILE: .*no" cannot be read \(ENOENT\); name a file/,
    );
    expect(errors({ EFS_GROUP_ID_FILE: file })[0]).toContain('is not a setting');
  });

  test('are blanked out when the settings are shown, in the password and in the query', () => {
    const url = 'redis://me:s3cret@r:1?password=s3cret&cluster=true';
    const rows = describeConfig(ok({ EFS_REDIS_URL: url }));
    const shown = rows.find((row) => row.variable === 'EFS_REDIS_URL')?.value;
    expect(shown).toBe('redis://me:***@r:1?password=***&cluster=true');
    expect(JSON.stringify(rows)).not.toContain('s3cret');
  });

  test.each([
    ['redis://me:s3cret@a:1,b:2,[::1]:3', 'redis://me:***@a:1,b:2,[::1]:3'],
    ['rediss+sentinel://:s3cret@a,b/main', 'rediss+sentinel://:***@a,b/main'],
    ['redis://s3,cret:s3cret@a,b?x=s3cret', 'redis://s3,cret:***@a,b?x=***'],
  ])('are blanked out where the URL names several hosts: %s', (url, shown) => {
    const rows = describeConfig(ok({ EFS_REDIS_URL: url }));
    expect(rows.find((row) => row.variable === 'EFS_REDIS_URL')?.value).toBe(shown);
  });

  test('every row of the table shows a value that the setting takes again', () => {
    const rows = describeConfig(ok({}));
    expect(rows).toHaveLength(settings.length);
    for (const row of rows) expect([row.variable, row.value]).toEqual([row.variable, row.fallback]);
    expect(errors(Object.fromEntries(rows.map((row) => [row.variable, row.value ?? ''])))).toEqual([]);
  });
});
