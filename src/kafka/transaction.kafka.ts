import type { Clock } from '../base/clock';
import { isOfType } from './failure.kafka';
import type { Codec } from './codecs.kafka';
import type { Committed } from '../log/source';
import type { KafkaCluster } from './cluster.kafka';
import type { PartitionRecords, ProducerEpoch } from './encode.kafka';
import { produce } from './produce.kafka';

/*
 * A transaction, as KIP-98 has it: every partition and group is told to the coordinator first, then written to, and then
 * the coordinator is told to commit. Each request is made once. What fails leaves the transaction open; the coordinator
 * aborts it when the transactional id gets its next epoch.
 */

/** How long an open transaction may stay so before the coordinator aborts it. */
const TRANSACTION_TIMEOUT_MS = 30_000;
/**
 * Refusals of a coordinator that is about to be ready, after which nothing has happened: it still writes the markers of the
 * transaction before, for some milliseconds; or it has just been found, or moved, and reads its log.
 */
const SETTLING = [
  'CONCURRENT_TRANSACTIONS',
  'GROUP_LOAD_IN_PROGRESS',
  'GROUP_COORDINATOR_NOT_AVAILABLE',
  'NOT_COORDINATOR_FOR_GROUP',
];
const SETTLING_MS = { firstDelay: 4, delayMax: 100, within: 3_000 };

/** The offset of a group that is committed with the records. */
export interface GroupOffset {
  readonly groupId: string;
  readonly topic: string;
  readonly partition: number;
  readonly committed: Committed;
}

/**
 * The next epoch of a transactional id. Shuts out every producer that has an earlier one; once it resolves, their last
 * transaction is either committed or aborted.
 */
export async function nextEpoch(
  wire: KafkaCluster,
  clock: Clock,
  transactionalId: string,
): Promise<ProducerEpoch> {
  const request = { transactionalId, transactionTimeout: TRANSACTION_TIMEOUT_MS };
  const { producerId, producerEpoch } = await onceSettled(clock, () =>
    wire.askCoordinator({ kind: 'transaction', id: transactionalId }, (coordinator) =>
      coordinator.initProducerId(request),
    ),
  );
  return { transactionalId, producerId, producerEpoch };
}

/**
 * Writes records and a group's offset in one transaction: all or nothing. Where it rejects, which of both is not known
 * before the next epoch. There must be something to write.
 */
export async function transact(
  wire: KafkaCluster,
  clock: Clock,
  producer: ProducerEpoch,
  requests: readonly (readonly PartitionRecords[])[],
  codec: Codec,
  offset: GroupOffset | null,
): Promise<void> {
  const coordinated = { kind: 'transaction', id: producer.transactionalId } as const;
  const topics = partitionsByTopic(requests.flat());
  if (topics.length > 0) {
    await onceSettled(clock, () =>
      wire.askCoordinator(coordinated, (coordinator) =>
        coordinator.addPartitionsToTxn({ ...producer, topics }),
      ),
    );
  }
  if (offset !== null) {
    const { groupId } = offset;
    await onceSettled(clock, () =>
      wire.askCoordinator(coordinated, (coordinator) =>
        coordinator.addOffsetsToTxn({ ...producer, groupId }),
      ),
    );
  }
  const written = produce(wire, requests, { now: clock.now(), producer, codec });
  const outcomes = await Promise.allSettled([written, commitOffset(wire, producer, offset)]);
  for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason;
  await wire.askCoordinator(coordinated, (coordinator) =>
    coordinator.endTxn({ ...producer, transactionResult: true }),
  );
}

async function commitOffset(
  wire: KafkaCluster,
  producer: ProducerEpoch,
  offset: GroupOffset | null,
): Promise<void> {
  if (offset === null) return;
  const { groupId, topic, partition, committed } = offset;
  const partitions = [{ partition, offset: String(committed.offset), metadata: committed.note }];
  await wire.askCoordinator({ kind: 'group', id: groupId }, (coordinator) =>
    coordinator.txnOffsetCommit({ ...producer, groupId, topics: [{ topic, partitions }] }),
  );
}

function partitionsByTopic(parts: readonly PartitionRecords[]): { topic: string; partitions: number[] }[] {
  const topics = new Map<string, Set<number>>();
  for (const { topic, partition } of parts)
    topics.set(topic, (topics.get(topic) ?? new Set<number>()).add(partition));
  return [...topics].map(([topic, partitions]) => ({ topic, partitions: [...partitions] }));
}

/** Asks again, for a while, where the coordinator is about to be ready. */
async function onceSettled<T>(clock: Clock, ask: () => Promise<T>): Promise<T> {
  const deadline = clock.monotonic() + SETTLING_MS.within;
  for (let delayMs = SETTLING_MS.firstDelay; ; delayMs = Math.min(delayMs * 2, SETTLING_MS.delayMax)) {
    try {
      return await ask();
    } catch (error) {
      const isSettling = SETTLING.some((type) => isOfType(error, type));
      if (!isSettling || clock.monotonic() > deadline) throw error;
      await clock.sleep(delayMs);
    }
  }
}
