// Writes src/feedback/records.ts: the TypeScript interface of each record of schemas/, as the code holds it, so that code
// which handles records fails to compile when a schema changes. `--check` writes nothing and fails where the file is not
// up to date.
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
  'complained',
  'kpi-changed',
  'message-status-changed',
  'contribution',
];

/** The namespace of the inputs. In code they have a `kind`, and ids of their own types. */
const FEEDBACK = 'efs.feedback';
const IDS = { messageId: 'MessageId', deliveryId: 'DeliveryId' };

/** These are summed up in place: their fields are not readonly. */
const SUMS = ['Contribution', 'DomainCounts', 'HourCounts'];

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

/** `extend` is the record whose fields it inherits. */
function record(schema, declarations, extend = null) {
  const isFeedback = schema.namespace === FEEDBACK;
  const isReadonly = !SUMS.includes(schema.name);
  const fields = schema.fields
    .filter(({ name }) => !extend?.fields.some((field) => field.name === name))
    .map(({ name, type, doc }) => {
      const held = (isFeedback && IDS[name]) || typeOf(type, declarations, isReadonly);
      return `${comment(doc, '  ')}  ${isReadonly ? 'readonly ' : ''}${name}: ${held};\n`;
    });
  if (extend !== null) fields.unshift(`  readonly kind: '${schema.name}';\n`);
  const head = `interface ${schema.name}${extend === null ? '' : ` extends ${extend.name}`}`;
  const text = `${comment(schema.doc, '')}export ${head} {\n${fields.join('')}}\n`;
  return declare(declarations, schema.name, text);
}

/** The TypeScript type of an Avro type; named types are declared on the way. */
function typeOf(schema, declarations, isReadonly = true) {
  if (Array.isArray(schema)) {
    const branches = schema.map((branch) => typeOf(branch, declarations, isReadonly));
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
    case 'map': {
      const map = `Record<string, ${typeOf(schema.values, declarations, isReadonly)}>`;
      return isReadonly ? `Readonly<${map}>` : map;
    }
    case 'array':
      return `${isReadonly ? 'readonly ' : ''}(${typeOf(schema.items, declarations, isReadonly)})[]`;
    default:
      return typeOf(schema.type, declarations, isReadonly);
  }
}

/** The fields that all of these records have alike. */
function commonOf([first, ...others]) {
  const key = (field) => JSON.stringify(field);
  return first.fields.filter((field) => others.every(({ fields }) => fields.map(key).includes(key(field))));
}

function generate() {
  const declarations = new Map();
  const schemas = FILES.map((file) =>
    JSON.parse(readFileSync(join(ROOT, 'schemas', `${file}.avsc`), 'utf8')),
  );
  const inputs = schemas.filter(({ namespace }) => namespace === FEEDBACK);
  const common = {
    name: 'Common',
    namespace: FEEDBACK,
    doc: 'The fields of every input.',
    fields: commonOf(inputs),
  };
  record(common, declarations);
  for (const schema of schemas) record(schema, declarations, inputs.includes(schema) ? common : null);
  return [
    '// Made from schemas/*.avsc by `npm run types`. Do not edit.\n',
    "import type { DeliveryId, MessageId } from '../base/ids';\n",
    ...declarations.values(),
  ].join('\n');
}

const text = generate();
if (!process.argv.includes('--check')) {
  writeFileSync(TARGET, text);
} else if (readFileSync(TARGET, 'utf8') !== text) {
  console.error('src/feedback/records.ts does not fit schemas/: run `npm run types`');
  process.exit(1);
}
