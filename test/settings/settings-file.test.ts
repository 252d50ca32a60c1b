import { join } from 'node:path';
import { describeConfig, readConfig, settings } from '../../src/settings/config';
import { keyOf, VARIABLES } from '../../src/settings/names';
import { readSettingsFile, settingsIn } from '../../src/settings/settings-file';
import { flagOf, variableOf } from '../../src/settings/table';
import { settingsFolder } from './reading';

const inFile = (text: string) => settingsIn(text, 'efs.yaml');
const read = (text: string, env = {}, flags = {}) => readConfig(env, flags, inFile(text));

function ok(text: string, env = {}, flags = {}) {
  const result = read(text, env, flags);
  if ('errors' in result) throw new Error(result.errors.join('\n'));
  return { ...result.ok, origins: result.origins };
}

function errors(text: string, env = {}): readonly string[] {
  const result = read(text, env);
  return 'errors' in result ? result.errors : [];
}

describe('a settings file', () => {
  test('names a setting as its flag does, and every variable has a key of its own', () => {
    expect(settings.map(([name]) => `--${keyOf(variableOf(name))}`)).toEqual(
      settings.map(([name]) => flagOf(name)),
    );
    expect(new Set(VARIABLES.map(keyOf)).size).toBe(VARIABLES.length);
  });

  test('gives every setting the value that its variable would', () => {
    const rows = describeConfig(ok(''));
    const text = rows.map(({ variable, value }) => `${keyOf(variable)}: ${JSON.stringify(value)}`).join('\n');
    expect(describeConfig(ok(text))).toEqual(rows);
  });

  test.each([
    ['message-status: on', { messageStatus: true }],
    ['partitions: 012', { partitions: 12 }],
    ['group-id: 0x10', { groupId: '0x10' }],
    ['group-id: null', { groupId: 'null' }],
    ['group-id: "mine" # ours', { groupId: 'mine' }],
    ['kafka-brokers: >\n  a:1,\n  b:2\n', { kafkaBrokers: ['a:1', 'b:2'] }],
    ['group-id:', { groupId: 'efs' }],
    ['# nothing\n', { groupId: 'efs' }],
    ['\ufeffgroup-id: mine\r\n', { groupId: 'mine' }],
  ])('is read as text, as it is written: %j', (text, wanted) => {
    expect(ok(text)).toMatchObject(wanted);
  });

  test('gives way to the environment, and both to flags; the origin of each is known', () => {
    const text = 'group-id: file\nhttp-port: 1\nlinger-ms: 2';
    const config = ok(text, { EFS_GROUP_ID: 'env', EFS_HTTP_PORT: '3' }, { groupId: 'flag' });
    expect(config).toMatchObject({ groupId: 'flag', httpPort: 3, lingerMs: 2, buckets: 1 });
    expect(config.origins).toEqual({
      groupId: '--group-id',
      httpPort: 'EFS_HTTP_PORT',
      lingerMs: 'efs.yaml:3 linger-ms',
    });
  });

  test('does not give way to a variable that is empty', () => {
    expect(ok('group-id: file', { EFS_GROUP_ID: ' ' }).groupId).toBe('file');
  });

  test('is reported with everything else at once: file, line, setting, problem and remedy', () => {
    const text = 'http-port: x\npartitions:\n  - 1\n\nkafka-broker: a:1\nkafka-cert-file: /nowhere\n';
    expect(errors(text, { EFS_POLICY: 'none' })).toEqual([
      expect.stringMatching(/^efs\.yaml:2 partitions: is not one text; write it as in EFS_PARTITIONS/),
      'efs.yaml:5 kafka-broker: is not a setting; did you mean kafka-brokers? Otherwise remove it',
      expect.stringMatching(/^EFS_POLICY: "none" is neither efs nor relay; set it to/),
      expect.stringMatching(
        /^efs\.yaml:1 http-port: "x" is not a whole number.*; set it to .* or leave it out/,
      ),
      expect.stringMatching(/^efs\.yaml:6 kafka-cert-file: "\/nowhere" cannot be read \(ENOENT\); set it to/),
    ]);
  });

  test('is named in what settings do wrong together', () => {
    expect(errors('redis-user: me', {})).toEqual([
      expect.stringMatching(/^efs\.yaml:1 redis-user, EFS_REDIS_PASSWORD: a user goes with a password/),
    ]);
  });

  test.each(['kafkaBrokers', 'EFS_KAFKA_BROKERS', 'kafka_brokers', 'KAFKA-BROKERS'])(
    'that writes a key as %s is refused with its right form',
    (key) => expect(errors(`${key}: a:1`)).toEqual([expect.stringContaining('did you mean kafka-brokers?')]),
  );

  test.each([
    'config: other.yaml',
    '__proto__: 1',
    'constructor: 1',
    '<<: {group-id: x}',
    '[a]: 1',
    '? {}\n: 1',
  ])('with a key that is no setting is refused: %s', (text) =>
    expect(errors(text)).toEqual([expect.stringMatching(/^efs\.yaml:1 .*is not a setting/)]),
  );

  test.each([
    ['a duplicate key', 'group-id: a\ngroup-id: b', /^efs\.yaml:2: is no YAML \(duplicate key\); write NAME/],
    ['a tab', 'group-id: a\n\tpolicy: b', /^efs\.yaml:\d: is no YAML/],
    ['two documents', 'group-id: a\n---\npolicy: b', /^efs\.yaml:\d: is no YAML/],
    ['a list', '- group-id', /^efs\.yaml: holds no settings/],
    ['a sentence', 'group-id=a', /^efs\.yaml: holds no settings/],
  ])('with %s is refused', (_, text, wanted) => {
    expect(errors(text)[0]).toMatch(wanted);
  });

  test.each(['*hush', '!hush x', '&hush', '"hush', '{hush: 1}', '[hush', '@hush', 'a: hush', '|hush'])(
    'quotes no value that is not valid YAML: %s',
    (value) => {
      const found = errors(`kafka-password: ${value}`);
      expect(found).not.toEqual([]);
      expect(found.join()).not.toContain('hush');
    },
  );

  test('may hold secrets, or name files that do, and they are blanked out when shown', () => {
    const { file } = folder;
    const text = `redis-password: s3cret\nregistry-token-file: ${file('token', 's3cret\n')}`;
    const config = ok(`${text}\nhttp-token: s3cret-s3cret-s3cret`);
    expect([config.redisPassword, config.registryToken]).toEqual([
      { text: 's3cret', path: null },
      { text: 's3cret', path: join(folder.folder, 'token') },
    ]);
    expect(JSON.stringify(describeConfig(config))).not.toContain('s3cret');
    expect(errors('redis-url: redis//me:s3cret@x').join()).not.toContain('s3cret');
  });

  test('takes a secret from one place', () => {
    expect(errors(`redis-password: a\nredis-password-file: b`)).toEqual([
      'efs.yaml:1 redis-password: is set, and so is efs.yaml:2 redis-password-file; keep one of them',
    ]);
    const { file } = folder;
    const config = ok('redis-password: a', { EFS_REDIS_PASSWORD_FILE: file('redis', 'b') });
    expect(config.redisPassword.text).toBe('b');
  });

  const folder = settingsFolder();

  test('that cannot be read is named with what names it', () => {
    const missing = join(folder.folder, 'no.yaml');
    expect(readSettingsFile(missing, '--config').errors).toEqual([
      `--config: ${JSON.stringify(missing)} cannot be read (ENOENT); name a file that this user may read`,
    ]);
    const { errors: none, values } = readSettingsFile(folder.file('efs.yaml', 'group-id: x'), '--config');
    expect([none, values.get('EFS_GROUP_ID')?.text]).toEqual([[], 'x']);
  });

  test('is named by a variable that the library entry does not know', () => {
    const variable = { EFS_CONFIG: 'efs.yaml' };
    expect(read('', variable)).toHaveProperty('ok');
    expect(readConfig(variable)).toHaveProperty('errors', [
      expect.stringMatching(/^EFS_CONFIG: is not a setting/),
    ]);
  });
});
