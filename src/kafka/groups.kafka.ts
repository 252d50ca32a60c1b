import { AssignerProtocol, type Kafka } from 'kafkajs';
import { type Clock, systemClock } from '../base/clock';
import { openCluster, type KafkaCluster } from './cluster.kafka';
import { isOfType, kafkaFailure } from './failure.kafka';
import type { BrokerInside } from './inside.kafka';
import type { Groups } from '../log/groups';

/**
 * Groups by their coordinators. Connects for each call: calls are few. kafkajs' admin client would ask the same, but gives
 * a refusal by Kafka the form of an outage.
 */
export function kafkaGroups(kafka: Kafka, clock: Clock = systemClock): Groups {
  const asked = async <T>(ask: (cluster: KafkaCluster) => Promise<T>): Promise<T> => {
    const cluster = openCluster(kafka);
    try {
      return await ask(cluster);
    } catch (error) {
      throw kafkaFailure(error);
    } finally {
      await cluster.close().catch(() => undefined);
    }
  };
  return {
    members: (groupId) =>
      asked(async (cluster) => {
        const { groups } = await askGroup(cluster, clock, groupId, (coordinator) =>
          coordinator.describeGroups({ groupIds: [groupId] }),
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
      asked(async (cluster) => {
        const [count = 0] = await cluster.partitionCounts([topic]);
        const partitions = Array.from({ length: count ?? 0 }, (_, partition) => ({ partition }));
        const { responses } = await askGroup(cluster, clock, groupId, (coordinator) =>
          coordinator.offsetFetch({ groupId, topics: [{ topic, partitions }] }),
        );
        return new Map(
          (responses[0]?.partitions ?? []).map(({ partition, offset, metadata }) => [
            partition,
            Number(offset) < 0 ? null : { offset: Number(offset), metadata: metadata ?? '' },
          ]),
        );
      }),
  };
}

/** Kafka creates what coordinators need at the first request for one, within seconds. */
const ATTEMPTS = 30;
const POLL_MS = 300;

const askGroup = <T>(
  cluster: KafkaCluster,
  clock: Clock,
  id: string,
  request: (coordinator: BrokerInside) => Promise<T>,
): Promise<T> => onceCreated(clock, () => cluster.askCoordinator({ kind: 'group', id }, request));

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
