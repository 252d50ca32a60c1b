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
}

/** The number of partitions of every input. Throws `topic-missing`, `not-co-partitioned`. */
async function inputPartitions(reader: TopicReader, prefix: string): Promise<number> {
  const counts = await Promise.all(INPUT_TOPICS.map((topic) => reader.partitions(prefix + topic)));
  const [first = 0] = counts;
  if (counts.every((count) => count === first)) return first;
  throw new EfsError('not-co-partitioned', `the inputs have ${counts.join(', ')} partitions`);
}

/**
 * Opens a producer of feedback for the duration of `use`. Throws `topic-missing`, `not-co-partitioned`,
 * `kafka-unavailable`, `registry-unavailable`.
 */
export async function withProducer<T>(
  config: Config,
  log: Log,
  use: (producer: Producer) => Promise<T>,
): Promise<T> {
  const kafka = kafkaOf(config, log);
  const reader = kafkaReader(kafka, systemClock, config);
  const sink = sinkOf(config, kafka);
  try {
    const partitions = await inputPartitions(reader, config.topicPrefix);
    const ids = await schemaIds(registryOf(config, log), config.topicPrefix, INPUT_RECORDS);
    return await use({ sink, encode: wireEncoder(ids), partitions });
  } finally {
    await Promise.all([sink.close(), reader.close()]);
  }
}
