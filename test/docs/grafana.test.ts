import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createIngestMetrics } from '../../src/http/ingest-metrics';
import { createMetrics } from '../../src/http/metrics';

const read = (file: string): string => readFileSync(join(__dirname, '..', '..', 'docs', file), 'utf8');

interface Panel {
  readonly id: number;
  readonly type: string;
  readonly title: string;
  readonly description?: string;
  readonly datasource?: { readonly uid: string };
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
  readonly targets?: readonly { readonly expr: string; readonly legendFormat: string }[];
}

const board = JSON.parse(read('grafana/dashboard.json')) as {
  readonly templating: { readonly list: readonly { readonly name: string; readonly type: string }[] };
  readonly panels: readonly Panel[];
};
const drawn = board.panels.filter(({ type }) => type !== 'row');
const alerts = read('grafana/alerts.yaml');
const alertExpressions = [...alerts.matchAll(/expr:(?: >-\n)?\s+(.*)$/gm)].map(([, expr = '']) => expr);
const expressions = [
  ...drawn.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr)),
  ...alertExpressions,
];

/** Labels that Prometheus adds to every scraped series. */
const SCRAPED = ['job', 'instance'];

/** Every series name in `/metrics` with its labels; histograms by the names of their series. */
async function exposed(): Promise<Map<string, Set<string>>> {
  const metrics = createMetrics({ version: '1', node: 'v20' });
  metrics.folded('t', 1);
  metrics.deadLettered('t', 'not-avro');
  metrics.batchTook('kpi', 1);
  metrics.commitTook('kpi', 1);
  metrics.latency('kpi', 1);
  metrics.fenced('kpi');
  metrics.stranger('t');
  metrics.rewound('kpi');
  metrics.outage('redis');
  metrics.lag('t', 1, 1);
  metrics.heldBack('t', 1, 1);
  metrics.inputRetention('t', true);
  metrics.unapplied({ pipeline: 'kpi', partition: 1 }, 1);
  metrics.outbox({ pipeline: 'kpi', partition: 1 }, 1);
  const ingest = createIngestMetrics({ version: '1', node: 'v20' }, () => 0);
  ingest.event('s', 'k', 'feedback', 1);
  ingest.unmatched('s', 1);
  ingest.lookup('s', 'found');
  ingest.outage('kafka');
  ingest.lastEvent('s', 1);
  ingest.answered('s', 200);
  const found = new Map<string, Set<string>>();
  const text = (await metrics.exposition()).text + (await ingest.exposition()).text;
  for (const [, name = '', labels = ''] of text.matchAll(/^(\w+)(?:\{(.*)\})? \S+$/gm)) {
    const names = [...labels.matchAll(/(\w+)="/g)].map(([, label = '']) => label);
    found.set(name, new Set([...(found.get(name) ?? []), ...names]));
  }
  return found;
}

const metricsIn = (expr: string): string[] =>
  [...expr.matchAll(/\b(?:efs|process|nodejs)_\w+/g)].map(([name]) => name);
const labelsIn = (expr: string): string[] =>
  [
    ...[...expr.matchAll(/\{([^}]*)\}/g)].flatMap(([, inner = '']) => [
      ...inner.matchAll(/(\w+)\s*(?:=~|=|!=)/g),
    ]),
    ...[...expr.matchAll(/\bby \(([^)]*)\)/g)].flatMap(([, list = '']) => [...list.matchAll(/(\w+)/g)]),
  ].map(([, label = '']) => label);

describe('the Grafana dashboard and the alert rules', () => {
  test.each(expressions)('%s queries only existing metrics and labels', async (expr) => {
    const found = await exposed();
    const names = metricsIn(expr);
    expect(names.length).toBeGreaterThan(0);
    expect(names.filter((name) => !found.has(name))).toEqual([]);
    const known = new Set([...SCRAPED, ...names.flatMap((name) => [...(found.get(name) ?? [])])]);
    expect(labelsIn(expr).filter((label) => !known.has(label))).toEqual([]);
  });

  test.each([
    ['the workers', createMetrics({ version: '1', node: 'v20' })],
    ['the ingesters', createIngestMetrics({ version: '1', node: 'v20' }, () => 0)],
  ])('show every metric of %s', async (_, metrics) => {
    const { text } = await metrics.exposition();
    const own = [...text.matchAll(/^# TYPE (efs_\w+) /gm)].map(([, name = '']) => name);
    const all = expressions.join('\n');
    expect(own.filter((name) => !all.includes(name))).toEqual([]);
  });

  test('have a data source that is chosen on the board, first of its variables, and panels that do not overlap', () => {
    expect(board.templating.list[0]).toMatchObject({ name: 'DS_PROMETHEUS', type: 'datasource' });
    const cells = new Set<string>();
    for (const { title, datasource, description, gridPos, targets = [] } of drawn) {
      expect([title, datasource?.uid, Boolean(description)]).toEqual([title, '${DS_PROMETHEUS}', true]);
      for (const { expr, legendFormat } of targets) {
        const shown = [...legendFormat.matchAll(/\{\{(\w+)\}\}/g)].map(([, label = '']) => label);
        const given = [...labelsIn(expr), ...(/\bby\b/.test(expr) ? [] : ['topic', 'partition', 'instance'])];
        expect([title, shown.filter((label) => !given.includes(label))]).toEqual([title, []]);
      }
      for (let x = gridPos.x; x < gridPos.x + gridPos.w; x++) {
        for (let y = gridPos.y; y < gridPos.y + gridPos.h; y++) {
          expect([title, x < 24, cells.has(`${x}/${y}`)]).toEqual([title, true, false]);
          cells.add(`${x}/${y}`);
        }
      }
    }
  });

  test('have a summary and an action for each alert', () => {
    const count = (pattern: RegExp): number => alerts.match(pattern)?.length ?? 0;
    expect(count(/- alert: Efs\w+$/gm)).toBe(alertExpressions.length);
    for (const part of [/^ +summary: \S/gm, /^ +action: \S/gm, /severity: (warning|critical)/gm]) {
      expect(count(part)).toBe(alertExpressions.length);
    }
  });
});
