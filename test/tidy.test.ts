import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { basename, dirname, join, relative } from 'node:path';
import * as ts from 'typescript';

// The house, room by room. A room may import itself, `base`, and the rooms named beside it.
const ROOMS: Record<string, readonly string[]> = {
  base: [],
  settings: [],
  feedback: [],
  status: ['feedback'],
  kpi: ['feedback', 'status'],
  store: ['feedback', 'status', 'kpi'],
  pipeline: ['feedback', 'status', 'kpi', 'store'],
  service: ['feedback', 'status', 'kpi', 'store', 'pipeline'],
  http: ['feedback', 'status', 'kpi', 'store'], // the window: beside pipeline and service
  simulation: ['feedback'], // a mail transfer agent of our own: above feedback
  doors: ['feedback', 'status', 'kpi', 'store', 'pipeline', 'service', 'http', 'simulation', 'settings'],
};

// Technology is a file's last name: what may touch it. Rooms and last names, or one file with its reason.
const MAY_IMPORT: Record<string, readonly string[]> = {
  kafkajs: ['.kafka'],
  snappy: ['feedback/codecs.kafka'],
  'lz4-napi': ['feedback/codecs.kafka'],
  '@foxglove/wasm-zstd': ['feedback/codecs.kafka'],
  'node:zlib': ['feedback/codecs.kafka'],
  ioredis: ['.redis'],
  fastify: ['.http'],
  '@kafkajs/confluent-schema-registry': ['.confluent'],
  // The client's own exchange is neither bounded nor safe.
  'node:http': ['.http', 'feedback/exchange.confluent'],
  'node:https': ['.http', 'feedback/exchange.confluent'],
  'prom-client': ['http', 'service', 'doors'],
  commander: ['doors'],
  pino: ['base'],
  'pino-pretty': ['base'],
  zod: ['settings', '.http'],
  avsc: ['feedback', 'kpi', 'simulation', 'pipeline'],
  // Avro schemas are the package's own files, read once.
  'node:fs': ['settings', 'doors', '.redis', '.http', 'feedback/schemas'],
  'node:fs/promises': ['doors'],
  'node:stream': ['.http', 'doors'],
  'node:os': ['base', 'doors'],
  'node:tty': ['base', 'doors'],
  'node:worker_threads': ['base', 'doors'],
  'node:readline': ['doors'],
  'node:tls': ['doors', '.http'],
  'aws-msk-iam-sasl-signer-js': ['cli/aws-msk-iam', 'cli/msk-signer.d'],
  'node:v8': ['doors'],
  'node:crypto': Object.keys(ROOMS),
  'node:events': Object.keys(ROOMS),
  // Only to tell an address from a name.
  'node:net': ['http/access'],
  'node:path': Object.keys(ROOMS),
  'node:url': Object.keys(ROOMS),
};

const LAST_NAMES = ['.kafka', '.confluent', '.redis', '.http', '.memory'];
const REACHES_OUT = ['Date.now', 'Math.random', 'process.env', 'performance.now', 'process.hrtime'];
const TIMERS = ['setTimeout', 'setInterval', 'setImmediate'];
const MAX_FILE_LINES = 300;
const MAX_MEDIAN_FUNCTION_LINES = 15;
const MAX_BASE_FILES = 10;
const BANNED_NAMES = /^(utils?|types?|interfaces?|helpers?|common|lib|misc|index)$/;

const root = join(__dirname, '..');

interface SourceFile {
  /** Relative to src, without `.ts`: `store/store.redis`. */
  name: string;
  text: string;
  tree: ts.SourceFile;
}

function typescriptIn(folder: string): SourceFile[] {
  if (!existsSync(join(root, folder))) return [];
  const files = readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' });
  return files
    .filter((file) => file.endsWith('.ts'))
    .map((file) => {
      const text = readFileSync(join(root, folder, file), 'utf8');
      const tree = ts.createSourceFile(file, text, ts.ScriptTarget.ES2023, true);
      return { name: file.slice(0, -'.ts'.length), text, tree };
    });
}

const sources = typescriptIn('src');

function roomOf(name: string): string {
  const first = name.split('/')[0] ?? '';
  return first === 'cli' || first === 'index' ? 'doors' : first;
}

const lastNameOf = (name: string): string => LAST_NAMES.find((last) => name.endsWith(last)) ?? '';

/** `kafkajs` of `kafkajs/src/protocol/error`; Node's own modules keep their full name. */
function packageOf(specifier: string): string {
  if (specifier.startsWith('node:')) return specifier;
  return specifier.split('/', specifier.startsWith('@') ? 2 : 1).join('/');
}

/** Everything `file` imports, types too: packages as they are, files relative to src. */
function importsOf(file: SourceFile): { packages: string[]; files: string[] } {
  const specifiers = ts.preProcessFile(file.text).importedFiles.map((each) => each.fileName);
  return {
    packages: specifiers.filter((each) => !each.startsWith('.')).map(packageOf),
    files: specifiers
      .filter((each) => each.startsWith('.'))
      .map((each) => relative(root, join(root, dirname(file.name), each))),
  };
}

function walk(node: ts.Node, visit: (node: ts.Node) => void): void {
  visit(node);
  node.forEachChild((child) => walk(child, visit));
}

