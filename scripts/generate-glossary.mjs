// Writes src/dashboard/glossary.js: the words of docs/glossary.md and the reasons of docs/records.md to dead-letter a
// record, for the page to show. `--check` writes nothing and fails where the file is not up to date.
import { readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = join(dirname(fileURLToPath(import.meta.url)), '..');
const TARGET = join(ROOT, 'src', 'dashboard', 'glossary.js');

const read = (file) => readFileSync(join(ROOT, 'docs', file), 'utf8');

/** Markdown of a cell as plain text. */
const plain = (cell) =>
  cell
    .replace(/\[([^\]]+)\]\([^)]+\)/g, '$1')
    .replace(/(?<!\w)_([^_]+)_(?!\w)/g, '$1')
    .replaceAll('`', '')
    .replace(' (see below)', '')
    .replace(/\\\|/g, '|')
    .trim();

/** The rows of the tables under each second-level heading: [heading, [word, meaning][]]. */
function sections(text) {
  return text
    .split(/^## /m)
    .slice(1)
    .map((part) => {
      const [heading = '', ...lines] = part.split('\n');
      const rows = lines
        .filter((line) => /^\|(?![\s:|-]+$)/.test(line))
        .map((line) =>
          line
            .split(/(?<!\\)\|/)
            .slice(1, 3)
            .map(plain),
        );
      return [heading.trim(), rows.slice(1)];
    });
}

function generate() {
  const deadLetters = sections(read('records.md')).find(([heading]) => heading === 'Dead letters')?.[1] ?? [];
  const reasons = deadLetters.filter(([word]) => /^[a-z]+(-[a-z]+)+$/.test(word));
  const all = [...sections(read('glossary.md')), ['Why records are dead-lettered', reasons]];
  const words = all.flatMap(([, rows]) => rows.map(([word]) => word));
  const twice = words.filter((word, index) => words.indexOf(word) !== index);
  if (twice.length > 0) throw new Error(`explained twice: ${twice.join(', ')}`);
  const text = all
    .map(([heading, rows]) => {
      const lines = rows.map(
        ([word, meaning]) => `    ${JSON.stringify(word)}: ${JSON.stringify(meaning)},\n`,
      );
      return `  ${JSON.stringify(heading)}: {\n${lines.join('')}  },\n`;
    })
    .join('');
  return [
    '// Made from docs/glossary.md and docs/records.md by `npm run types`. Do not edit.\n',
    '/** What words mean, by the heading they stand under. */',
    `export const SECTIONS = /** @type {const} */ ({\n${text}});\n`,
    '/** @type {Readonly<Record<string, string>>} */',
    'export const GLOSSARY = Object.assign({}, ...Object.values(SECTIONS));\n',
    '/** A word that is explained.',
    ' * @typedef {{ [S in keyof typeof SECTIONS]: keyof (typeof SECTIONS)[S] }[keyof typeof SECTIONS]} Term',
    ' */\n',
  ].join('\n');
}

const text = generate();
if (!process.argv.includes('--check')) {
  writeFileSync(TARGET, text);
} else if (readFileSync(TARGET, 'utf8') !== text) {
  console.error('src/dashboard/glossary.js does not fit docs/: run `npm run types`');
  process.exit(1);
}
