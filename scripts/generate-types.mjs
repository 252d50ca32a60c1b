// Writes src/feedback/records.ts: a TypeScript interface for each record of schemas/, so that code which handles them
// fails to compile when a schema changes. `--check` writes nothing and fails where the file is not up to date.
import { readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = join(dirname(fileURLToPath(import.meta.url)), '..');
const TARGET = join(ROOT, 'src', 'feedback', 'records.ts');
const WIDTH = 110;

/** The order of the interfaces. */
const FILES = [
  'relayed',
  'delivered',
  'hard-bounced',
  'soft-bounced',
  'retry-outcome',
  'kpi-changed',
  'message-status-changed',
  'contribution',
];

const PRIMITIVES = {
  null: 'null',
  boolean: 'boolean',
  int: 'number',
  long: 'number',
  float: 'number',
  double: 'number',
  string: 'string',
  bytes: 'Buffer',
};

const comment = (doc, indent) => (doc ? `${indent}/** ${doc} */\n` : '');

/** Keeps declarations by name; the same name may be declared again only alike. */
function declare(declarations, name, text) {
  const known = declarations.get(name);
  if (known !== undefined && known !== text) throw new Error(`two different types are named ${name}`);
  declarations.set(name, text);
  return name;
}

function enumeration(schema, declarations) {
  const symbols = schema.symbols.map((symbol) => `'${symbol}'`);
  const line = `export type ${schema.name} = ${symbols.join(' | ')};`;
  const body = line.length <= WIDTH ? line : `export type ${schema.name} =\n  | ${symbols.join('\n  | ')};`;
  // Docs may differ where two records define the same enumeration; the symbols may not.
  return declare(declarations, schema.name, `${body}\n`);
}

function record(schema, declarations) {
  const fields = schema.fields.map(
    (field) => `${comment(field.doc, '  ')}  readonly ${field.name}: ${typeOf(field.type, declarations)};\n`,
  );
  const text = `${comment(schema.doc, '')}export interface ${schema.name} {\n${fields.join('')}}\n`;
  return declare(declarations, schema.name, text);
}

/** The TypeScript type of an Avro type; named types are declared on the way. */
function typeOf(schema, declarations) {
  if (Array.isArray(schema)) {
    const branches = schema.map((branch) => typeOf(branch, declarations));
    // Null last reads better; the order of branches means nothing to a reader.
    return [
      ...branches.filter((name) => name !== 'null'),
      ...branches.filter((name) => name === 'null'),
    ].join(' | ');
  }
  if (typeof schema === 'string') return PRIMITIVES[schema] ?? schema.split('.').at(-1);
  switch (schema.type) {
    case 'record':
      return record(schema, declarations);
    case 'enum':
      return enumeration(schema, declarations);
    case 'map':
      return `Readonly<Record<string, ${typeOf(schema.values, declarations)}>>`;
    case 'array':
      return `readonly (${typeOf(schema.items, declarations)})[]`;
    default:
      return typeOf(schema.type, declarations);
  }
}

function generate() {
  const declarations = new Map();
  for (const file of FILES) {
    typeOf(JSON.parse(readFileSync(join(ROOT, 'schemas', `${file}.avsc`), 'utf8')), declarations);
  }
  return `// Made from schemas/*.avsc by \`npm run types\`. Do not edit.\n\n${[...declarations.values()].join('\n')}`;
}

const text = generate();
if (!process.argv.includes('--check')) {
  writeFileSync(TARGET, text);
} else if (readFileSync(TARGET, 'utf8') !== text) {
  console.error('src/feedback/records.ts does not fit schemas/: run `npm run types`');
  process.exit(1);
}
