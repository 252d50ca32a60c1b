import { type Command, InvalidArgumentError, Option } from 'commander';
import { configFrom, type Flags, type Read, readConfig, settings } from '../settings/config';
import { FILE_VARIABLE } from '../settings/names';
import { NO_FILE, readSettingsFile, type SettingsFile } from '../settings/settings-file';
import { type Config, flagOf, type SettingName, SETTINGS, variableOf } from '../settings/table';
import { type Log, openLog, NO_LOG } from '../base/log';
import { DAY_MS, SECOND_MS } from '../base/time';
import { addHelpAll, COMMON_GROUP, COMMON_SETTINGS } from './settings-help';
import { duration } from '../settings/kinds';

export const ALL_SETTINGS: readonly SettingName[] = settings.map(([name]) => name);

const settingsOf = (server: string): readonly SettingName[] =>
  ALL_SETTINGS.filter((name) => name.startsWith(server));

/** The settings of a command that connects to Kafka, the registry, or the state in Redis. */
export const KAFKA_SETTINGS = [...settingsOf('kafka'), 'topicPrefix'] as const;
export const REGISTRY_SETTINGS = ['schemaRegistryUrl', ...settingsOf('registry')] as const;
export const STATE_SETTINGS = [...settingsOf('redis'), 'groupId', 'topicPrefix'] as const;

/** The settings of the commands that take events as they come. */
export const INGESTION_SETTINGS = settingsOf('ingest').filter((name) => name !== 'ingestUrls');

/** The settings of every command that writes what sources say. */
export const INDEX_SETTINGS = settingsOf('ingestIndex');

const FILE_FLAG = '--config';

/** What a flag of a setting means, with the values that it takes where they are few. */
function meaningOf(name: SettingName): string {
  const { doc, fallback, expects, choices } = SETTINGS[name];
  const values = choices === undefined ? '' : `${expects}; `;
  return `${doc} (${values}${variableOf(name)}, default ${fallback === '' ? 'empty' : fallback})`;
}

/**
 * Adds the named settings to a command as flags, with the descriptions of the settings table, and the file of settings.
 * `--help` shows those commonly needed: addresses of servers, and those of `common`.
 */
export function addSettings(
  command: Command,
  names: readonly SettingName[],
  common: readonly SettingName[] = [],
): Command {
  addHelpAll(command, names, [...COMMON_SETTINGS, ...common]);
  const fileMeaning = `YAML file of settings, named like these flags; flags and variables win over it (${FILE_VARIABLE})`;
  command.addOption(new Option(`${FILE_FLAG} <file>`, fileMeaning).helpGroup(COMMON_GROUP));
  for (const name of names.filter((each) => SETTINGS[each].isFlag)) {
    command.addOption(new Option(`${flagOf(name)} <value>`, meaningOf(name)));
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

/** The file of settings that the command line or the environment names. */
function settingsFileOf(command: Command): SettingsFile {
  const flag = command.opts<{ config?: string }>().config?.trim();
  const path = flag || process.env[FILE_VARIABLE]?.trim();
  return path ? readSettingsFile(path, flag ? FILE_FLAG : FILE_VARIABLE) : NO_FILE;
}

/** The settings from the command's flags, the environment and the file, with where each comes from; or every error. */
export function readSettings(command: Command): Read {
  return readConfig(process.env, flagsOf(command), settingsFileOf(command));
}

/** As `readSettings`. Throws `config-invalid` with every error. */
export function configOf(command: Command): Config {
  return configFrom(process.env, flagsOf(command), settingsFileOf(command));
}

/**
 * The settings and the log of a command that ends by itself. The log is disabled, so that only the command's output is
 * shown, unless the level is debug.
 */
export function contextOf(command: Command): { readonly config: Config; readonly log: Log } {
  const config = configOf(command);
  const isShown = config.logLevel === 'debug';
  return {
    config,
    log: isShown ? openLog({ level: 'debug', format: config.logFormat }, process.stderr) : NO_LOG,
  };
}

/** Parses an option that is a whole number within bounds. */
export const wholeNumber =
  (min: number, max: number) =>
  (text: string): number => {
    const value = Number(text);
    if (/^\d{1,16}$/.test(text) && value >= min && value <= max) return value;
    throw new InvalidArgumentError(`It must be a whole number from ${min} to ${max}.`);
  };

/** Parses the id of a generation's state. */
export const stateId = wholeNumber(1, 2_147_483_647);

/** Parses a moment between 2000 and 2099. */
export function moment(text: string): number {
  const value = Date.parse(text);
  if (value >= Date.UTC(2000) && value < Date.UTC(2099)) return value;
  throw new InvalidArgumentError('It must be a time like 2026-01-05T08:00:00Z.');
}

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
