import type { KpiChanged } from '../kpi/encode';
import { printable } from '../base/log';
import { grouped } from './progress';

const BAR_WIDTH = 20;

/** A share as a percentage with one decimal; a dash where it is null. */
export function percent(value: number | null): string {
  return value === null ? '–' : `${(value * 100).toFixed(1)} %`;
}

/** A bar of sent (full), failed (light) and open messages (dots), in proportion. */
export function statusBar({ relayed, sent, failed }: KpiChanged['kpis']): string {
  const cells = (count: number): number => (relayed === 0 ? 0 : Math.round((count / relayed) * BAR_WIDTH));
  const full = cells(sent);
  const light = Math.min(BAR_WIDTH - full, cells(failed));
  return '█'.repeat(full) + '░'.repeat(light) + '·'.repeat(BAR_WIDTH - full - light);
}

/** A row of the table. */
type Row = Pick<KpiChanged, 'deliveryId' | 'policy' | 'kpis'>;
type Column = readonly [title: string, cell: (change: Row) => string, align: 'left' | 'right'];

const COLUMNS: readonly Column[] = [
  ['delivery', (change) => printable(change.deliveryId), 'left'],
  ['policy', (change) => change.policy, 'left'],
  ['relayed', (change) => grouped(change.kpis.relayed), 'right'],
  ['taken', (change) => grouped(change.kpis.takenIntoAccount), 'right'],
  ['sent', (change) => grouped(change.kpis.sent), 'right'],
  ['failed', (change) => grouped(change.kpis.failed), 'right'],
  ['soft', (change) => grouped(change.kpis.softBounced), 'right'],
  ['waiting', (change) => grouped(change.kpis.waitingForRetry), 'right'],
  ['Success', (change) => percent(change.kpis.success), 'right'],
  ['sent █ failed ░', (change) => statusBar(change.kpis), 'left'],
];

/** The KPIs of deliveries, one line each, under a header line. */
export function kpiTable(changes: readonly Row[]): string {
  const lines = [
    COLUMNS.map(([title]) => title),
    ...changes.map((change) => COLUMNS.map(([, cell]) => cell(change))),
  ];
  const widths = COLUMNS.map((_, column) => Math.max(...lines.map((line) => line[column]?.length ?? 0)));
  return lines
    .map((line) =>
      line
        .map((cell, column) => {
          const width = widths[column] ?? 0;
          return COLUMNS[column]?.[2] === 'right' ? cell.padStart(width) : cell.padEnd(width);
        })
        .join('  ')
        .trimEnd(),
    )
    .map((line) => `${line}\n`)
    .join('');
}
