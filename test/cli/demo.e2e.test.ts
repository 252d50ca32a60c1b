import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const CLI = join(__dirname, '..', '..', 'dist', 'cli.js');

/** Runs the demo to its end; gives what it printed. */
async function demo(args: readonly string[]): Promise<string> {
  const inherited = Object.entries(process.env).filter(([name]) => !name.startsWith('EFS_'));
  const { stdout } = await promisify(execFile)(process.execPath, [CLI, 'demo', '--http-port', '0', ...args], {
    env: Object.fromEntries(inherited),
  });
  return stdout;
}

const messages = (printed: string): number =>
  Number(/^([\d,]+) messages of \d+ deliveries/m.exec(printed)?.[1]?.replaceAll(',', ''));

describe('efs demo', () => {
  let data: string;

  beforeAll(() => {
    data = mkdtempSync(join(tmpdir(), 'efs-demo-'));
  });

  afterAll(() => rmSync(data, { recursive: true }));

  it('ends after --for with the figures of all deliveries, and continues from --data', async () => {
    const printed = await demo(['--for', '5s', '--data', data]);
    expect(printed).toMatch(/^Open http:\/\/127\.0\.0\.1:\d+\/$/m);
    expect(printed).toMatch(/^mirror-1-EFS +EFS +\d/m);
    expect(printed).toMatch(/^mirror-1-RELAY +RELAY +\d/m);
    expect(messages(printed)).toBeGreaterThan(100);

    const again = await demo(['--for', '2s', '--data', data]);
    expect(messages(again)).toBeGreaterThan(messages(printed));
  });

  it('rejects saved state of another seed or of an unknown format', async () => {
    await expect(demo(['--data', data, '--seed', '2'])).rejects.toMatchObject({
      code: 2,
      stderr: expect.stringContaining('holds the campaigns of seed 1; use --seed 1'),
    });
    writeFileSync(join(data, 'demo.state'), 'something else');
    await expect(demo(['--data', data])).rejects.toMatchObject({
      code: 2,
      stderr: expect.stringContaining('was not saved by this version; remove it'),
    });
  });
});
