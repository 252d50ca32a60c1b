import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { configFrom, readConfig } from '../../src/settings/config';
import type { Config } from '../../src/settings/table';

/** The settings from a valid environment and flags. */
export function ok(env: Record<string, string>, flags = {}): Config {
  return configFrom(env, flags);
}

/** The errors in an environment and flags. */
export function errors(env: Record<string, string>, flags = {}): string[] {
  const result = readConfig(env, flags);
  return 'errors' in result ? result.errors : [];
}

/** A text in the form of a PEM block. */
export const pem = (kind: string): string => `-----BEGIN ${kind}-----\nMAo=\n-----END ${kind}-----\n`;

/** A folder that is removed after the tests of the calling block; `file` writes into it and returns the path. */
export function settingsFolder(): { folder: string; file(name: string, text: string): string } {
  const folder = mkdtempSync(join(tmpdir(), 'efs-config-'));
  afterAll(() => rmSync(folder, { recursive: true }));
  const file = (name: string, text: string): string => {
    writeFileSync(join(folder, name), text);
    return join(folder, name);
  };
  return { folder, file };
}
