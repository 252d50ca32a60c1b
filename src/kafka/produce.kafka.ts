import { EfsError } from '../base/errors';
import { loadCodec } from './codecs.kafka';
import type { KafkaCluster } from './cluster.kafka';
import { encodeProduceRequest, type PartitionRecords, type ProduceOptions, sizeBound } from './encode.kafka';
import { MAX_BATCH_BYTES, type OutgoingRecord } from '../log/sink';

/** Sequences are int32 and wrap to 0. */
const SEQUENCES = 2 ** 31;

/** How many records a producer has sent to each partition since it got its epoch, by `topic/partition`. */
export type Sequences = Map<string, number>;

/**
 * Writes records in order, in as many requests as their size requires, one attempt each. Resolves once all in-sync
 * replicas have every record; where it rejects, any of the records may have been written.
 */
export async function produce(
  cluster: Pick<KafkaCluster, 'byLeader' | 'reaches' | 'produce'>,
  requests: readonly (readonly PartitionRecords[])[],
  options: ProduceOptions,
): Promise<void> {
  await loadCodec(options.codec);
  for (const request of requests) {
    const byNode = await byLeader(cluster, request);
    const sent = [...byNode].map(([node, parts]) =>
      cluster.produce(node, encodeProduceRequest(parts, options), parts),
    );
    const outcomes = await Promise.allSettled(sent);
    for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason;
  }
}

/** A leader that accepts no connection has received nothing: its records go to the current leader. */
async function byLeader(
  cluster: Pick<KafkaCluster, 'byLeader' | 'reaches'>,
  partitions: readonly PartitionRecords[],
): Promise<Map<number, PartitionRecords[]>> {
  const known = allLed(await cluster.byLeader(partitions));
  const reached = await Promise.all([...known.keys()].map((node) => cluster.reaches(node)));
  return reached.includes(false) ? allLed(await cluster.byLeader(partitions)) : known;
}

function allLed(byNode: Map<number | null, PartitionRecords[]>): Map<number, PartitionRecords[]> {
  const [first] = byNode.get(null) ?? [];
  if (first === undefined) return byNode as Map<number, PartitionRecords[]>;
  throw new EfsError('kafka-unavailable', `${first.topic}/${first.partition} has no leader`);
}

/**
 * Splits records into requests of a bounded size, in order; `prefix` is put before the topics' names. Each partition's
 * part of a request takes the next sequence, and advances it.
 */
export function requestsOf(
  records: readonly OutgoingRecord[],
  prefix: string,
  sequences: Sequences = new Map(),
): PartitionRecords[][] {
  const requests: PartitionRecords[][] = [];
  let parts = new Map<string, PartitionRecords & { records: OutgoingRecord[] }>();
  let bytes = 0;
  const flush = (): void => {
    if (parts.size > 0) requests.push([...parts.values()]);
    parts = new Map();
    bytes = 0;
  };
  for (const record of records) {
    const size = sizeBound(record);
    if (bytes + size > MAX_BATCH_BYTES) flush();
    bytes += size;
    const topic = prefix + record.topic;
    const key = `${topic}/${record.partition}`;
    const sequence = sequences.get(key) ?? 0;
    sequences.set(key, (sequence + 1) % SEQUENCES);
    const part = parts.get(key);
    if (part === undefined)
      parts.set(key, { topic, partition: record.partition, records: [record], sequence });
    else part.records.push(record);
  }
  flush();
  return requests;
}
