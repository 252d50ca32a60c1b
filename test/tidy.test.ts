import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { basename, dirname, join, relative } from 'node:path';
import * as ts from 'typescript';
import { COMPOSING, MAY_IMPORT, ROOMS } from './rooms';

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

const parsed = new Map<string, readonly SourceFile[]>();

/** The files of a folder, which are parsed once. */
function typescriptIn(folder: string): readonly SourceFile[] {
  const known = parsed.get(folder) ?? parsedIn(folder);
  parsed.set(folder, known);
  return known;
}

function parsedIn(folder: string): SourceFile[] {
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
  return name.split('/')[0] ?? '';
}

const lastNameOf = (name: string): string => LAST_NAMES.find((last) => name.endsWith(last)) ?? '';

/** `kafkajs` of `kafkajs/src/protocol/error`; Node's own modules keep their full name. */
function packageOf(specifier: string): string {
  if (specifier.startsWith('node:')) return specifier;
  return specifier.split('/', specifier.startsWith('@') ? 2 : 1).join('/');
}

interface Imports {
  readonly packages: readonly string[];
  readonly files: readonly string[];
}

const imports = new Map<SourceFile, Imports>();

/** Everything `file` imports, types too: packages as they are, files relative to src. */
function importsOf(file: SourceFile): Imports {
  const known = imports.get(file) ?? readImports(file);
  imports.set(file, known);
  return known;
}

function readImports(file: SourceFile): Imports {
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
  it('are all listed in the table', () => {
    const unknown = sources.filter(({ name }) => !(roomOf(name) in ROOMS));
    expect(unknown.map(({ name }) => name)).toEqual([]);
  });

  it('import only the rooms that the table allows', () => {
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

  it('have no barrels: only index exports what another file declares', () => {
    const faults = sources.filter(
      ({ name, tree }) =>
        name !== 'index' &&
        tree.statements.some((each) => ts.isExportDeclaration(each) && each.moduleSpecifier !== undefined),
    );
    expect(faults.map(({ name }) => name)).toEqual([]);
  });
});

describe('technology', () => {
  it('is imported by its last name: only the composition and the same technology import such files', () => {
    const faults = sources.flatMap((file) =>
      importsOf(file)
        .files.filter((target) => lastNameOf(target) !== '' && !COMPOSING.includes(roomOf(file.name)))
        .filter((target) => lastNameOf(target) !== lastNameOf(file.name))
        .map((target) => `${file.name} imports ${target}`),
    );
    expect(faults).toEqual([]);
  });

  it('is imported only where the table allows', () => {
    const faults = sources.flatMap((file) => {
      const who = [roomOf(file.name), lastNameOf(file.name), file.name];
      return importsOf(file)
        .packages.filter((each) => !(MAY_IMPORT[each] ?? []).some((allowed) => who.includes(allowed)))
        .map((each) => `${file.name} imports ${each}`);
    });
    expect(faults).toEqual([]);
  });

  it('leaves time, randomness, timers and the environment to base and the composition', () => {
    const faults = sources.flatMap((file) => {
      const found: string[] = [];
      const free = ['base', ...COMPOSING].includes(roomOf(file.name));
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

  it(`no file has more than ${MAX_FILE_LINES} lines`, () => {
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

  it(`base has at most ${MAX_BASE_FILES} files`, () => {
    const names = sources.filter(({ name }) => roomOf(name) === 'base').map(({ name }) => name);
    expect(names.length).toBeLessThanOrEqual(MAX_BASE_FILES);
  });
});

describe('names', () => {
  it('of files state their content, not its kind', () => {
    const faults = [...sources, ...typescriptIn('test')].filter(
      ({ name }) =>
        name !== 'index' && name.split('/').some((part) => BANNED_NAMES.test(part.split('.')[0] ?? '')),
    );
    expect(faults.map(({ name }) => name)).toEqual([]);
  });

  it('of tests state their price: every test file is in memory, sim, io or e2e', () => {
    const faults = typescriptIn('test').filter(
      ({ name }) =>
        name.includes('.test') && !/^[\w-]+(\.[\w-]+)*?(\.(sim|io|e2e))?\.test$/.test(basename(name)),
    );
    expect(faults.map(({ name }) => name)).toEqual([]);
  });
});

describe('words', () => {
  const words = 'speaks?|spoken?|owe[sd]?|somebody|whoever|nobody|anew|mends?|such a|(?<!there )is none';
  // A phrase may go on in the next line of a comment.
  const banned = new RegExp(
    `(?<![\\w-])(?:${words.replaceAll(/(?<!there) /g, '[\\s*/#-]+')})(?![\\w-])`,
    'gi',
  );
  const blank = (code: string): string => code.replaceAll(/[^\n]/g, ' ');
  const faultsIn = (place: string, text: string): string[] =>
    [...text.matchAll(banned)].map(
      ({ 0: word, index }) => `${place}:${text.slice(0, index).split('\n').length}: ${word}`,
    );
  // Code on a page is not prose.
  const faultsInFile = (file: string): string[] =>
    faultsIn(file, readFileSync(join(root, file), 'utf8').replaceAll(/^ *```\w[^]*?```$/gm, blank));

  it.each(['src', 'docs', 'schemas'])('of %s are terms of the field: none is banned', (folder) => {
    const files = readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
      .map((file) => join(folder, file))
      .filter((file) => /\.(ts|js|lua|html|css|avsc|md|json|yaml)$/.test(file) && !file.includes('/vendor/'));
    expect(files.flatMap(faultsInFile)).toEqual([]);
  });

  it('of the README and of test titles are terms of the field: none is banned', () => {
    const titles = typescriptIn('test').flatMap(({ name, tree }) => {
      const found: string[] = [];
      walk(tree, (node) => {
        if (!ts.isCallExpression(node) || !/^(it|test|describe)/.test(node.expression.getText(tree))) return;
        const texts = node.arguments.filter(
          (each) => ts.isStringLiteralLike(each) || ts.isTemplateExpression(each),
        );
        found.push(...texts.flatMap((each) => faultsIn(`test/${name}`, each.getText(tree))));
      });
      return found;
    });
    expect([...faultsInFile('README.md'), ...titles]).toEqual([]);
  });
});
