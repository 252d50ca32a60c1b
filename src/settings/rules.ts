import type { Config, SettingName } from './table';

/** What must hold between settings that are valid each for itself; `otherwise` is what is wrong and what to do. */
export interface Rule {
  readonly names: readonly SettingName[];
  holds(config: Config): boolean;
  readonly otherwise: string;
}

const together = (...names: readonly [SettingName, SettingName]): Rule => ({
  names,
  holds: (config) => (config[names[0]] === null) === (config[names[1]] === null),
  otherwise: 'a certificate goes with its key; set both, or neither',
});

/** Files for TLS are named only where TLS is spoken. */
const onlyWithTls = (
  setting: SettingName,
  speaksTls: (config: Config) => boolean,
  remedy: string,
  ...files: readonly SettingName[]
): Rule => ({
  names: [setting, ...files],
  holds: (config) => speaksTls(config) || files.every((name) => config[name] === null),
  otherwise: `a file for TLS is named where TLS is not spoken; ${remedy}, or leave the file out`,
});

export const RULES: readonly Rule[] = [
  onlyWithTls(
    'kafkaTls',
    (config) => config.kafkaTls,
    'set EFS_KAFKA_TLS to on',
    'kafkaCaFile',
    'kafkaCertFile',
    'kafkaKeyFile',
  ),
  onlyWithTls(
    'schemaRegistryUrl',
    (config) => config.schemaRegistryUrl.startsWith('https:'),
    'let the URL begin with https://',
    'registryCaFile',
    'registryCertFile',
    'registryKeyFile',
  ),
  onlyWithTls(
    'redisUrl',
    (config) => config.redisUrl.startsWith('rediss'),
    'let the URL begin with rediss:// or rediss+sentinel://',
    'redisCaFile',
    'redisCertFile',
    'redisKeyFile',
  ),
  {
    names: ['redisUrl', 'redisSentinelUser', 'redisSentinelPassword'],
    holds: ({ redisUrl, redisSentinelUser: user, redisSentinelPassword: secret }) =>
      (secret === '' || /^rediss?\+sentinel:/.test(redisUrl)) && (user === '' || secret !== ''),
    otherwise:
      'a log-in to sentinels takes a URL that names some, and a password; let the URL begin with redis+sentinel:// or ' +
      'rediss+sentinel:// and set EFS_REDIS_SENTINEL_PASSWORD (or _FILE), or leave both out',
  },
  together('kafkaCertFile', 'kafkaKeyFile'),
  together('registryCertFile', 'registryKeyFile'),
  together('redisCertFile', 'redisKeyFile'),
  {
    names: ['registryUser', 'registryPassword'],
    holds: ({ registryUser, registryPassword }) => (registryUser === '') === (registryPassword === ''),
    otherwise:
      'a user goes with a password; set both (EFS_REGISTRY_PASSWORD_FILE may name a file), or leave both out',
  },
  {
    names: ['schemaRegistryUrl', 'registryUser', 'registryToken'],
    holds: ({ schemaRegistryUrl, registryUser, registryToken }) => {
      const { username, password } = new URL(schemaRegistryUrl);
      return [username + password, registryUser, registryToken].filter((each) => each !== '').length <= 1;
    },
    otherwise: 'the registry takes one log-in; set a user in the URL, a user beside it, or a token',
  },
  {
    names: ['kafkaSasl', 'kafkaUser', 'kafkaPassword'],
    holds: ({ kafkaSasl, kafkaUser, kafkaPassword }) =>
      [kafkaSasl === 'off', kafkaUser === '', kafkaPassword === ''].every((no, _, [first]) => no === first),
    otherwise:
      'SASL takes user and password; set all three (EFS_KAFKA_PASSWORD_FILE may name a file), or leave all three out',
  },
];
