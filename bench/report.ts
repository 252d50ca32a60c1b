/** The middle of some values; the mean of the two middle ones where there is none. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const half = sorted.length / 2;
  return ((sorted[Math.ceil(half) - 1] ?? NaN) + (sorted[Math.floor(half)] ?? NaN)) / 2;
}

/** The value below which a share of the sorted values lies. */
export function quantile(sorted: readonly number[], share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? NaN;
}

/** `1,234,567`, with so many decimals. */
export function grouped(value: number, decimals = 0): string {
  return value.toLocaleString('en-US', { minimumFractionDigits: decimals, maximumFractionDigits: decimals });
}

/** Prints rows in columns, the first to the left, the others to the right. */
export function printTable(rows: readonly (readonly string[])[]): void {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  for (const row of rows) {
    const cells = row.map((cell, column) =>
      column === 0 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0),
    );
    console.log(cells.join('   ').trimEnd());
  }
}

/** The bound of a figure. */
export interface Floor {
  readonly least?: number;
  readonly most?: number;
}

/** A row of figure, floor and verdict. */
export function against(name: string, value: number, floor: Floor, decimals: number): string[] {
  const { least, most } = floor;
  const holds = value >= (least ?? -Infinity) && value <= (most ?? Infinity);
  const bound =
    least !== undefined ? `>= ${grouped(least)}` : most !== undefined ? `<= ${grouped(most)}` : '';
  return [name, grouped(value, decimals), bound, bound === '' ? '' : holds ? 'ok' : 'MISSED'];
}
