import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import * as ts from 'typescript';
import { configFrom, describeConfig } from '../../src/settings/config';
import { SETTINGS } from '../../src/settings/table';
import { parseDomainGroups } from '../../src/base/domain-groups';
import type { DeadLetterReason } from '../../src/feedback/decode';
import { ALL_TOPICS } from '../../src/feedback/topics';
import { createIngestMetrics } from '../../src/http/ingest-metrics';
import { createMetrics } from '../../src/http/metrics';
import { CHECKS } from '../../src/service/doctor/finding';
import { ORDINARY_TRAFFIC, traffic } from '../../src/simulation/traffic';
import { COMMAND_WORDS } from '../../src/store/inspection.redis';
import { redisRules } from '../security/rights';

const root = join(__dirname, '..', '..');
const read = (file: string): string => readFileSync(join(root, file), 'utf8');

const inFolder = (folder: string): string[] =>
  readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' }).map((file) => join(folder, file));

const PAGES = [
  'README.md',
  'CHANGELOG.md',
  'CONTRIBUTING.md',
  'SECURITY.md',
  ...inFolder('docs').filter((file) => file.endsWith('.md')),
];
const README = read('README.md');
const OPERATIONS = read('docs/operations.md');
const RECORDS = read('docs/records.md');

/** The cells of every table row in a text, without code quotes around whole cells. */
function rows(text: string): string[][] {
  const lines = text.split('\n').filter((line) => line.startsWith('|') && !/^[|\s:-]+$/.test(line));
  return lines.map((line) =>
    line
      .slice(1, -1)
      .split(/(?<!\\)\|/)
      .map((cell) => cell.trim().replace(/^`([^`]*)`$/, '$1')),
  );
}

/** The text under a heading, up to the next one of the same level or above. */
function section(text: string, heading: string): string {
  const level = /^#+/.exec(heading)?.[0].length ?? 0;
  const [, after] = text.split(`\n${heading}\n`);
  if (after === undefined) throw new Error(`no heading ${heading}`);
  return after.split(new RegExp(`\n#{1,${level}} `))[0] ?? '';
}

/** A heading's anchor, as GitHub makes it. */
const anchor = (heading: string): string =>
  heading
    .replace(/^#+ /, '')
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\s_-]/gu, '')
    .replaceAll(' ', '-');

