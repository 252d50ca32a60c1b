import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
} from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { IN_CI } from '../support/ci';
import { carryOut, lastOf, readStages, valuesOf } from './dockerfile';
import { environment, IMAGE_NODE, MANIFEST, nodeOf, root, runIn, startDemo } from './stranger';

jest.setTimeout(600_000); // packages are installed and compiled

const stages = readStages(root);
const [last] = stages.slice(-1);
if (last === undefined) throw new Error('the Dockerfile has no stage');

/** The user of the image, where this process may become another. */
function user(): { uid?: number; gid?: number } {
  const [uid, gid] = lastOf(last!, 'USER').split(':').map(Number);
  return process.getuid?.() === 0 && uid !== undefined && gid !== undefined ? { uid, gid } : {};
}

const words = (rest: string): string[] => JSON.parse(rest.slice(rest.indexOf('['))) as string[];

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => resolve(port));
    });
  });
}

// Two installations by npm and a build take minutes: in CI, and with CI=true before a change of the Dockerfile.
if (!IN_CI) process.stderr.write('*** the image is made in CI; CI=true makes it here\n');

(IN_CI ? describe : describe.skip)('the files of the image, made by the steps of the Dockerfile', () => {
  const folder = mkdtempSync(join(tmpdir(), 'efs-test-image-'));
  const bin = join(folder, 'bin');
  afterAll(() => rmSync(folder, { recursive: true }));
  let app = '';
  let env: Record<string, string | undefined> = {};

  beforeAll(async () => {
    // The image's user reads them, and cannot read the cache in another's home.
    chmodSync(folder, 0o755);
    mkdirSync(bin);
    copyFileSync(join(await nodeOf(IMAGE_NODE), 'node'), join(bin, 'node'));
    const run = (command: string, cwd: string): Promise<string> =>
      runIn(cwd, bin, ['env', 'npm_config_prefer_offline=true', 'sh', '-c', command]);
    app = await carryOut(stages, root, folder, run);
    env = { ...environment(bin), ...valuesOf(last, 'ENV') };
  });

  /** Runs what a container would run, with its environment and as its user. */
  const inImage = (command: readonly string[], settings: Record<string, string> = {}) =>
    spawnSync(command[0] ?? '', command.slice(1), {
      ...{ cwd: app, env: { ...env, ...settings }, encoding: 'utf8' },
      ...user(),
    });

  it(`start on Node ${IMAGE_NODE}, as the user of the image`, () => {
    const { status, stdout, stderr } = inImage([...words(lastOf(last, 'ENTRYPOINT')), '--version']);
    expect([status, stdout, stderr]).toEqual([0, `${MANIFEST.version}\n`, '']);
  });

  it('have no package that is for development only', () => {
    const record = readFileSync(join(app, 'node_modules', '.package-lock.json'), 'utf8');
    const { packages } = JSON.parse(record) as { packages: Record<string, { dev?: boolean }> };
    expect(Object.keys(packages)).toContain('node_modules/fastify');
    expect(Object.keys(packages).filter((path) => packages[path]?.dev === true)).toEqual([]);
    expect(readdirSync(app).sort()).toEqual(
      ['LICENSE', 'dist', 'node_modules', 'package.json', 'sbom.cdx.json', 'schemas'].sort(),
    );
  });

  it('can be changed by their owner only, who is not the user of the image', () => {
    const files = readdirSync(app, { recursive: true, encoding: 'utf8' });
    expect(files.length).toBeGreaterThan(1_000);
    expect(files.filter((file) => (statSync(join(app, file)).mode & 0o022) !== 0)).toEqual([]);
  });

  it('have a bill of materials of the service', () => {
    const bom = JSON.parse(readFileSync(join(app, 'sbom.cdx.json'), 'utf8')) as {
      components: { name: string }[];
      metadata: { component: { name: string; version: string } };
    };
    const { name, version } = bom.metadata.component;
    expect([name, version]).toEqual([MANIFEST.name, MANIFEST.version]);
    expect(bom.components.map((each) => each.name)).toContain('fastify');
  });

  it.each(['EFS_HTTP_PORT', 'EFS_INGEST_PORT'])(
    'are healthy while the port of %s answers, and not before',
    async (variable) => {
      const [port, other] = [String(await freePort()), String(await freePort())];
      const settings = { EFS_HTTP_PORT: other, EFS_INGEST_PORT: other, [variable]: port };
      const check = words(lastOf(last, 'HEALTHCHECK'));
      expect(inImage(check, settings).status).toBe(1);
      const demo = await startDemo([...words(lastOf(last, 'ENTRYPOINT')), 'demo', '--http-port', port], {
        ...{ cwd: app, env },
        ...user(),
      });
      expect(inImage(check, settings).status).toBe(0);
      await demo.stop();
    },
  );
});
