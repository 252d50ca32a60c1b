import { type Command, InvalidArgumentError, Option } from 'commander';
import { configFrom, type Flags, flagOf, settings } from '../settings/config';
import type { Config, SettingName } from '../settings/table';
import { type Log, openLog, NO_LOG } from '../base/log';
import { DAY_MS, SECOND_MS } from '../base/time';
import { duration } from '../settings/kinds';
import { SETTINGS } from '../settings/table';

/** The settings of a command that connects to Kafka, the registry or Redis, by server. */
export const KAFKA_SETTINGS = [
  'kafkaBrokers',
  'topicPrefix',
  'kafkaRequestTimeoutMs',
  'kafkaTls',
  'kafkaCaFile',
  'kafkaCertFile',
  'kafkaKeyFile',
  'kafkaSasl',
  'kafkaUser',
  'kafkaOauthTokenUrl',
  'kafkaOauthClientId',
  'kafkaOauthScope',
  'kafkaOauthExtensions',
  'kafkaOauthCaFile',
  'kafkaAwsRegion',
] as const;
export const REGISTRY_SETTINGS = [
  'schemaRegistryUrl',
  'registryTimeoutMs',
  'registryUser',
  'registryCaFile',
  'registryCertFile',
  'registryKeyFile',
] as const;
export const REDIS_SETTINGS = [
  'redisUrl',
  'redisUser',
  'redisTimeoutMs',
  'redisSentinelUser',
  'redisCaFile',
  'redisCertFile',
  'redisKeyFile',
] as const;
export const ALL_SETTINGS: readonly SettingName[] = settings.map(([name]) => name);

/** Adds the named settings to a command as flags, with the descriptions of the settings table. */
export function addSettings(command: Command, names: readonly SettingName[]): Command {
  for (const name of names) {
    const { variable, doc, fallback, isFlag } = SETTINGS[name];
    if (!isFlag) continue;
    const shownDefault = fallback === '' ? 'empty' : fallback;
    const option = new Option(
      `${flagOf(SETTINGS[name])} <value>`,
      `${doc} (${variable}, default ${shownDefault})`,
    );
    command.addOption(option.helpGroup('Settings, as flags or environment variables:'));
  }
  return command;
}

/** Adds an example, which must work as printed. */
export function addExample(command: Command, ...lines: readonly string[]): Command {
  return command.addHelpText('after', `\nExample:\n${lines.map((line) => `  $ ${line}`).join('\n')}\n`);
}

/** The flags of a command that are settings, as given. */
export function flagsOf(command: Command): Flags {
  const given = command.opts<Record<string, string | undefined>>();
  return Object.fromEntries(ALL_SETTINGS.map((name) => [name, given[name]]));
}

/** The settings from the environment and the command's flags. Throws `config-invalid` with every error. */
export function configOf(command: Command): Config {
  return configFrom(process.env, flagsOf(command));
}

/**
 * The log of a command that ends by itself: disabled, so that only the command's output is shown, unless the level is
 * debug.
 */
export function commandLog(config: Config): Log {
  return config.logLevel === 'debug'
    ? openLog({ level: 'debug', format: config.logFormat }, process.stderr)
    : NO_LOG;
}

/** Parses an option that is a whole number within bounds. */
export const wholeNumber =
  (min: number, max: number) =>
  (text: string): number => {
    const value = Number(text);
    if (/^\d{1,16}$/.test(text) && value >= min && value <= max) return value;
    throw new InvalidArgumentError(`It must be a whole number from ${min} to ${max}.`);
  };

const SPAN = duration(SECOND_MS, 365 * DAY_MS);

/** Parses an option that is a duration with its unit; returns milliseconds. */
export function timeSpan(text: string): number {
  const parsed = SPAN.schema.safeParse(text);
  if (parsed.success) return parsed.data;
  throw new InvalidArgumentError(`It must be ${SPAN.expects}.`);
}

/** Parses an option that is a share. */
export function share(text: string): number {
  const value = Number(text);
  if (/^\d*\.?\d+$/.test(text) && value <= 1) return value;
  throw new InvalidArgumentError('It must be a number from 0 to 1.');
}
