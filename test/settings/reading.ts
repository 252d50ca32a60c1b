import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
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

/** A text in the form of a PEM block. */
export const pem = (kind: string): string => `-----BEGIN ${kind}-----\nMAo=\n-----END ${kind}-----\n`;

/** A folder that goes with the tests of the block that calls this; `file` writes into it and gives the path. */
export function settingsFolder(): { folder: string; file(name: string, text: string): string } {
  const folder = mkdtempSync(join(tmpdir(), 'efs-config-'));
  afterAll(() => rmSync(folder, { recursive: true }));
  const file = (name: string, text: string): string => {
    writeFileSync(join(folder, name), text);
    return join(folder, name);
  };
  return { folder, file };
}
