import { type Admin, AssignerProtocol, type Kafka } from 'kafkajs';
import { kafkaFailure } from './failure.kafka';
import type { Groups } from '../log/groups';

/** Groups through kafkajs' admin client. Connects for each call: calls are few. */
export function kafkaGroups(kafka: Kafka): Groups {
  const asked = async <T>(ask: (admin: Admin) => Promise<T>): Promise<T> => {
    const admin = kafka.admin();
    try {
      await admin.connect();
      return await ask(admin);
    } catch (error) {
      throw kafkaFailure(error);
    } finally {
      await admin.disconnect().catch(() => undefined);
    }
  };
  return {
    members: (groupId) =>
      asked(async (admin) => {
        const { groups } = await admin.describeGroups([groupId]);
        const [group] = groups;
        if (group?.state.endsWith('Rebalance')) return null;
        return (group?.members ?? []).map(({ clientId, clientHost, memberMetadata }) => ({
          clientId,
          host: clientHost,
          topics: topicsIn(memberMetadata),
        }));
      }),
    committed: (groupId, topic) =>
      asked(async (admin) => {
        const [found] = await admin.fetchOffsets({ groupId, topics: [topic] });
        return new Map(
          (found?.partitions ?? []).map(({ partition, offset, metadata }) => [
            partition,
            Number(offset) < 0 ? null : { offset: Number(offset), metadata: metadata ?? '' },
          ]),
        );
      }),
  };
}

/** The topics in a member's metadata. */
export function topicsIn(metadata: Buffer): readonly string[] {
  try {
    return AssignerProtocol.MemberMetadata.decode(metadata)?.topics ?? [];
  } catch {
    return []; // Not the metadata of a consumer.
  }
}
