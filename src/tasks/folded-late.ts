import type { Rejected } from '../feedback/decode';
import type { LogRecord, Positions } from '../log/source';
import { lateAmong } from '../pipeline/late-records';
import type { AdoptionDeps } from '../pipeline/retention';
import type { OwnedTask } from './owned-task';

/**
 * Late feedback that a status task has folded before it knew of a retirement (retention.ts): it is read once more from the
 * inputs, up to these positions of the task, as rejected.
 */
export async function foldedLate(
  { deps, address, topics, retry }: Pick<OwnedTask, 'deps' | 'address' | 'topics' | 'retry'>,
  retired: Parameters<AdoptionDeps['rejectFolded']>[0],
  positions: Positions,
): Promise<readonly Rejected[]> {
  const ids = [...retired.keys()].map((id) => Buffer.from(id, 'utf8'));
  const rejected: Rejected[] = [];
  for (const [topic, name] of topics.entries()) {
    const first = Math.min(...[...retired.values()].map((from) => from[topic] ?? 0));
    const end = positions[topic] ?? 0;
    if (first >= end) continue;
    const records = await retry(async () => {
      const found: LogRecord[] = [];
      const keep = (record: LogRecord): void => {
        // Most are on other deliveries.
        if (record.offset >= end || !ids.some((id) => record.value?.includes(id))) return;
        found.push({ ...record, topic, headers: () => record.headers() });
      };
      await deps.reader.read(name, address.partition, keep, first);
      return found;
    });
    rejected.push(...(await lateAmong(deps.decoders.status, records, retired)));
  }
  return rejected;
}
