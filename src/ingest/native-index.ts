import { INDEX_SPAN_MS, type IndexEntry, indexValue } from '../feedback/ingest-index';
import { INGEST_INDEX_TOPIC } from '../feedback/topics';
import { partitionOf } from '../log/partitioner';
import type { OutgoingRecord } from '../log/sink';
import type { TopicReader } from '../log/source';
import { ENTRY_BYTES_MIN, type IndexMemory, indexMemory } from './index-memory';
import { batchesOf } from './writer';

/** Whose message it is that sources know by any of these keys. */
export interface KnownMessage {
  readonly keys: readonly string[];
  readonly entry: IndexEntry;
}

/** The index of native ids: what sources know a message by, and its ids. */
export interface NativeIndex extends Pick<IndexMemory, 'find' | 'entries'> {
  /** Resolves when every process that opens the index will find these messages. Throws `kafka-unavailable`. */
  put(known: readonly KnownMessage[]): Promise<void>;
}

/** An index of this process alone. */
export function localIndex(bytesMax: number): NativeIndex {
  const memory = indexMemory(bytesMax);
  return {
    ...memory,
    async put(known) {
      for (const { keys, entry } of known) for (const key of keys) memory.put(key, indexValue(entry));
    },
  };
}

/** Whether an entry need not be written again. Half of the span: else it would soon be too old for what may still come. */
const isKnown = (found: IndexEntry | null, { deliveryId, messageId, at }: IndexEntry): boolean =>
  found?.deliveryId === deliveryId &&
  found.messageId === messageId &&
  Math.abs(found.at - at) <= INDEX_SPAN_MS / 2;

export interface IndexTopic {
  readonly reader: TopicReader;
  /** Resolves when the records are acknowledged. */
  emit(records: readonly OutgoingRecord[]): Promise<void>;
  /** Put before the topic's name where it is read. */
  readonly prefix: string;
  readonly bytesMax: number;
  /** Ends the reading. */
  readonly signal: AbortSignal;
}

/** An index that is open: it holds what the topic held then, and follows it. */
export interface OpenedIndex {
  readonly index: NativeIndex;
  /** Rejects with what ends the reading for good. */
  readonly ended: Promise<void>;
}

/** Opens the index that all processes share by its topic. Throws `topic-missing`, `kafka-unavailable`. */
export async function openIndex({
  reader,
  emit,
  prefix,
  bytesMax,
  signal,
}: IndexTopic): Promise<OpenedIndex> {
  const memory = indexMemory(bytesMax);
  const topic = prefix + INGEST_INDEX_TOPIC;
  const partitions = await reader.partitions(topic);
  // More would give way at once.
  const last = Math.ceil(bytesMax / ENTRY_BYTES_MIN / partitions);
  let caughtUp = (): void => undefined;
  const loaded = new Promise<void>((resolve) => (caughtUp = resolve));
  const { ended } = await reader.follow(
    topic,
    { from: { last }, signal, onCaughtUp: () => caughtUp() },
    ({ key, value }) => {
      if (key !== null) memory.put(key.toString('latin1'), value);
    },
  );
  await Promise.race([loaded, ended]);
  return { ended, index: { ...memory, put: (known) => putNew(known, { memory, emit, partitions }) } };
}

/** Writes what is not in the memory yet: one entry for all events of a message. */
async function putNew(
  known: readonly KnownMessage[],
  {
    memory,
    emit,
    partitions,
  }: Pick<IndexTopic, 'emit'> & { readonly memory: IndexMemory; readonly partitions: number },
): Promise<void> {
  const records = new Map<string, OutgoingRecord>();
  for (const { keys, entry } of known)
    for (const text of keys) {
      if (isKnown(memory.find([text], entry.at), entry)) continue;
      const key = Buffer.from(text);
      const partition = partitionOf(key, partitions);
      records.set(text, { topic: INGEST_INDEX_TOPIC, partition, key, value: indexValue(entry) });
    }
  for (const batch of batchesOf(records.values())) await emit(batch);
  for (const [key, { value }] of records) memory.put(key, value);
}
