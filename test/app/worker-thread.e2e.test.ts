import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startRun } from '../fire/processes';
import { until } from '../fire/stage';

const THREAD = join(__dirname, '..', '..', 'dist', 'app', 'worker-thread.js');

describe('a command in a thread', () => {
  const folder = mkdtempSync(join(tmpdir(), 'efs-thread-'));
  afterAll(() => rmSync(folder, { recursive: true }));

  /** A process that runs `script` in a thread and gets `signal` after its first output. */
  async function run(script: string, signal?: NodeJS.Signals) {
    const file = join(folder, 'script.js');
    const threads = `const threads = require('node:worker_threads');`;
    writeFileSync(file, `${threads} require(${JSON.stringify(THREAD)}).forwardSignals(); ${script}`);
    const start = `require(${JSON.stringify(THREAD)}).inWorkerThread(${JSON.stringify(file)}, ['run', '--flag'])`;
    const child = spawn(process.execPath, ['-e', start], { stdio: ['ignore', 'pipe', 'pipe'] });
    const output = { out: '', err: '' };
    child.stderr.on('data', (chunk) => (output.err += String(chunk)));
    child.stdout.on('data', (chunk) => (output.out += String(chunk)));
    // Once: a second signal would find a process that is ending already.
    child.stdout.once('data', () => signal !== undefined && child.kill(signal));
    const exitCode = await new Promise((resolve) => child.once('close', resolve));
    return { ...output, exitCode };
  }

  const STAYS = `setInterval(() => undefined, 1000); console.log('up');`;

  test('has a young generation of twice the default, and the command line', async () => {
    const { out, exitCode } = await run(
      `console.log(threads.resourceLimits.maxYoungGenerationSizeMb, process.argv.slice(2).join(' '))`,
    );
    expect([out, exitCode]).toEqual(['96 run --flag\n', 0]);
  });

  test('passes its exit code and its whole output to the process', async () => {
    const { out, exitCode } = await run(`console.log('x'.repeat(1e6)); process.exit(2)`);
    expect([out.length, exitCode]).toEqual([1e6 + 1, 2]);
  });

  test('fails the process where it fails', async () => {
    const { err, exitCode } = await run(`throw new Error('uncaught in the thread')`);
    expect([err, exitCode]).toEqual([expect.stringContaining('uncaught in the thread'), 1]);
  });

  test.each(['SIGTERM', 'SIGINT'] as const)('handles a %s of the process as its own', async (signal) => {
    const handling = `process.on('${signal}', () => { console.log('got it'); process.exit(3); }); ${STAYS}`;
    expect(await run(handling, signal)).toMatchObject({ out: 'up\ngot it\n', exitCode: 3 });
  });

  test('ends by a signal that it does not handle', async () => {
    expect(await run(STAYS, 'SIGTERM')).toMatchObject({ exitCode: 143 });
  });

  test('is how the service runs: it stops in order and loses no line', async () => {
    const nowhere = { EFS_KAFKA_BROKERS: '127.0.0.1:1', EFS_REDIS_URL: 'redis://127.0.0.1:1' };
    const service = startRun('nowhere', nowhere);
    await until('it waits for its servers', () => service.hasLogged('does not answer'), 10_000);
    expect((await service.get('/livez')).status).toBe(200);
    service.signal('SIGTERM');
    expect((await service.ended).exitCode).toBe(0);
    expect(service.lines().at(-1)?.msg).toBe('stopped');
  });
});
