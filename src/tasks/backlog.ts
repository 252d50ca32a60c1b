/** How many records lie before the status tasks of this worker, as far as they know. */
export interface Backlog {
  note(partition: number, records: number): void;
  /** The task has ended: what lies before it is another worker's. */
  forget(partition: number): void;
  records(): number;
}

export function openBacklog(): Backlog {
  const before = new Map<number, number>();
  return {
    note: (partition, records) => void before.set(partition, records),
    forget: (partition) => void before.delete(partition),
    records: () => [...before.values()].reduce((sum, records) => sum + records, 0),
  };
}

/** Full batches that may lie before a worker until it counts as being behind. */
const BEHIND_BATCHES = 10;
const BEHIND_FACTOR = 5;

/**
 * How long the kpi pipeline lingers, in milliseconds. A publication costs the same whatever it holds, and while much
 * feedback lies ahead, what it says is about to change again: then it comes a fifth as often.
 */
export function lingerOf(
  { lingerMs, batchMax }: { readonly lingerMs: number; readonly batchMax: number },
  backlog: Pick<Backlog, 'records'>,
): number {
  return backlog.records() > BEHIND_BATCHES * batchMax ? BEHIND_FACTOR * lingerMs : lingerMs;
}
