import type { LogRecord, TopicReader } from './source';

const CHUNK_RECORDS = 500;
const CHUNK_BYTES = 4 << 20;

/** Thrown out of a read whose chunk is full. */
class ChunkFull extends Error {
  override readonly name = 'ChunkFull';
}

/** Part of a partition. */
export interface Chunk {
  readonly records: readonly LogRecord[];
  /** The offset after them. */
  readonly next: number;
}

/** Records of [from, high), as many as fit a chunk. Throws `topic-missing`, `kafka-unavailable`. */
export async function readChunk(
  reader: TopicReader,
  topic: string,
  partition: number,
  from: number,
  high: number,
): Promise<Chunk> {
  const records: LogRecord[] = [];
  let bytes = 0;
  let next = high;
  const take = (record: LogRecord): void => {
    if (record.offset >= high) throw new ChunkFull();
    if (records.length === CHUNK_RECORDS || bytes > CHUNK_BYTES) {
      next = record.offset;
      throw new ChunkFull();
    }
    records.push(record);
    bytes += record.value?.length ?? 0;
  };
  await reader.read(topic, partition, take, from).catch((error: unknown) => {
    if (!(error instanceof ChunkFull)) throw error;
  });
  return { records, next };
}

/**
 * The records that all partitions of a topic held at the call, in chunks of bounded size, in the order of their offsets.
 * What is added meanwhile is not included. Throws `topic-missing`, `kafka-unavailable`.
 */
export async function* chunksOf(reader: TopicReader, topic: string): AsyncGenerator<readonly LogRecord[]> {
  const partitions = await reader.partitions(topic);
  const ends = await Promise.all(
    Array.from({ length: partitions }, (_, partition) => reader.watermarks(topic, partition)),
  );
  for (const [partition, { low, high }] of ends.entries()) {
    for (let from = low; from < high;) {
      const { records, next } = await readChunk(reader, topic, partition, from, high);
      yield records;
      from = next;
    }
  }
}
