import { readConfig } from '../../src/settings/config';
import type { Config } from '../../src/settings/table';

/** The settings of an environment and flags that are valid. */
export function ok(env: Record<string, string>, flags = {}): Config {
  const result = readConfig(env, flags);
  if ('errors' in result) throw new Error(result.errors.join('\n'));
  return result.ok;
}

/** What is wrong with the settings of an environment and flags. */
export function errors(env: Record<string, string>, flags = {}): string[] {
  const result = readConfig(env, flags);
  return 'errors' in result ? result.errors : [];
}
