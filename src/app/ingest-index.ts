import { systemClock } from '../base/clock';
import type { Log } from '../base/log';
import { answersOf, indexedWriter } from '../ingest/indexed-writer';
import { openIndex } from '../ingest/native-index';
import type { IngestSource, Taken } from '../ingest/source';
import type { Writer } from '../ingest/writer';
import { kafkaReader } from '../kafka/reader.kafka';
import type { OutgoingRecord } from '../log/sink';
import { usesIndex } from '../mta/identity';
import type { Config } from '../settings/table';
import { kafkaOf } from './connect';

/** The index of native ids, and the writer that asks it. */
export interface OpenIndexing {
  readonly write: Writer;
  /** What becomes of events that ask the index, by what it has now. */
  answers(taken: readonly Taken[]): Promise<readonly Taken[]>;
  entries(): number;
  /** Rejects with what ends the reading of the index before the signal does. */
  readonly failed: Promise<never>;
  close(): Promise<void>;
}

export interface IndexingOptions {
  readonly sources: readonly IngestSource[];
  readonly write: Writer;
  emit(records: readonly OutgoingRecord[]): Promise<void>;
  /** How long events wait for the index at most, beside the setting. */
  readonly withinMs: number;
  /** Ends every wait, and the reading. */
  readonly signal: AbortSignal;
}

const NEVER = new Promise<never>(() => undefined);

/**
 * Lets the writer ask the index where one of the sources uses it, once the index is read. Where none does, nothing is opened.
 * Throws `topic-missing`, `kafka-unavailable`.
 */
export async function openIndexing(
  config: Config,
  log: Log,
  { sources, write, emit, withinMs, signal }: IndexingOptions,
): Promise<OpenIndexing> {
  if (!sources.some(({ settings }) => usesIndex(settings.identity)))
    return {
      ...{ write, failed: NEVER, entries: () => 0 },
      answers: (taken) => Promise.resolve(taken),
      close: () => Promise.resolve(),
    };
  const reader = kafkaReader(kafkaOf(config, log), systemClock, config);
  const closing = new AbortController();
  const close = (): Promise<void> => {
    closing.abort();
    return reader.close();
  };
  try {
    const { ingestIndexBytes: bytesMax, ingestIndexWait: waitMs, topicPrefix: prefix } = config;
    const ends = AbortSignal.any([signal, closing.signal]);
    const { index, ended } = await openIndex({ reader, emit, prefix, bytesMax, signal: ends });
    const patience = { clock: systemClock, waitMs, startedAt: systemClock.now(), withinMs, signal };
    return {
      write: indexedWriter(write, index, patience),
      answers: (taken) => answersOf(taken, index, { ...patience, waitMs: 0 }),
      entries: index.entries,
      failed: ended.then(() => NEVER),
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}
