import type { Preview } from '../feedback/redaction';
import { totalRedriven, type RedriveReport } from '../service/redrive';
import { grouped, table } from './print';

/** A dead letter as it is shown, ready for JSON. */
export interface LetterView {
  /** Its position on the dead-letter topic: `partition/offset`. */
  readonly id: string;
  /** The timestamp of the original record; ISO 8601. */
  readonly at: string;
  readonly reason: string;
  readonly detail: string;
  /** `topic/partition/offset`. */
  readonly origin: string;
  readonly key: string | null;
  /** The number of headers of the original record. */
  readonly headers: number;
  /** Length of the record's value; null where there is none. */
  readonly bytes: number | null;
  /** The letter does not hold the whole record. */
  readonly truncated: boolean;
  readonly preview: Preview | null;
  /** It has been put back. */
  readonly redriven: boolean;
  /** The dead letter it was put back from, where it was dead-lettered again; else null. */
  readonly redrivenFrom: string | null;
}

const state = ({ redriven, redrivenFrom }: LetterView): string =>
  redriven ? ', put back' : redrivenFrom === null ? '' : ', dead-lettered again';

/** Dead letters, one line each, newest first, and the numbers by reason. */
export function listLines(views: readonly LetterView[], byReason: ReadonlyMap<string, number>): string[] {
  if (views.length === 0) return ['no dead letters'];
  const total = [...byReason.values()].reduce((sum, count) => sum + count, 0);
  const sums = [...byReason]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, count]) => `${name} ${grouped(count)}`);
  return [
    ...table(
      views.map((view) => [view.id, view.at, view.reason, view.origin, view.detail + state(view)]),
      'l',
    ),
    `${grouped(views.length)} of ${grouped(total)}: ${sums.join(', ')}`,
  ];
}

/** One dead letter in full. */
export function letterLines(view: LetterView): string[] {
  const { preview } = view;
  const rows = [
    ['reason', view.reason],
    ['detail', view.detail],
    ['came from', view.origin],
    ['stamped', view.at],
    ['put back', view.redriven ? 'yes' : 'no'],
    ...(view.redrivenFrom === null ? [] : [['again, from', view.redrivenFrom]]),
    ['key', view.key ?? 'none'],
    ['headers', String(view.headers)],
    ['value', view.bytes === null ? 'none' : `${grouped(view.bytes)} bytes`],
    ...(view.truncated ? [['truncated', 'yes: the record is whole only in the topic it came from']] : []),
    ...(preview === null ? [] : previewRows(preview)),
  ];
  return [`dead letter ${view.id}`, ...table(rows, 'l').map((line) => `  ${line}`)];
}

function previewRows(preview: Preview): string[][] {
  if (preview.form === 'bytes') return [['not feedback', preview.text]];
  const fields = Object.entries(preview.fields);
  return [['feedback', preview.record], ...fields.map(([name, value]) => [`  ${name}`, String(value)])];
}

/** What was put back, and why others were skipped. */
export function redriveLines(report: RedriveReport, dryRun: boolean): string[] {
  const { already, again, homeless, truncated } = report;
  const lines = [
    `${grouped(totalRedriven(report))} ${dryRun ? 'would be put back' : 'put back'}`,
    ...[...report.put].map(([topic, count]) => `  ${topic} ${grouped(count)}`),
  ];
  if (already > 0) lines.push(`${grouped(already)} skipped: put back before`);
  if (again > 0)
    lines.push(`${grouped(again)} skipped: put back before and dead-lettered again (--again includes them)`);
  if (homeless > 0) lines.push(`${grouped(homeless)} skipped: their topic or partition does not exist`);
  if (truncated > 0)
    lines.push(
      `${grouped(truncated)} skipped: truncated, their records are whole only in the topics they came from`,
    );
  return lines;
}
