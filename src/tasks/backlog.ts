/** Counts the known unprocessed records of this worker’s status tasks. */
export interface Backlog {
  note(partition: number, records: number): void;
  /** The task has ended: its backlog belongs to another worker. */
  forget(partition: number): void;
  records(): number;
}

export function openBacklog(): Backlog {
  const lags = new Map<number, number>();
  return {
    note: (partition, records) => void lags.set(partition, records),
    forget: (partition) => void lags.delete(partition),
    records: () => [...lags.values()].reduce((sum, records) => sum + records, 0),
  };
}

/** A worker is behind when its backlog exceeds this many full batches. */
const BEHIND_BATCHES = 10;
const BEHIND_FACTOR = 5;

/**
 * How long the kpi pipeline lingers, in milliseconds. A publication costs the same whatever it holds. While the worker is
 * behind, published KPIs are about to change again, so they are published a fifth as often.
 */
export function lingerOf(
  { lingerMs, batchMax }: { readonly lingerMs: number; readonly batchMax: number },
  backlog: Pick<Backlog, 'records'>,
): number {
  return backlog.records() > BEHIND_BATCHES * batchMax ? BEHIND_FACTOR * lingerMs : lingerMs;
}