function brokenLinks(page: string): string[] {
  const links = [...read(page).matchAll(/\]\(([^)\s]+)\)/g)].map(([, target = '']) => target);
  return links
    .filter((target) => !/^https?:/.test(target))
    .filter((target) => {
      const [path = '', fragment] = target.split('#');
      const file = path === '' ? page : join(dirname(page), path);
      if (!existsSync(join(root, file))) return true;
      if (fragment === undefined) return false;
      return !(read(file).match(/^#+ .*$/gm) ?? []).map(anchor).includes(fragment);
    });
}

describe('the pages', () => {
  it.each(PAGES)('%s has no broken link', (page) => {
    expect(brokenLinks(page)).toEqual([]);
  });

  it.each(PAGES)('%s names only files that exist', (page) => {
    const named = [...read(page).matchAll(/`((?:src|test|scripts|schemas|bench|docs)\/[\w./-]+)`/g)];
    expect(named.map(([, file = '']) => file).filter((file) => !existsSync(join(root, file)))).toEqual([]);
  });
});

describe('the settings', () => {
  it('in the README are complete, with their defaults and descriptions', () => {
    const [, table = ''] = README.split(/<!-- settings: \w+ -->/);
    const wanted = describeConfig(configFrom({})).map(({ variable, fallback, doc }) => {
      const shown = variable === 'EFS_DOMAIN_GROUPS' ? expect.stringContaining('four groups') : fallback;
      return [variable, fallback === '' ? 'empty' : shown, doc];
    });
    expect(rows(table).slice(1)).toEqual(wanted);
  });

  it('have the documented default of domain groups', () => {
    const { groups } = parseDomainGroups(SETTINGS.domainGroups.fallback);
    const line = /\*\*Domain groups\*\*([\s\S]*?)`other`/.exec(RECORDS)?.[1] ?? '';
    const listed = [...line.matchAll(/`([a-z]+)` ([a-z.\s]+)/g)].map(([, name, domains = '']) => ({
      name,
      domains: domains.trim().replace(/\.$/, '').split(/\s+/).sort(),
    }));
    expect(listed.sort((a, b) => ((a.name ?? '') < (b.name ?? '') ? -1 : 1))).toEqual(groups);
  });
});

describe('the example', () => {
  it('requests a message that `efs simulate --seed 1` produces', () => {
    const [, delivery, message] = /^efs message (\S+) (\S+)$/m.exec(README) ?? [];
    const records = [...traffic({ ...ORDINARY_TRAFFIC, seed: 1 }, () => Buffer.alloc(0))];
    const feedback = records.find(({ key }) => key?.toString() === message)?.feedback;
    expect(README).toContain('efs simulate --seed 1\n');
    expect([feedback?.deliveryId, feedback?.messageId]).toEqual([delivery, message]);
  });
});

describe('operations.md', () => {
  it('lists exactly the metrics of the service', async () => {
    const { text } = await createMetrics({ version: '0', node: '0' }).exposition();
    const names = [...text.matchAll(/^# TYPE (efs_\w+) /gm)].map(([, name]) => name);
    const described = rows(section(OPERATIONS, '## Metrics')).map(([name = '']) => name);
    expect(described.filter((name) => name.startsWith('efs_')).sort()).toEqual(names.sort());
  });

  it('lists exactly the metrics of ingestion', async () => {
    const { text } = await createIngestMetrics({ version: '0', node: '0' }, () => 0).exposition();
    const names = [...text.matchAll(/^# TYPE (efs_\w+) /gm)].map(([, name]) => name);
    const described = rows(section(OPERATIONS, '## Ingestion')).map(([name = '']) => name);
    expect(described.filter((name) => name.startsWith('efs_')).sort()).toEqual(names.sort());
  });

  it('lists exactly the checks of `efs doctor`, in their order', () => {
    const described = rows(section(OPERATIONS, '## Before a start: `efs doctor`')).map(([check]) => check);
    expect(described.slice(1)).toEqual(Object.keys(CHECKS));
  });

  it('gives the user of Redis exactly the commands that `efs doctor` tests', () => {
    const granted = [...redisRules().matchAll(/ \+(\S+)/g)].map(([, command]) => command);
    expect(granted.sort()).toEqual([...COMMAND_WORDS].sort());
  });

  it('lists exactly the lines that the service logs', () => {
    const described = rows(section(OPERATIONS, '## Log lines')).map(([, line = '']) => line);
    expect(described.slice(1).sort()).toEqual(loggedLines().sort());
  });

  it('lists exactly the spans and their attributes', () => {
    const code = read('src/tracing/span.ts');
    const attributes = [...code.matchAll(/readonly '([\w.]+)'\?:/g)].map(([, name]) => name);
    const [, names = ''] = /type SpanName = ([^;]+);/.exec(code) ?? [];
    const tracing = section(OPERATIONS, '## Tracing');
    const described = rows(tracing).map(([name = '']) => `'${name}'`);
    expect(described.slice(1).sort()).toEqual(
      names
        .split('|')
        .map((name) => name.trim())
        .filter(Boolean)
        .sort(),
    );
    const [table = ''] = /^\|[^]*?\n\n/m.exec(tracing) ?? [];
    const named = [...table.matchAll(/`([\w.]+)`/g)].map(([, name = '']) => `'${name}'`);
    expect(new Set(named)).toEqual(
      new Set([...described.slice(1), ...attributes.map((name) => `'${name}'`)]),
    );
  });

  it('has a remedy for every dead-letter reason, in the order of records.md', () => {
    const described = rows(section(OPERATIONS, '## Dead letters')).map(([reason]) => reason);
    expect(described.slice(1)).toEqual(Object.keys(REASONS));
  });
});

/** Complete by its type; in the order in which reasons apply. */
const REASONS: Record<DeadLetterReason, true> = {
  'batch-unreadable': true,
  'no-value': true,
  'too-large': true,
  'not-avro': true,
  'unknown-schema': true,
  'wrong-record': true,
  'invalid-field': true,
  'key-mismatch': true,
  'wrong-partition': true,
  'retired-delivery': true,
};

/** The fixed texts that `efs run` logs at info and above, with `kafka` for the server that does not answer. */
function loggedLines(): string[] {
  const files = [
    ...['src/service', 'src/tasks', 'src/generations']
      .flatMap(inFolder)
      .filter((file) => file.endsWith('.ts')),
    'src/cli/run.ts',
    'src/cli/stopping.ts',
    'src/app/credentials.ts',
    'src/app/serve.ts',
  ];
  const lines = files.flatMap((file) => {
    const found: string[] = [];
    const texts = (node: ts.Node): void => {
      if (ts.isStringLiteralLike(node)) found.push(node.text);
      else if (ts.isTemplateExpression(node)) {
        found.push(node.head.text + node.templateSpans.map((span) => `kafka${span.literal.text}`).join(''));
      } else node.forEachChild(texts);
    };
    const visit = (node: ts.Node): void => {
      const [text] = ts.isCallExpression(node) ? node.arguments : [];
      if (
        text &&
        ts.isCallExpression(node) &&
        /\blog\.(info|warn|error)$/.test(node.expression.getText(tree))
      )
        texts(text);
      node.forEachChild(visit);
    };
    const tree = ts.createSourceFile(file, read(file), ts.ScriptTarget.ES2023, true);
    visit(tree);
    return found;
  });
  return [...new Set(lines)];
}

describe('records.md', () => {
  it('describes every dead-letter reason, in the order in which they apply', () => {
    const described = rows(section(RECORDS, '## Dead letters')).map(([reason]) => reason);
    const reasons = Object.keys(REASONS);
    expect(described.slice(1, 1 + reasons.length)).toEqual(reasons);
  });

  it('lists every topic', () => {
    const listed = rows(section(RECORDS, '## Topics')).map(([topic]) => topic);
    expect(listed.slice(1).sort()).toEqual([...ALL_TOPICS].sort());
  });

  it.each(readdirSync(join(root, 'schemas')).filter((file) => file !== 'contribution.avsc'))(
    'names every field of %s, and every symbol of its enumerations',
    (file) => {
      const names: string[] = [];
      const collect = (node: unknown): void => {
        if (Array.isArray(node)) node.forEach(collect);
        if (typeof node !== 'object' || node === null) return;
        const { name, symbols, type, fields, items, values } = node as Record<string, unknown>;
        if (typeof name === 'string') names.push(name);
        if (Array.isArray(symbols)) names.push(...(symbols as string[]));
        for (const inner of [type, fields, items, values]) collect(inner);
      };
      const schema = JSON.parse(read(join('schemas', file))) as { fields: unknown[] };
      collect(schema.fields);
      const words = new Set(RECORDS.match(/\w+/g));
      const inner = ['DomainCounts', 'HourCounts'];
      expect(names.filter((name) => !words.has(name) && !inner.includes(name))).toEqual([]);
    },
  );
});
