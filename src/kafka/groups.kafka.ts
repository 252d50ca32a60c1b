import { AssignerProtocol, type Kafka } from 'kafkajs';
import { type Clock, systemClock } from '../base/clock';
import { withCluster } from './cluster.kafka';
import { isOfType } from './failure.kafka';
import type { Groups } from '../log/groups';

/**
 * Groups by their coordinators. Connects for each call: calls are few. kafkajs' admin client would ask the same, but gives
 * a refusal by Kafka the form of an outage.
 */
export const kafkaGroups = (kafka: Kafka, clock: Clock = systemClock): Groups => ({
  members: (groupId) =>
    withCluster(kafka, async (cluster) => {
      const { groups } = await onceCreated(clock, () =>
        cluster.askCoordinator({ kind: 'group', id: groupId }, (coordinator) =>
          coordinator.describeGroups({ groupIds: [groupId] }),
        ),
      );
      const [group] = groups;
      if (group?.state.endsWith('Rebalance')) return null;
      return (group?.members ?? []).map(({ clientId, clientHost, memberMetadata }) => ({
        clientId,
        host: clientHost,
        topics: topicsIn(memberMetadata),
      }));
    }),
  committed: (groupId, topic) =>
    withCluster(kafka, async (cluster) => {
      const [count] = await cluster.partitionCounts([topic]);
      const partitions = Array.from({ length: count ?? 0 }, (_, partition) => partition);
      return onceCreated(clock, () => cluster.committed(groupId, topic, partitions));
    }),
});

/** Kafka creates what coordinators need at the first request for one, within seconds. */
const ATTEMPTS = 30;
const POLL_MS = 300;

/** Repeats a request to a coordinator while Kafka is just creating it. */
export async function onceCreated<T>(clock: Clock, ask: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await ask();
    } catch (error) {
      if (attempt === ATTEMPTS || !isOfType(error, 'GROUP_COORDINATOR_NOT_AVAILABLE')) throw error;
      await clock.sleep(POLL_MS);
    }
  }
}

/** The topics in a member's metadata. */
export function topicsIn(metadata: Buffer): readonly string[] {
  try {
    return AssignerProtocol.MemberMetadata.decode(metadata)?.topics ?? [];
  } catch {
    return []; // Not the metadata of a consumer.
  }
}
