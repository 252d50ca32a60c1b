import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';

import { answers } from './provision';

const root = join(__dirname, '..', '..');
const project = [
  'compose',
  '-p',
  'efs-test',
  '-f',
  'docker-compose.yml',
  '-f',
  'test/servers/compose.test.yml',
];
const docker = (args: string[]): Promise<unknown> =>
  promisify(execFile)('docker', [...project, ...args], { cwd: root, timeout: 600_000, maxBuffer: 16 << 20 });

/** Starts services of docker-compose.yml; returns their addresses, or null without a Docker engine. */
export async function composeUp(
  services: string[],
): Promise<Record<'kafka' | 'registry' | 'redis', string> | null> {
  if (!(await answers('docker', ['compose', 'version'])) || !(await answers('docker', ['info']))) return null;
  try {
    await docker(['up', '-d', '--wait', ...services]);
  } catch (error) {
    process.stderr.write(`test servers: docker compose failed, trying without: ${String(error)}\n`);
    return null;
  }
  return {
    kafka: 'localhost:9092',
    registry: 'http://localhost:8081/apis/ccompat/v7',
    redis: 'redis://localhost:6379',
  };
}

/** Removes what `composeUp` started, with its data. */
export async function composeDown(): Promise<void> {
  await docker(['down', '-v']);
}
