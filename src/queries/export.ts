import type { LogEntry } from './delivery-log';

/** The formats in which a delivery log can be exported, with their media types. */
export const EXPORTS = { csv: 'text/csv; charset=utf-8', ndjson: 'application/x-ndjson' } as const;
export type ExportFormat = keyof typeof EXPORTS;

const COLUMNS = [
  'messageId',
  'status',
  'reason',
  'failureType',
  'domainGroup',
  'relayedAt',
  'softBouncedAt',
  'decidedAt',
  'decidedBy',
  'complainedAt',
] as const satisfies readonly (keyof LogEntry)[];

/** The text of a log, piece by piece: CSV by RFC 4180 with a header line, or one JSON object per line. */
export async function* exportLog(
  pages: AsyncIterable<readonly LogEntry[]>,
  format: ExportFormat,
): AsyncGenerator<string> {
  if (format === 'csv') yield csvLine(COLUMNS);
  for await (const entries of pages) {
    if (entries.length === 0) continue;
    const line = format === 'csv' ? csvEntry : ndjsonEntry;
    yield entries.map(line).join('');
  }
}

const ndjsonEntry = (entry: LogEntry): string => `${JSON.stringify(entry)}\n`;
const csvEntry = (entry: LogEntry): string => csvLine(COLUMNS.map((column) => entry[column] ?? ''));

const csvLine = (cells: readonly string[]): string => `${cells.map(csvCell).join(',')}\r\n`;

/**
 * An id may hold anything. Every cell is quoted, because a spreadsheet may split at other separators than commas; text that
 * it would take for a formula is prefixed with an apostrophe (OWASP, CSV Injection).
 */
function csvCell(text: string): string {
  const harmless = /^[=+\-@＝＋－＠\t\r]/.test(text) ? `'${text}` : text;
  return `"${harmless.replaceAll('"', '""')}"`;
}

/** The format asked for: by `format`, else by the first known type of the Accept header; null for a page of JSON. */
export function exportFormat(format: string | undefined, accept: string | undefined): ExportFormat | null {
  if (format === 'csv' || format === 'ndjson') return format;
  if (format === 'json') return null;
  for (const range of (accept ?? '').split(',')) {
    const type = range.split(';')[0]?.trim();
    if (type === 'text/csv') return 'csv';
    if (type === 'application/x-ndjson') return 'ndjson';
    if (type === 'application/json') return null;
  }
  return null;
}
