import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const DIST = join(__dirname, '..', '..', 'dist');
const CLIENT = '@kafkajs/confluent-schema-registry';

describe('the registry client', () => {
  const folder = mkdtempSync(join(tmpdir(), 'efs-loaded-'));
  const loaded = join(folder, 'loaded.json');
  const hook = join(folder, 'hook.cjs');
  writeFileSync(
    hook,
    `process.on('exit', () => require('node:fs').writeFileSync(${JSON.stringify(loaded)},
      JSON.stringify(Object.keys(require('node:module')._cache))));`,
  );
  afterAll(() => rmSync(folder, { recursive: true }));

  /** The modules that a process has loaded when it ends. */
  async function modulesOf(...args: readonly string[]): Promise<readonly string[]> {
    await promisify(execFile)(process.execPath, ['--require', hook, ...args], { env: {} });
    return JSON.parse(readFileSync(loaded, 'utf8')) as string[];
  }
  const ofClient = (modules: readonly string[]): readonly string[] =>
    modules.filter((path) => /node_modules\/(@kafkajs\/confluent|mappersmith|protobufjs)/.test(path));

  it.each([['--help'], ['run --help'], ['config print'], ['config check'], ['--version']])(
    'is not loaded by efs %s',
    async (args) => {
      const modules = await modulesOf(join(DIST, 'cli.js'), ...args.split(' '));
      expect(modules).toContain(join(DIST, 'cli.js'));
      expect(ofClient(modules)).toEqual([]);
    },
  );

  it('is loaded at the first request to the registry', async () => {
    const own = JSON.stringify(join(DIST, 'avro', 'registry.confluent.js'));
    const script = `const { confluentRegistry } = require(${own});
      confluentRegistry({ url: 'http://127.0.0.1:1', timeoutMs: 1000 }).compatibility('s').catch(() => undefined);`;
    expect(ofClient(await modulesOf('-e', script))).toContainEqual(expect.stringContaining(CLIENT));
  });
});
