import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { pollMs } from '../servers/child';
import { environment, IMAGE_NODE, MANIFEST, nodeOf, OLDEST_NODE, root, runIn, startDemo } from './stranger';

jest.setTimeout(600_000); // packages are installed and compiled

const PROGRAM = `
import { DeliveryId, embed, type Feedback, MessageId } from 'email-feedback-service';

const efs = await embed({ EFS_PARTITIONS: '2' });
const relayed: Feedback = {
  kind: 'Relayed',
  eventId: 'm1/relayed',
  messageId: MessageId('m1'),
  deliveryId: DeliveryId('spring-sale'),
  occurredAt: Date.now(),
  recipientDomain: 'example.com',
  policy: 'RELAY',
  validityPeriodMs: null,
  deliverySize: 4,
};
await efs.report([relayed]);
await efs.caughtUp();
const success: number | null | undefined = efs.delivery('spring-sale')?.kpis.success;
console.log('success', success);
await efs.stop();
`;

const COMPILER_OPTIONS = {
  ...{ target: 'es2022', module: 'nodenext', types: ['node'] },
  ...{ strict: true, exactOptionalPropertyTypes: true, skipLibCheck: false },
};

/** What git does not have, and the tests. */
const NOT_COPIED = ['.git', '.cache', 'coverage', 'dist', 'node_modules', 'test'];

/** Packs a copy of the sources in which nothing is built; gives the path of the tarball. */
async function pack(folder: string, bin: string): Promise<string> {
  const clone = join(folder, 'clone');
  cpSync(root, clone, { recursive: true, filter: (path) => !NOT_COPIED.includes(relative(root, path)) });
  symlinkSync(join(root, 'node_modules'), join(clone, 'node_modules'));
  await runIn(clone, bin, ['npm', 'pack', '--pack-destination', folder]);
  return join(folder, `${MANIFEST.name}-${MANIFEST.version}.tgz`);
}

interface Deliveries {
  readonly deliveries: readonly { readonly kpis: { readonly relayed: number } }[];
}

/** Resolves when a running demo shows KPIs. */
async function showsKpis(address: string): Promise<boolean> {
  for (;;) {
    const { deliveries } = (await (await fetch(`${address}api/deliveries`)).json()) as Deliveries;
    if (deliveries.some(({ kpis }) => kpis.relayed > 0)) return true;
    await pollMs(100);
  }
}

describe('the package, packed from a clone without a build and installed in an empty folder', () => {
  const folder = mkdtempSync(join(tmpdir(), 'efs-test-package-'));
  const project = join(folder, 'project');
  afterAll(() => rmSync(folder, { recursive: true }));
  let installed = '';

  beforeAll(async () => {
    const bin = await nodeOf(OLDEST_NODE);
    const tarball = await pack(folder, bin);
    mkdirSync(project);
    writeFileSync(join(project, 'package.json'), JSON.stringify({ type: 'module' }));
    const tools = ['typescript', '@types/node'].map((name) => `${name}@${MANIFEST.devDependencies[name]}`);
    const install = ['npm', 'install', '--prefer-offline', '--no-audit', '--no-fund'];
    installed = await runIn(project, bin, [...install, tarball, ...tools]);
  });

  it(`has no dependency that refuses Node ${OLDEST_NODE}`, () => {
    expect(installed).toMatch(/added \d+ packages/);
    expect(installed).not.toContain('EBADENGINE');
  });

  it('has source maps that lead to its sources', () => {
    const dist = join(project, 'node_modules', MANIFEST.name, 'dist');
    const maps = readdirSync(dist, { recursive: true, encoding: 'utf8' }).filter((file) =>
      file.endsWith('.map'),
    );
    const lost = maps.filter((file) => {
      const { sources } = JSON.parse(readFileSync(join(dist, file), 'utf8')) as { sources: string[] };
      return sources.some((source) => !existsSync(join(dist, dirname(file), source)));
    });
    expect([maps.length > 100, lost]).toEqual([true, []]);
  });

  it('compiles a TypeScript program that imports embed, with skipLibCheck off', async () => {
    writeFileSync(join(project, 'program.ts'), PROGRAM);
    const settings = { compilerOptions: COMPILER_OPTIONS, files: ['program.ts'] };
    writeFileSync(join(project, 'tsconfig.json'), JSON.stringify(settings));
    await runIn(project, await nodeOf(OLDEST_NODE), ['npx', 'tsc']);
    expect(readFileSync(join(project, 'program.js'), 'utf8')).toContain('await embed(');
  });

  describe.each([OLDEST_NODE, IMAGE_NODE])('on Node %s', (version) => {
    it('runs `npx efs demo`, which serves the page and shows KPIs', async () => {
      const bin = await nodeOf(version);
      const env = environment(bin);
      const demo = await startDemo(['npx', 'efs', 'demo', '--http-port', '0'], { cwd: project, env });
      expect(await (await fetch(demo.address)).text()).toContain('<title>');
      await expect(showsKpis(demo.address)).resolves.toBe(true);
      await demo.stop();
    });

    it('runs the compiled program: embed reports feedback, and gives KPIs', async () => {
      const printed = await runIn(project, await nodeOf(version), ['node', 'program.js']);
      expect(printed).toBe('success 1\n');
    });

    it('gives the schemas by their names', async () => {
      const script = `require('fs').statSync(require.resolve('${MANIFEST.name}/schemas/relayed.avsc'))`;
      await expect(runIn(project, await nodeOf(version), ['node', '-e', script])).resolves.toBe('');
    });
  });
});
