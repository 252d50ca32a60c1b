import type { Clock } from '../base/clock';
import type { CommittedOffset, Inbox, LogRecord, Source } from '../log/source';
import { inSpan } from '../tracing/span';
import { takenOfBody } from './body';
import type { IngestSource, Taken } from './source';
import type { Writer } from './writer';

const TAKE = { max: 2_000, lingerMs: 0 };

export interface TopicIngestion {
  readonly source: IngestSource;
  /** Reads the one topic, in a group. */
  readonly log: Source;
  readonly topic: string;
  readonly group: string;
  readonly committed: CommittedOffset;
  /** Resolves when all is acknowledged, however long that takes. Throws where it is not worth waiting. */
  readonly write: Writer;
  readonly clock: Clock;
  onTaken(source: IngestSource, taken: readonly Taken[]): void;
  /** Called with what ends the ingestion for good. */
  onFailed(error: unknown): void;
  /** Called where records were deleted before they were read: how many. */
  onGap(partition: number, records: number): void;
}

/** The outcomes of one record: its value is what a request's body would be. */
async function takenOfRecord(source: IngestSource, record: LogRecord): Promise<Taken[]> {
  const { value, unreadable } = record;
  if (unreadable !== undefined) {
    const mapped = { outcome: 'dead-letter', reason: 'not-parsable', detail: unreadable } as const;
    return [{ mapped, raw: value ?? Buffer.alloc(0) }];
  }
  return value === null || value.length === 0 ? [] : takenOfBody(source, value, null);
}

/** Where the group goes on: after what it has committed, or at the first record that is held. */
async function startOf(ingestion: TopicIngestion, partition: number): Promise<number> {
  const { log, committed, group, topic, onGap } = ingestion;
  const found = await committed(group, topic, partition);
  const [held = { low: 0, high: 0 }] = await log.watermarks(partition);
  if (found === null) return held.low;
  if (found.offset < held.low) onGap(partition, held.low - found.offset);
  // An offset beyond the end is of a topic that was deleted and created again.
  return found.offset > held.high ? held.low : Math.max(found.offset, held.low);
}

async function ingest(
  { source, write, onTaken }: TopicIngestion,
  records: readonly LogRecord[],
): Promise<void> {
  const taken: Taken[] = [];
  for (const record of records) for (const each of await takenOfRecord(source, record)) taken.push(each);
  onTaken(source, await write(source, taken));
}

async function drain(ingestion: TopicIngestion, partition: number, inbox: Inbox): Promise<void> {
  const { source, log } = ingestion;
  for (let batch = await inbox.take(TAKE); batch !== null; batch = await inbox.take(TAKE)) {
    const { records, next } = batch;
    const about = { 'efs.source': source.name, 'efs.partition': partition, 'efs.positions': next };
    await inSpan('efs.ingest', { ...about, 'efs.records': records.length }, () => ingest(ingestion, records));
    // Only now: what is read again after a crash is written again, byte for byte.
    log.commitProgress(partition, next);
  }
}

/**
 * Ingests a topic that an MTA fills, in a consumer group, until the source stops. Offsets are committed after their feedback is
 * acknowledged. `retry` waits out outages.
 */
export async function ingestTopic(
  ingestion: TopicIngestion,
  retry: <T>(attempt: () => Promise<T>) => Promise<T>,
): Promise<void> {
  const { log, onFailed } = ingestion;
  const draining = new Map<number, Promise<void>>();
  let owned: readonly number[] = [];

  const run = async (partition: number): Promise<void> => {
    const start = await retry(() => startOf(ingestion, partition));
    if (!owned.includes(partition)) return;
    const inbox = await retry(() => log.open(partition, [start]));
    await drain(ingestion, partition, inbox);
  };
  const begin = (partition: number): void => {
    const running = run(partition)
      .catch(onFailed)
      .finally(() => {
        draining.delete(partition);
        // Lost and assigned again while the last batch was written.
        if (isWanted.delete(partition) && owned.includes(partition)) begin(partition);
      });
    draining.set(partition, running);
  };
  const isWanted = new Set<number>();
  await log.start({
    onAssigned(partitions) {
      const before = owned;
      owned = partitions;
      for (const partition of partitions) {
        if (!draining.has(partition)) begin(partition);
        else if (!before.includes(partition)) isWanted.add(partition);
      }
    },
    onFailed,
    onForeignMembers: (found) => found !== null && onFailed(found),
  });
}
