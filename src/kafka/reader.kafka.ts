import type { Kafka } from 'kafkajs';
import type { Clock } from '../base/clock';
import { EfsError } from '../base/errors';
import { type FetchTarget, startFetcher } from './fetcher.kafka';
import { readRecords } from './records.kafka';
import { type CommittedOffset, followStart, type LogRecord, type TopicReader } from '../log/source';
import type { FetchLimits } from './requests.kafka';
import { openCluster, type KafkaCluster, withCluster } from './cluster.kafka';

const LIMITS: FetchLimits = {
  maxWaitMs: 250,
  maxBytes: 8 << 20,
  maxBytesPerPartition: 2 << 20,
  maxBatchBytes: 64 << 20,
};

/** Reads Kafka outside any group. Connects at the first call. `maxBatchBytes` bounds a decompressed batch. */
export function kafkaReader(
  kafka: Kafka,
  clock: Clock,
  { maxBatchBytes }: Pick<FetchLimits, 'maxBatchBytes'> = LIMITS,
): TopicReader {
  const cluster = openCluster(kafka);
  const limits: FetchLimits = { ...LIMITS, maxBatchBytes };

  const countOf = async (topic: string): Promise<number> => {
    const [count] = await cluster.partitionCounts([topic]);
    if (count == null) throw new EfsError('topic-missing', `topic ${topic} does not exist`);
    return count;
  };
  const watermarks = async (topic: string, partition: number) => {
    const [held] = await cluster.watermarks([topic], partition);
    return held ?? { low: 0, high: 0 };
  };

  return {
    partitions: countOf,
    watermarks,
    highWatermark: (topic, partition) => cluster.highWatermark(topic, partition),
    async topicIds(topics) {
      const metadata = await cluster.topicMetadata(topics);
      return topics.map((topic) => metadata?.get(topic)?.id ?? null);
    },
    async read(topic, partition, onRecord, from = 0) {
      await countOf(topic);
      const { low, high } = await watermarks(topic, partition);
      const start = Math.max(from, low);
      if (start >= high) return;
      const ends = new AbortController();
      await fetchUntil({ cluster, clock, limits, signal: ends.signal, outages: 'throw' }, (fail) => [
        targetOf(
          topic,
          partition,
          start,
          fail,
          (record) => record.offset < high && onRecord(record),
          (position) => {
            if (position >= high) ends.abort();
          },
        ),
      ]);
    },
    async follow(topic, { from, signal, onCaughtUp }, onRecord) {
      const count = await countOf(topic);
      const held = await Promise.all(
        Array.from({ length: count }, (_, partition) => watermarks(topic, partition)),
      );
      const starts = held.map((each) => followStart(from, each));
      const behind = new Set(starts.keys());
      const reached = (partition: number, position: number): void => {
        if (position < (held[partition]?.high ?? 0) || !behind.delete(partition)) return;
        if (behind.size === 0) onCaughtUp?.();
      };
      starts.forEach((start, partition) => reached(partition, start));
      const ended = fetchUntil({ cluster, clock, limits, signal, outages: 'wait' }, (fail) =>
        starts.map((start, partition) =>
          targetOf(topic, partition, start, fail, onRecord, (position) => reached(partition, position)),
        ),
      );
      return { ended };
    },
    close: cluster.close,
  };
}

/** Reads committed group offsets. */
export const kafkaCommittedOffset =
  (kafka: Kafka): CommittedOffset =>
  (groupId, topic, partition) =>
    withCluster(
      kafka,
      async (cluster) => (await cluster.committed(groupId, topic, [partition])).get(partition) ?? null,
    );

/** A fetch target without an inbox: `onRecord` gets its records, `onPosition` the position after each fetch. */
function targetOf(
  topic: string,
  partition: number,
  start: number,
  fail: (error: unknown) => void,
  onRecord: (record: LogRecord) => void,
  onPosition: (position: number) => void,
): FetchTarget {
  const target: FetchTarget = {
    topic,
    partition,
    position: start,
    hasCapacity: () => true,
    deliver(batches) {
      try {
        for (const batch of batches) {
          const reader = readRecords(batch, 0, partition, target.position);
          for (let record = reader.next(); record !== null; record = reader.next()) onRecord(record);
          target.position = Math.max(target.position, batch.nextOffset);
        }
        onPosition(target.position);
      } catch (error) {
        fail(error);
      }
    },
    failed: fail,
  };
  return target;
}

/** Fetches until `signal` aborts or a target fails. Outages are waited out, or thrown. */
async function fetchUntil(
  options: {
    cluster: KafkaCluster;
    clock: Clock;
    limits: FetchLimits;
    signal: AbortSignal;
    outages: 'wait' | 'throw';
  },
  targets: (fail: (error: unknown) => void) => readonly FetchTarget[],
): Promise<void> {
  const { cluster, clock, limits, signal, outages } = options;
  await new Promise<void>((resolve, reject) => {
    const fetcher = startFetcher({
      cluster,
      clock,
      limits,
      onOutage: (error) => {
        if (outages === 'throw') end(() => reject(error));
      },
      onAnswer: () => undefined,
    });
    const end = (settle: () => void): void => {
      fetcher.close();
      settle();
    };
    if (signal.aborted) return end(resolve);
    signal.addEventListener('abort', () => end(resolve), { once: true });
    fetcher.add(targets((error) => end(() => reject(error))));
  });
}
