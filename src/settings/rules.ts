import type { Setting } from './kinds';
import { type Config, type SettingName, SETTINGS } from './table';

/** A condition between settings that are each valid; `otherwise` states the problem and the remedy. */
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

/** Files for TLS are set only where TLS is used. */
const onlyWithTls = (
  setting: SettingName,
  usesTls: (config: Config) => boolean,
  remedy: string,
  ...files: readonly SettingName[]
): Rule => ({
  names: [setting, ...files],
  holds: (config) => usesTls(config) || files.every((name) => config[name] === null),
  otherwise: `a file for TLS is set where TLS is not used; ${remedy}, or leave the file out`,
});

/** Ways to log in to Kafka by SASL, with the required and optional settings of each. */
const LOGINS: readonly Login[] = [
  {
    kinds: ['plain', 'scram-sha-256', 'scram-sha-512'],
    needs: ['kafkaUser', 'kafkaPassword'],
    optional: [],
    files: 'EFS_KAFKA_PASSWORD_FILE',
  },
  {
    kinds: ['oauthbearer'],
    needs: ['kafkaOauthTokenUrl', 'kafkaOauthClientId', 'kafkaOauthClientSecret'],
    optional: ['kafkaOauthScope', 'kafkaOauthExtensions', 'kafkaOauthCaFile'],
    files: 'EFS_KAFKA_OAUTH_CLIENT_SECRET_FILE',
  },
  { kinds: ['aws-msk-iam'], needs: ['kafkaAwsRegion'], optional: [], files: null },
];

interface Login {
  readonly kinds: readonly Config['kafkaSasl'][];
  readonly needs: readonly SettingName[];
  readonly optional: readonly SettingName[];
  readonly files: string | null;
}

const isSet = <Name extends SettingName>(config: Config, name: Name): boolean =>
  (SETTINGS[name] as unknown as Setting<Config[Name]>).show(config[name]) !== '';

/** A way to log in has its required settings, and its settings are not set for another way. */
function loginRules({ kinds, needs, optional, files }: Login): Rule[] {
  const file = files === null ? '' : ` (${files} may name a file)`;
  return [
    {
      names: ['kafkaSasl', ...needs],
      holds: (config) => !kinds.includes(config.kafkaSasl) || needs.every((name) => isSet(config, name)),
      otherwise: `a setting that the log-in needs is missing; set all of them${file}`,
    },
    {
      names: ['kafkaSasl', ...needs, ...optional],
      holds: (config) =>
        kinds.includes(config.kafkaSasl) || ![...needs, ...optional].some((name) => isSet(config, name)),
      otherwise: `the log-in does not take these settings; set EFS_KAFKA_SASL to ${kinds.join(' or ')}, or leave them out`,
    },
  ];
}

/** The package that signs tokens for Amazon MSK. It is an optional peer dependency: it brings much of the AWS SDK. */
const AWS_SIGNER = 'aws-msk-iam-sasl-signer-js';

function isInstalled(name: string): boolean {
  try {
    require.resolve(name);
    return true;
  } catch {
    return false;
  }
}

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
      (secret.text === '' || /^rediss?\+sentinel:/.test(redisUrl)) && (user === '' || secret.text !== ''),
    otherwise:
      'a log-in to sentinels takes a URL that names some, and a password; let the URL begin with redis+sentinel:// or ' +
      'rediss+sentinel:// and set EFS_REDIS_SENTINEL_PASSWORD (or _FILE), or leave both out',
  },
  together('kafkaCertFile', 'kafkaKeyFile'),
  together('registryCertFile', 'registryKeyFile'),
  together('redisCertFile', 'redisKeyFile'),
  ...LOGINS.flatMap(loginRules),
  {
    names: ['registryUser', 'registryPassword'],
    holds: ({ registryUser, registryPassword }) => (registryUser === '') === (registryPassword.text === ''),
    otherwise:
      'a user goes with a password; set both (EFS_REGISTRY_PASSWORD_FILE may name a file), or leave both out',
  },
  {
    names: ['schemaRegistryUrl', 'registryUser', 'registryToken'],
    holds: ({ schemaRegistryUrl, registryUser, registryToken }) => {
      const { username, password } = new URL(schemaRegistryUrl);
      return (
        [username + password, registryUser, registryToken.text].filter((each) => each !== '').length <= 1
      );
    },
    otherwise: 'the registry takes one log-in; set a user in the URL, a user beside it, or a token',
  },
  {
    names: ['kafkaSasl'],
    holds: ({ kafkaSasl }) => kafkaSasl !== 'aws-msk-iam' || isInstalled(AWS_SIGNER),
    otherwise: `aws-msk-iam needs a package that is not installed; run \`npm install ${AWS_SIGNER}\``,
  },
  {
    names: ['redisUser', 'redisPassword'],
    holds: (config) => config.redisUser === '' || isSet(config, 'redisPassword'),
    otherwise: 'a user goes with a password; set both (EFS_REDIS_PASSWORD_FILE may name a file)',
  },
  {
    names: ['redisUrl', 'redisUser', 'redisPassword'],
    holds: (config) =>
      !isSet(config, 'redisPassword') || !/^rediss?(\+sentinel)?:\/\/[^/?#]*@/.test(config.redisUrl),
    otherwise: 'user and password are set twice; leave them out of the URL',
  },
];
