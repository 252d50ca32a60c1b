import { join } from 'node:path';
import { describeConfig } from '../../src/settings/config';
import { errors, ok, pem, settingsFolder } from './reading';

describe('security of connections', () => {
  const { folder, file } = settingsFolder();
  const ca = file('ca.pem', pem('CERTIFICATE'));
  const key = file('key.pem', pem('EC PRIVATE KEY'));
  const login = { EFS_KAFKA_SASL: 'plain', EFS_KAFKA_USER: 'efs', EFS_KAFKA_PASSWORD: 's3cret' };

  const oauth = {
    EFS_KAFKA_SASL: 'oauthbearer',
    EFS_KAFKA_OAUTH_TOKEN_URL: 'https://idp.example/token?tenant=1',
    EFS_KAFKA_OAUTH_CLIENT_ID: 'efs',
    EFS_KAFKA_OAUTH_CLIENT_SECRET: 's3cret',
  };

  test('is off by default', () => {
    const off = {
      kafkaTls: false,
      kafkaSasl: 'off',
      kafkaCaFile: null,
      redisCaFile: null,
      registryCaFile: null,
    };
    expect(ok({})).toMatchObject(off);
  });

  test('takes files of the expected kind, and keeps their content', () => {
    const tls = {
      EFS_KAFKA_TLS: 'on',
      EFS_KAFKA_CA_FILE: ca,
      EFS_KAFKA_CERT_FILE: ca,
      EFS_KAFKA_KEY_FILE: key,
    };
    expect(ok(tls).kafkaKeyFile).toEqual({ path: key, pem: pem('EC PRIVATE KEY') });
    const rows = describeConfig(ok(tls));
    expect(rows.find((row) => row.variable === 'EFS_KAFKA_KEY_FILE')?.value).toBe(key);
    expect(JSON.stringify(rows)).not.toContain('MAo=');
  });

  test.each([
    ['a missing file', join(folder, 'no.pem'), 'cannot be read (ENOENT)'],
    ['a key for a certificate', key, 'holds no PEM block CERTIFICATE'],
    ['a folder', folder, 'cannot be read (EISDIR)'],
  ])('refuses %s', (_, path, problem) => {
    expect(errors({ EFS_KAFKA_TLS: 'on', EFS_KAFKA_CA_FILE: path })).toEqual([
      expect.stringContaining(problem),
    ]);
  });

  test.each([
    ['EFS_KAFKA_TLS', { EFS_KAFKA_CA_FILE: ca }],
    ['EFS_KAFKA_CERT_FILE, EFS_KAFKA_KEY_FILE', { EFS_KAFKA_TLS: 'on', EFS_KAFKA_CERT_FILE: ca }],
    ['EFS_KAFKA_SASL', { EFS_KAFKA_SASL: 'scram-sha-512' }],
    ['EFS_KAFKA_SASL', { ...login, EFS_KAFKA_SASL: 'off' }],
    ['EFS_KAFKA_SASL', { ...login, EFS_KAFKA_PASSWORD: '' }],
    ['EFS_KAFKA_SASL', { EFS_KAFKA_OAUTH_SCOPE: 'kafka' }],
    ['EFS_KAFKA_SASL', { ...oauth, EFS_KAFKA_OAUTH_CLIENT_ID: '' }],
    ['EFS_KAFKA_SASL', { ...oauth, EFS_KAFKA_AWS_REGION: 'eu-west-1' }],
    ['EFS_REDIS_USER, EFS_REDIS_PASSWORD', { EFS_REDIS_USER: 'efs' }],
    ['EFS_SCHEMA_REGISTRY_URL', { EFS_REGISTRY_CA_FILE: ca }],
    ['EFS_REDIS_URL', { EFS_REDIS_CA_FILE: ca }],
    ['EFS_REDIS_URL', { EFS_REDIS_URL: 'redis+sentinel://a/main', EFS_REDIS_CA_FILE: ca }],
    ['EFS_REDIS_URL, EFS_REDIS_SENTINEL_USER', { EFS_REDIS_SENTINEL_PASSWORD: 's3cret' }],
    ['EFS_REDIS_URL', { EFS_REDIS_URL: 'redis+sentinel://a/main', EFS_REDIS_SENTINEL_USER: 'me' }],
    ['EFS_REDIS_CERT_FILE, EFS_REDIS_KEY_FILE', { EFS_REDIS_URL: 'rediss://r', EFS_REDIS_KEY_FILE: key }],
  ])('refuses settings that do not fit each other: %s of %j', (names, env) => {
    expect(errors(env as Record<string, string>)).toEqual([
      expect.stringMatching(`^${names}.*: .*; (set|let) `),
    ]);
  });

  test('takes the password from the environment or a file, not from a flag, and never shows it', () => {
    expect(ok(login).kafkaPassword).toEqual({ text: 's3cret', path: null });
    const { EFS_KAFKA_PASSWORD: _, ...rest } = login;
    const path = file('password', 's3cret\n');
    expect(ok({ ...rest, EFS_KAFKA_PASSWORD_FILE: path }).kafkaPassword).toEqual({ text: 's3cret', path });
    expect(errors(rest, { kafkaPassword: 's3cret' })).toHaveLength(1);
    const shown = JSON.stringify(describeConfig(ok(login)));
    expect(shown).toContain('"***"');
    expect(shown + errors({ ...login, EFS_KAFKA_USER: '' }).join()).not.toContain('s3cret');
  });

  test('takes a token endpoint, with its secret from a file and SASL extensions', () => {
    const { EFS_KAFKA_OAUTH_CLIENT_SECRET: _, ...rest } = oauth;
    const config = ok({
      ...rest,
      EFS_KAFKA_OAUTH_CLIENT_SECRET_FILE: file('secret', 's3cret\n'),
      EFS_KAFKA_OAUTH_EXTENSIONS: 'logicalCluster=lkc-1,identityPoolId=pool=1',
    });
    expect(config.kafkaOauthClientSecret.text).toBe('s3cret');
    expect(config.kafkaOauthExtensions).toEqual({ logicalCluster: 'lkc-1', identityPoolId: 'pool=1' });
    expect(JSON.stringify(describeConfig(config))).not.toContain('s3cret');
    for (const [variable, value] of [
      ['EFS_KAFKA_OAUTH_EXTENSIONS', 'logicalCluster'],
      ['EFS_KAFKA_OAUTH_EXTENSIONS', 'a=b,auth'],
      ['EFS_KAFKA_OAUTH_TOKEN_URL', 'idp.example/token'],
    ] as const) {
      expect(errors({ ...oauth, [variable]: value })).toEqual([
        expect.stringMatching(`^${variable}: .*; set it to `),
      ]);
    }
  });

  test('names the package to install for a log-in to Amazon MSK by IAM', () => {
    const msk = { EFS_KAFKA_SASL: 'aws-msk-iam' };
    const missing =
      'EFS_KAFKA_SASL: aws-msk-iam needs a package that is not installed; run `npm install aws-msk-iam-sasl-signer-js`';
    expect(errors({ ...msk, EFS_KAFKA_AWS_REGION: 'eu-west-1' })).toEqual([missing]);
    expect(errors(msk)).toEqual([expect.stringContaining('EFS_KAFKA_AWS_REGION: '), missing]);
  });

  test('takes user and password of Redis beside its URL, and refuses both places at once', () => {
    const apart = { EFS_REDIS_USER: 'efs', EFS_REDIS_PASSWORD: 's3cret' };
    expect(ok({ ...apart, EFS_REDIS_URL: 'redis://r' })).toMatchObject({ redisUser: 'efs' });
    expect(ok({ EFS_REDIS_PASSWORD: 's3cret' })).toMatchObject({ redisPassword: { text: 's3cret' } });
    expect(errors({ ...apart, EFS_REDIS_URL: 'redis://efs:other@r' })).toEqual([
      'EFS_REDIS_URL, EFS_REDIS_USER, EFS_REDIS_PASSWORD: user and password are set twice; leave them out of the URL',
    ]);
  });
});
