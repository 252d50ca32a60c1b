import { partitionOf } from '../log/partitioner';
import type { OutgoingRecord, Sink } from '../log/sink';
import type { Encode } from '../feedback/encode';
import { header, truncatedHeaders } from '../feedback/dead-letter';
import { keptValue } from '../feedback/kept';
import { INGEST_DEAD_LETTER_TOPIC } from '../feedback/topics';
import { topicOf } from '../mta/feedback';
import { inSpan } from '../tracing/span';
import type { IngestSource, Taken } from './source';

const DETAIL_LENGTH_MAX = 1_000;
/** Bounds of one emit: what a broker takes in one request, and what is held in memory. */
const BATCH_RECORDS_MAX = 4_000;
const BATCH_BYTES_MAX = 512 * 1024;

export interface WriterOptions {
  readonly sink: Sink;
  readonly encode: Encode;
  /** The number of partitions of every topic of the service. */
  readonly partitions: number;
}

/**
 * Writes what became of a source's events. Resolves when all of it is acknowledged, with what was written: an index may have
 * answered meanwhile. Throws `kafka-unavailable`.
 */
export type Writer = (source: IngestSource, taken: readonly Taken[]) => Promise<readonly Taken[]>;

/** Without a copy of bytes. */
const bytesOf = (raw: string | Uint8Array): Buffer =>
  typeof raw === 'string' ? Buffer.from(raw) : Buffer.from(raw.buffer, raw.byteOffset, raw.byteLength);

function recordOf(
  source: IngestSource,
  { mapped, raw }: Taken,
  options: WriterOptions,
): OutgoingRecord | null {
  const { encode, partitions } = options;
  switch (mapped.outcome) {
    case 'ignored':
      return null;
    case 'feedback': {
      const { feedback } = mapped;
      const key = Buffer.from(feedback.messageId);
      const partition = partitionOf(key, partitions);
      try {
        return { topic: topicOf(feedback), partition, key, value: encode(feedback) };
      } catch (error) {
        // Content that no record can hold must not block what comes with it.
        const detail = `no record can hold it: ${(error as Error).message}`;
        return recordOf(
          source,
          { mapped: { outcome: 'dead-letter', reason: 'invalid-field', detail }, raw },
          options,
        );
      }
    }
    case 'dead-letter': {
      const { reason, detail } = mapped;
      const key = Buffer.from(source.name);
      const { value, cuts } = keptValue(bytesOf(raw));
      const headers = [
        header('efs.reason', reason),
        header('efs.detail', detail.slice(0, DETAIL_LENGTH_MAX)),
        header('efs.source', source.name),
        header('efs.format', source.format.name),
        ...truncatedHeaders(cuts),
      ];
      const partition = partitionOf(key, partitions);
      return { topic: INGEST_DEAD_LETTER_TOPIC, partition, key, value, headers };
    }
  }
}

/** Records in their order, in batches within the bounds. */
export function* batchesOf(records: Iterable<OutgoingRecord | null>): Generator<OutgoingRecord[]> {
  let batch: OutgoingRecord[] = [];
  let bytes = 0;
  for (const record of records) {
    if (record === null) continue;
    batch.push(record);
    bytes += record.value?.length ?? 0;
    if (batch.length < BATCH_RECORDS_MAX && bytes < BATCH_BYTES_MAX) continue;
    yield batch;
    batch = [];
    bytes = 0;
  }
  if (batch.length > 0) yield batch;
}

/**
 * Whether both set the same event aside, for the same reason: an event of many recipients is written once, or a small one
 * would become gigabytes.
 */
const isSameLetter = ({ mapped, raw }: Taken, before: Taken | undefined): boolean =>
  mapped.outcome === 'dead-letter' &&
  before?.mapped.outcome === 'dead-letter' &&
  raw === before.raw &&
  mapped.reason === before.mapped.reason;

/** A writer to the input topics, and of what cannot be mapped to the dead letters of ingestion. */
export function writer(options: WriterOptions): Writer {
  return async (source, taken) => {
    const records = function* (): Generator<OutgoingRecord | null> {
      for (const [index, each] of taken.entries())
        if (!isSameLetter(each, taken[index - 1])) yield recordOf(source, each, options);
    };
    for (const batch of batchesOf(records()))
      await inSpan('efs.publish', { 'efs.source': source.name, 'efs.records': batch.length }, () =>
        options.sink.emit(batch),
      );
    return taken;
  };
}
