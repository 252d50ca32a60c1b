import { readText } from './files';
import { EfsError } from '../base/errors';
import { urlPerHost } from '../base/redis-url';
import type { Setting } from './kinds';
import { RULES } from './rules';
import { type Config, flagOf, type SettingName, SETTINGS, variableOf } from './table';

/** Text from the command line, by field; it wins over the environment. */
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

function readSecretFile(variable: string, path: string): Found {
  try {
    return { name: `${variable} (${path})`, text: trimmed(readText(path)), path };
  } catch (error) {
    const problem = `${JSON.stringify(path)} ${(error as Error).message}`;
    return { error: `${variable}: ${problem}; name a file that this user may read` };
  }
}

const holdsPassword = (text: string): boolean =>
  (urlPerHost(text) ?? []).some(({ password }) => password !== '');

function find(env: Environment, flags: Flags, name: SettingName, setting: Setting): Found {
  const flag = setting.isFlag ? trimmed(flags[name]) : undefined;
  const variable = variableOf(name);
  if (flag !== undefined && setting.secret && holdsPassword(flag)) {
    const remedy = `set ${variable}, or ${variable}_FILE, instead`;
    return {
      error: `${flagOf(name)}: holds a password, which every user of the machine can read; ${remedy}`,
    };
  }
  if (flag !== undefined) return { name: flagOf(name), text: flag };
  const text = trimmed(env[variable]);
  const file = setting.secret ? trimmed(env[`${variable}_FILE`]) : undefined;
  if (text !== undefined && file !== undefined) {
    return { error: `${variable}: is set, and so is ${variable}_FILE; keep one of them` };
  }
  return file === undefined ? { name: variable, text } : readSecretFile(`${variable}_FILE`, file);
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

/** Longest part of an unknown name that is compared and shown: comparing takes time for each pair of characters. */
const NAME_LENGTH_MAX = 100;

/** Least number of single-character edits between two texts. */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const edited = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(edited, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}

function knownVariables(): string[] {
  return settings.flatMap(([name, { secret }]) =>
    secret ? [variableOf(name), `${variableOf(name)}_FILE`] : [variableOf(name)],
  );
}

function unknownVariables(env: Environment): string[] {
  const known = knownVariables();
  const unknown = Object.keys(env).filter((name) => name.startsWith('EFS_') && !known.includes(name));
  return unknown.map((name) => {
    const shown = name.slice(0, NAME_LENGTH_MAX);
    return `${shown}: is not a setting; did you mean ${nearestOf(shown, known)}? Otherwise remove it`;
  });
}

function nearestOf(name: string, known: readonly string[]): string {
  let [nearest = ''] = known;
  let least = Infinity;
  for (const other of known) {
    const edits = distance(name, other);
    if (edits >= least) continue;
    least = edits;
    nearest = other;
  }
  return nearest;
}

/**
 * Reads the settings from the command line's flags, which take precedence, and the environment. An empty value counts as
 * not set. Returns all errors at once, each with the variable (or flag), the problem and the remedy; no secret is quoted in
 * them. The valid settings are returned beside the errors.
 * Variables that begin with `EFS_` but are no setting are errors: a misspelt one would not apply, without notice.
 */
export function readConfig(
  env: Environment,
  flags: Flags = {},
): { ok: Config } | { errors: string[]; valid: Partial<Config> } {
  const errors: string[] = [];
  const config: Record<string, unknown> = {};
  for (const [name, setting] of settings) {
    const result = read(setting, find(env, flags, name, setting));
    if ('errors' in result) errors.push(...result.errors);
    else config[name] = result.value;
  }
  for (const rule of RULES) {
    // Settings that are invalid by themselves are reported above.
    if (!rule.names.every((name) => name in config) || rule.holds(config as Config)) continue;
    errors.push(`${rule.names.map(variableOf).join(', ')}: ${rule.otherwise}`);
  }
  errors.push(...unknownVariables(env));
  return errors.length > 0 ? { errors, valid: config } : { ok: config as Config };
}

/** As `readConfig`. Throws `config-invalid` with every error. */
export function configFrom(env: Environment, flags: Flags = {}): Config {
  const result = readConfig(env, flags);
  if ('errors' in result) throw new EfsError('config-invalid', result.errors.join('\n'));
  return result.ok;
}

/** One line of the settings table. */
export interface SettingRow {
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
    return { variable: variableOf(name), fallback, expects, doc, value: shown };
  });
}
