import { backoffMs } from '../base/backoff';
import { type Clock, systemRandom } from '../base/clock';
import { isOfType } from './failure.kafka';
import type { Codec } from './codecs.kafka';
import type { Committed } from '../log/source';
import type { KafkaCluster } from './cluster.kafka';
import type { PartitionRecords, ProducerEpoch } from './encode.kafka';
import { produce } from './produce.kafka';

/*
 * A transaction as in KIP-98: every partition and group is added at the coordinator first, then written to, and then the
 * coordinator commits. Each request is sent once. A failure leaves the transaction open; the coordinator aborts it when
 * the transactional id gets its next epoch.
 */

/** How long a transaction may stay open before the coordinator aborts it. */
const TRANSACTION_TIMEOUT_MS = 30_000;
/**
 * Refusals of a coordinator that is not ready yet, without any effect: it is still writing the markers of the previous
 * transaction, for some milliseconds; or it has just become coordinator and loads its log.
 */
const NOT_READY = [
  'CONCURRENT_TRANSACTIONS',
  'GROUP_LOAD_IN_PROGRESS',
  'GROUP_COORDINATOR_NOT_AVAILABLE',
  'NOT_COORDINATOR_FOR_GROUP',
];
const NOT_READY_DELAYS_MS = { first: 4, most: 100 };
const NOT_READY_WITHIN_MS = 3_000;

/** The offset of a group that is committed with the records. */
export interface GroupOffset {
  readonly groupId: string;
  readonly topic: string;
  readonly partition: number;
  readonly committed: Committed;
}

/**
 * The next epoch of a transactional id. Fences every producer with an earlier one; once it resolves, their last
 * transaction is either committed or aborted.
 */
export async function nextEpoch(
  cluster: KafkaCluster,
  clock: Clock,
  transactionalId: string,
): Promise<ProducerEpoch> {
  const request = { transactionalId, transactionTimeout: TRANSACTION_TIMEOUT_MS };
  const { producerId, producerEpoch } = await onceReady(clock, () =>
    cluster.askCoordinator({ kind: 'transaction', id: transactionalId }, (coordinator) =>
      coordinator.initProducerId(request),
    ),
  );
  return { transactionalId, producerId, producerEpoch };
}

/**
 * Writes records and a group's offset in one transaction: all or nothing. Where it rejects, the outcome is unknown until
 * the next epoch. There must be records or an offset.
 */
export async function transact(
  cluster: KafkaCluster,
  clock: Clock,
  producer: ProducerEpoch,
  requests: readonly (readonly PartitionRecords[])[],
  codec: Codec,
  offset: GroupOffset | null,
): Promise<void> {
  const coordinated = { kind: 'transaction', id: producer.transactionalId } as const;
  const topics = partitionsByTopic(requests.flat());
  if (topics.length > 0) {
    await onceReady(clock, () =>
      cluster.askCoordinator(coordinated, (coordinator) =>
        coordinator.addPartitionsToTxn({ ...producer, topics }),
      ),
    );
  }
  if (offset !== null) {
    const { groupId } = offset;
    await onceReady(clock, () =>
      cluster.askCoordinator(coordinated, (coordinator) =>
        coordinator.addOffsetsToTxn({ ...producer, groupId }),
      ),
    );
  }
  const written = produce(cluster, requests, { now: clock.now(), producer, codec });
  const outcomes = await Promise.allSettled([written, commitOffset(cluster, producer, offset)]);
  for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason;
  await cluster.askCoordinator(coordinated, (coordinator) =>
    coordinator.endTxn({ ...producer, transactionResult: true }),
  );
}

async function commitOffset(
  cluster: KafkaCluster,
  producer: ProducerEpoch,
  offset: GroupOffset | null,
): Promise<void> {
  if (offset === null) return;
  const { groupId, topic, partition, committed } = offset;
  const partitions = [{ partition, offset: String(committed.offset), metadata: committed.metadata }];
  await cluster.askCoordinator({ kind: 'group', id: groupId }, (coordinator) =>
    coordinator.txnOffsetCommit({ ...producer, groupId, topics: [{ topic, partitions }] }),
  );
}

function partitionsByTopic(parts: readonly PartitionRecords[]): { topic: string; partitions: number[] }[] {
  const topics = new Map<string, Set<number>>();
  for (const { topic, partition } of parts)
    topics.set(topic, (topics.get(topic) ?? new Set<number>()).add(partition));
  return [...topics].map(([topic, partitions]) => ({ topic, partitions: [...partitions] }));
}

/** Retries for a bounded time while the coordinator is not ready. */
async function onceReady<T>(clock: Clock, ask: () => Promise<T>): Promise<T> {
  const deadline = clock.monotonic() + NOT_READY_WITHIN_MS;
  for (let failures = 0; ; failures++) {
    try {
      return await ask();
    } catch (error) {
      const isNotReady = NOT_READY.some((type) => isOfType(error, type));
      if (!isNotReady || clock.monotonic() > deadline) throw error;
      await clock.sleep(backoffMs(failures, systemRandom, NOT_READY_DELAYS_MS));
    }
  }
}
