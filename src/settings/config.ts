import { readText } from './files';
import { EfsError } from '../base/errors';
import { urlPerHost } from '../base/redis-url';
import type { Setting } from './kinds';
import { FILE_VARIABLE, NAME_LENGTH_MAX, nearestOf, VARIABLES } from './names';
import { RULES } from './rules';
import type { Placed, SettingsFile } from './settings-file';
import { type Config, flagOf, type SettingName, SETTINGS, variableOf } from './table';

/** Text from the command line, by field; it wins over the environment, which wins over a file. */
export type Flags = { readonly [Name in SettingName]?: string | undefined };

export type Environment = Readonly<Record<string, string | undefined>>;

/** Every setting in the table's order. */
export const settings: readonly (readonly [SettingName, Setting])[] = Object.entries(SETTINGS) as unknown as [
  SettingName,
  Setting,
][];

/** The source of a value and its text; `text` is trimmed, and undefined where nothing is set. */
type Found = { name: string; text: string | undefined; path?: string } | { error: string };

function trimmed(text: string | undefined): string | undefined {
  const value = text?.trim();
  return value === '' ? undefined : value;
}

function readSecretFile({ name, text: path }: Placed): Found {
  try {
    return { name: `${name} (${path})`, text: trimmed(readText(path)), path };
  } catch (error) {
    const problem = `${JSON.stringify(path)} ${(error as Error).message}`;
    return { error: `${name}: ${problem}; name a file that this user may read` };
  }
}

const holdsPassword = (text: string): boolean =>
  (urlPerHost(text) ?? []).some(({ password }) => password !== '');

/** Where settings are looked up by their variables; undefined where nothing is set. */
type Place = (variable: string) => Placed | undefined;

function placed(name: string, text: string | undefined): Placed | undefined {
  const value = trimmed(text);
  return value === undefined ? undefined : { name, text: value };
}

const inEnvironment =
  (env: Environment): Place =>
  (variable) =>
    placed(variable, env[variable]);

const inFile =
  ({ values }: SettingsFile): Place =>
  (variable) => {
    const { name = variable, text } = values.get(variable) ?? {};
    return placed(name, text);
  };

function findAt(place: Place, variable: string, { secret }: Setting): Found | null {
  const value = place(variable);
  const file = secret ? place(`${variable}_FILE`) : undefined;
  if (value !== undefined && file !== undefined)
    return { error: `${value.name}: is set, and so is ${file.name}; keep one of them` };
  return file === undefined ? (value ?? null) : readSecretFile(file);
}

function find(places: readonly Place[], flags: Flags, name: SettingName, setting: Setting): Found {
  const flag = setting.isFlag ? trimmed(flags[name]) : undefined;
  const variable = variableOf(name);
  if (flag !== undefined && setting.secret && holdsPassword(flag)) {
    const remedy = `set ${variable}, or ${variable}_FILE, instead`;
    return {
      error: `${flagOf(name)}: holds a password, which every user of the machine can read; ${remedy}`,
    };
  }
  if (flag !== undefined) return { name: flagOf(name), text: flag };
  for (const place of places) {
    const found = findAt(place, variable, setting);
    if (found !== null) return found;
  }
  return { name: variable, text: undefined };
}

/** Reads one setting: its value, or what is wrong with it and what to do. */
function read(setting: Setting, found: Found): { value: unknown } | { errors: string[] } {
  if ('error' in found) return { errors: [found.error] };
  const parsed = setting.schema.safeParse(found.text ?? setting.fallback);
  if (parsed.success) {
    const { path } = found;
    return {
      value: path === undefined ? parsed.data : (setting.fromFile?.(parsed.data, path) ?? parsed.data),
    };
  }
  const shown = setting.secret ? '' : ` ${JSON.stringify(found.text)}`;
  const remedy = `set it to ${setting.expects}, or leave it out for ${setting.fallback || 'none'}`;
  return { errors: parsed.error.issues.map((issue) => `${found.name}:${shown} ${issue.message}; ${remedy}`) };
}

function unknownVariables(env: Environment, known: readonly string[]): string[] {
  const unknown = Object.keys(env).filter((name) => name.startsWith('EFS_') && !known.includes(name));
  return unknown.map((name) => {
    const shown = name.slice(0, NAME_LENGTH_MAX);
    return `${shown}: is not a setting; did you mean ${nearestOf(shown, known)}? Otherwise remove it`;
  });
}

/** Where each setting that is set comes from: its flag, its variable, or its line in a file. */
export type Origins = { readonly [Name in SettingName]?: string };

export type Read = { readonly origins: Origins } & (
  | { readonly ok: Config }
  | {
      readonly errors: string[];
      readonly valid: Partial<Config>;
      readonly concerned: ReadonlySet<SettingName>;
    }
);

/**
 * Reads the settings from the command line's flags, which take precedence, the environment, and a file. An empty value
 * counts as not set. Returns all errors at once, each with where the value is set, the problem and the remedy; no secret is
 * quoted in them. The valid settings are returned beside the errors, and the names of those that errors are about.
 * Variables that begin with `EFS_` but are no setting are errors: a misspelt one would not apply, without notice. So is
 * the variable that names a file where the caller reads none.
 */
export function readConfig(env: Environment, flags: Flags = {}, file?: SettingsFile): Read {
  const errors: string[] = [...(file?.errors ?? [])];
  const concerned = new Set<SettingName>();
  const config: Record<string, unknown> = {};
  const origins: Partial<Record<SettingName, string>> = {};
  const places = [inEnvironment(env), ...(file === undefined ? [] : [inFile(file)])];
  for (const [name, setting] of settings) {
    const found = find(places, flags, name, setting);
    if ('name' in found && found.text !== undefined) origins[name] = found.name;
    const result = read(setting, found);
    if ('errors' in result) {
      errors.push(...result.errors);
      concerned.add(name);
    } else config[name] = result.value;
  }
  for (const rule of RULES) {
    // Settings that are invalid by themselves are reported above.
    if (!rule.names.every((name) => name in config) || rule.holds(config as Config)) continue;
    errors.push(
      `${rule.names.map((name) => origins[name] ?? variableOf(name)).join(', ')}: ${rule.otherwise}`,
    );
    for (const name of rule.names) concerned.add(name);
  }
  errors.push(...unknownVariables(env, file === undefined ? VARIABLES : [...VARIABLES, FILE_VARIABLE]));
  return errors.length > 0
    ? { errors, valid: config, concerned, origins }
    : { ok: config as Config, origins };
}

/** As `readConfig`. Throws `config-invalid` with every error. */
export function configFrom(env: Environment, flags: Flags = {}, file?: SettingsFile): Config {
  const result = readConfig(env, flags, file);
  if ('errors' in result) throw new EfsError('config-invalid', result.errors.join('\n'));
  return result.ok;
}

/** One line of the settings table. */
export interface SettingRow {
  readonly name: SettingName;
  readonly variable: string;
  readonly fallback: string;
  readonly expects: string;
  readonly doc: string;
  /** As text, passwords blanked out; null where the setting is not valid. */
  readonly value: string | null;
}

/** The settings as a table, in their order, with the values of `config`. */
export function describeConfig(config: Partial<Config>): SettingRow[] {
  return settings.map(([name, setting]) => {
    const { fallback, expects, doc } = setting;
    const value = config[name];
    const shown = value === undefined ? null : setting.show(value);
    return { name, variable: variableOf(name), fallback, expects, doc, value: shown };
  });
}
