import { systemClock } from '../base/clock';
import { EfsError } from '../base/errors';
import type { Log } from '../base/log';
import { type Encode, wireEncoder } from '../feedback/encode';
import { INPUT_RECORDS, schemaIds } from '../feedback/schemas';
import { INPUT_TOPICS } from '../feedback/topics';
import { kafkaReader } from '../kafka/reader.kafka';
import type { Sink } from '../log/sink';
import type { TopicReader } from '../log/source';
import type { Config } from '../settings/table';
import { kafkaOf, registryOf, sinkOf } from './connect';

/** What it takes to write feedback to the input topics. */
export interface Producer {
  readonly sink: Sink;
  readonly encode: Encode;
  /** The number of partitions of each input. */
  readonly partitions: number;
  close(): Promise<void>;
}

/** The number of partitions of every input. Throws `topic-missing`, `not-co-partitioned`. */
async function inputPartitions(reader: TopicReader, prefix: string): Promise<number> {
  const counts = await Promise.all(INPUT_TOPICS.map((topic) => reader.partitions(prefix + topic)));
  const [first = 0] = counts;
  if (counts.every((count) => count === first)) return first;
  throw new EfsError('not-co-partitioned', `the inputs have ${counts.join(', ')} partitions`);
}

/**
 * Opens a producer of feedback. Throws `topic-missing`, `not-co-partitioned`, `kafka-unavailable`,
 * `registry-unavailable`.
 */
export async function openProducer(config: Config, log: Log): Promise<Producer> {
  const kafka = kafkaOf(config, log);
  const reader = kafkaReader(kafka, systemClock, config);
  try {
    const partitions = await inputPartitions(reader, config.topicPrefix);
    const ids = await schemaIds(registryOf(config, log), config.topicPrefix, INPUT_RECORDS);
    const sink = sinkOf(config, kafka);
    return { sink, encode: wireEncoder(ids), partitions, close: () => sink.close() };
  } finally {
    await reader.close();
  }
}

/** A producer for the duration of `use`. Throws as `openProducer` does. */
export async function withProducer<T>(
  config: Config,
  log: Log,
  use: (producer: Producer) => Promise<T>,
): Promise<T> {
  const producer = await openProducer(config, log);
  try {
    return await use(producer);
  } finally {
    await producer.close();
  }
}
