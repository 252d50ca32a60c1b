import { describeConfig } from '../../src/settings/config';
import { errors, ok, pem, settingsFolder } from './reading';

describe('the settings of the registry', () => {
  const { file } = settingsFolder();
  const cert = file('cert.pem', pem('CERTIFICATE'));
  const key = file('key.pem', pem('PRIVATE KEY'));
  const login = { EFS_REGISTRY_USER: 'me', EFS_REGISTRY_PASSWORD: 's3cret' };

  test.each<[string, Record<string, string>]>([
    ['EFS_SCHEMA_REGISTRY_URL', { EFS_REGISTRY_CERT_FILE: cert, EFS_REGISTRY_KEY_FILE: key }],
    [
      'EFS_REGISTRY_CERT_FILE, EFS_REGISTRY_KEY_FILE',
      { EFS_SCHEMA_REGISTRY_URL: 'https://r', EFS_REGISTRY_CERT_FILE: cert },
    ],
    ['EFS_REGISTRY_USER, EFS_REGISTRY_PASSWORD', { EFS_REGISTRY_USER: 'me' }],
    ['EFS_REGISTRY_USER, EFS_REGISTRY_PASSWORD', { EFS_REGISTRY_PASSWORD: 's3cret' }],
    ['EFS_SCHEMA_REGISTRY_URL, EFS_REGISTRY_USER', { ...login, EFS_REGISTRY_TOKEN: 'abc' }],
    ['EFS_SCHEMA_REGISTRY_URL, EFS_REGISTRY_USER', { ...login, EFS_SCHEMA_REGISTRY_URL: 'http://me@r' }],
    ['EFS_SCHEMA_REGISTRY_URL', { EFS_REGISTRY_TOKEN: 'abc', EFS_SCHEMA_REGISTRY_URL: 'http://:pw@r' }],
  ])('that do not fit each other are refused: %s of %j', (names, env) => {
    expect(errors(env)).toEqual([expect.stringMatching(`^${names}.*: .*; (set|let) `)]);
  });

  test('take a user with a password, or a bearer token from a file, and never show either', () => {
    expect(ok(login)).toMatchObject({ registryUser: 'me', registryPassword: { text: 's3cret' } });
    const token = { EFS_REGISTRY_TOKEN_FILE: file('token', 'eyJhbGciOiJub25lIn0.s3cret-._~+/==\n') };
    expect(ok(token).registryToken.text).toBe('eyJhbGciOiJub25lIn0.s3cret-._~+/==');
    const shown = JSON.stringify([describeConfig(ok(login)), describeConfig(ok(token))]);
    expect(shown).not.toContain('s3cret');
  });

  test('take no token with blanks, no user with a colon, and neither password nor token as a flag', () => {
    expect(errors({ EFS_REGISTRY_TOKEN: 's3cret with blanks' }).join()).toMatch(
      /^EFS_REGISTRY_TOKEN: has characters/,
    );
    expect(errors({ ...login, EFS_REGISTRY_USER: 'me:you' })).toEqual([
      expect.stringContaining('a user name without a colon'),
    ]);
    expect(errors({}, { registryToken: 's3cret', registryPassword: 's3cret' })).toEqual([]);
  });
});
