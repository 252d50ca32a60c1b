import type { Kafka } from 'kafkajs';
import type { Clock } from '../base/clock';
import type { Right, Rights } from '../log/rights';
import { openCluster, type KafkaCluster } from './cluster.kafka';
import { refusalOf } from './failure.kafka';
import { onceCreated } from './groups.kafka';
import type { BrokerInside } from './inside.kafka';

/** Kafka's numbers of the operations. */
const OPERATIONS = { Read: 3, Write: 4, Describe: 8, DescribeConfigs: 10 } as const;

/**
 * The rights of the user, without effects. Kafka lists a topic's in its metadata. Groups and transactional ids have a
 * request that no right but the tested one refuses, and that nothing comes of: a heartbeat of an unknown member, and
 * the end of a transaction of an unknown producer.
 */
export function kafkaRights(kafka: Kafka, clock: Clock): Rights {
  const cluster = openCluster(kafka);
  return {
    async lacking(rights) {
      const topics = new Set(rights.flatMap(({ resource, name }) => (resource === 'topic' ? [name] : [])));
      const metadata = await cluster.topicMetadata([...topics]);
      const lacks = async (right: Right): Promise<boolean> => {
        if (right.resource !== 'topic') return isRefused(cluster, clock, right);
        const operations = metadata?.get(right.name)?.operations;
        return operations !== undefined && (operations & (1 << OPERATIONS[right.operation])) === 0;
      };
      const lacked = await Promise.all(rights.map(lacks));
      return rights.filter((_, index) => lacked[index]);
    },
    close: cluster.close,
  };
}

/** Whether Kafka refuses a request that takes this right of a group or a transactional id. */
async function isRefused(cluster: KafkaCluster, clock: Clock, right: Right): Promise<boolean> {
  const of = { kind: right.resource === 'group' ? 'group' : 'transaction', id: right.name } as const;
  // To find the coordinator takes Describe.
  const request = (coordinator: BrokerInside): Promise<unknown> => {
    if (right.operation === 'Describe') return Promise.resolve();
    return right.resource === 'group'
      ? heartbeat(coordinator, right.name)
      : endOfTransaction(coordinator, right.name);
  };
  try {
    await onceCreated(clock, () => cluster.askCoordinator(of, request));
    return false;
  } catch (error) {
    const type = refusalOf(error)?.type;
    if (type === undefined) throw error;
    // Any other refusal is that of an authorized request: Kafka tests the rights first.
    return type.endsWith('_AUTHORIZATION_FAILED');
  }
}

const heartbeat = (coordinator: BrokerInside, groupId: string): Promise<unknown> =>
  coordinator.heartbeat({ groupId, memberId: 'unknown', groupGenerationId: 0 });

/** No producer has this id, so that no transaction is ended. */
const NO_PRODUCER = { producerId: '-1', producerEpoch: -1 };

const endOfTransaction = (coordinator: BrokerInside, transactionalId: string): Promise<unknown> =>
  coordinator.endTxn({ transactionalId, ...NO_PRODUCER, transactionResult: false });