describe('the rooms', () => {
  it('are all in the table', () => {
    const unknown = sources.filter(({ name }) => !(roomOf(name) in ROOMS));
    expect(unknown.map(({ name }) => name)).toEqual([]);
  });

  it('are imported one way', () => {
    const faults = sources.flatMap((file) => {
      const room = roomOf(file.name);
      const allowed = [room, 'base', ...(ROOMS[room] ?? [])];
      return importsOf(file)
        .files.filter((target) => !allowed.includes(roomOf(target)))
        .map((target) => `${file.name} imports ${target}`);
    });
    expect(faults).toEqual([]);
  });

  it('have no import cycle between their files', () => {
    const edges = new Map(sources.map((file) => [file.name, importsOf(file).files]));
    const faults: string[] = [];
    const state = new Map<string, 'open' | 'done'>();
    const visit = (name: string, path: string[]): void => {
      if (state.get(name) === 'open') faults.push([...path.slice(path.indexOf(name)), name].join(' > '));
      if (state.has(name)) return;
      state.set(name, 'open');
      for (const target of edges.get(name) ?? []) visit(target, [...path, name]);
      state.set(name, 'done');
    };
    for (const name of edges.keys()) visit(name, []);
    expect(faults).toEqual([]);
  });

  it('have no barrels: nothing but the embedding door exports what another file declares', () => {
    const faults = sources.filter(
      ({ name, tree }) =>
        name !== 'index' &&
        tree.statements.some((each) => ts.isExportDeclaration(each) && each.moduleSpecifier !== undefined),
    );
    expect(faults.map(({ name }) => name)).toEqual([]);
  });
});

describe('technology', () => {
  it('is met by its last name: only doors and the same technology import a file that bears one', () => {
    const faults = sources.flatMap((file) =>
      importsOf(file)
        .files.filter((target) => lastNameOf(target) !== '' && roomOf(file.name) !== 'doors')
        .filter((target) => lastNameOf(target) !== lastNameOf(file.name))
        .map((target) => `${file.name} imports ${target}`),
    );
    expect(faults).toEqual([]);
  });

  it('comes in only where the table says', () => {
    const faults = sources.flatMap((file) => {
      const who = [roomOf(file.name), lastNameOf(file.name), file.name];
      return importsOf(file)
        .packages.filter((each) => !(MAY_IMPORT[each] ?? []).some((allowed) => who.includes(allowed)))
        .map((each) => `${file.name} imports ${each}`);
    });
    expect(faults).toEqual([]);
  });

  it('leaves time, chance, timers and the environment to base and the doors', () => {
    const faults = sources.flatMap((file) => {
      const found: string[] = [];
      const free = ['base', 'doors'].includes(roomOf(file.name));
      walk(file.tree, (node) => {
        const text = ts.isPropertyAccessExpression(node) ? node.getText(file.tree) : '';
        if (!free && REACHES_OUT.includes(text)) found.push(text);
        if (!free && ts.isNewExpression(node) && node.getText(file.tree) === 'new Date()')
          found.push('new Date()');
        if (!ts.isCallExpression(node) || !ts.isIdentifier(node.expression)) return;
        if (!free && TIMERS.includes(node.expression.text)) found.push(node.expression.text);
      });
      return found.map((each) => `${file.name} uses ${each}`);
    });
    expect(faults).toEqual([]);
  });
});

describe('sizes', () => {
  const everything = [...sources, ...typescriptIn('test'), ...typescriptIn('bench')];

  it(`no file passes ${MAX_FILE_LINES} lines`, () => {
    const long = everything.map(({ name, text }) => ({ name, lines: text.trimEnd().split('\n').length }));
    expect(long.filter(({ lines }) => lines > MAX_FILE_LINES)).toEqual([]);
  });

  it(`half of all functions are under ${MAX_MEDIAN_FUNCTION_LINES} lines`, () => {
    const lengths: number[] = [];
    for (const { tree } of sources) {
      walk(tree, (node) => {
        if (!ts.isFunctionLike(node) || !('body' in node) || node.body === undefined) return;
        const line = (at: number): number => tree.getLineAndCharacterOfPosition(at).line;
        lengths.push(line(node.getEnd()) - line(node.getStart(tree)) + 1);
      });
    }
    lengths.sort((a, b) => a - b);
    expect(lengths[Math.floor(lengths.length / 2)]).toBeLessThan(MAX_MEDIAN_FUNCTION_LINES);
  });

  it(`base has at most ${MAX_BASE_FILES} files: it is a cellar, not an attic`, () => {
    const names = sources.filter(({ name }) => roomOf(name) === 'base').map(({ name }) => name);
    expect(names.length).toBeLessThanOrEqual(MAX_BASE_FILES);
  });
});

describe('names', () => {
  it('say what is in a file, not what kind of thing it is', () => {
    const faults = [...sources, ...typescriptIn('test')].filter(
      ({ name }) =>
        name !== 'index' && name.split('/').some((part) => BANNED_NAMES.test(part.split('.')[0] ?? '')),
    );
    expect(faults.map(({ name }) => name)).toEqual([]);
  });

  it('of tests state their price: every test file is in memory, io or e2e', () => {
    const faults = typescriptIn('test').filter(
      ({ name }) => name.includes('.test') && !/^[\w-]+(\.[\w-]+)*?(\.(io|e2e))?\.test$/.test(basename(name)),
    );
    expect(faults.map(({ name }) => name)).toEqual([]);
  });
});
