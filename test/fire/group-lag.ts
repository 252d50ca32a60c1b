import { groupOf } from '../../src/app/compose';
import { CONTRIBUTIONS_TOPIC, FEEDBACK_TOPICS } from '../../src/feedback/topics';
import { kafkaClient } from '../../src/kafka/client.kafka';
import { kafkaGroups } from '../../src/kafka/groups.kafka';
import type { Stage } from './stage';

const TOPICS = {
  status: FEEDBACK_TOPICS.map(({ topic }) => topic),
  kpi: [CONTRIBUTIONS_TOPIC],
} as const;

/** How far a consumer group is behind by its offsets, as lag tools and autoscalers count it: no offset counts as the beginning. */
export async function groupLag(stage: Stage, pipeline: keyof typeof TOPICS): Promise<number> {
  const groupId = groupOf(
    { groupId: stage.settings['EFS_GROUP_ID'] ?? '', topicPrefix: stage.prefix },
    pipeline,
  );
  const groups = kafkaGroups(kafkaClient({ brokers: stage.addresses.kafkaBrokers, clientId: 'test' }));
  let lag = 0;
  for (const topic of TOPICS[pipeline]) {
    const committed = await groups.committed(groupId, stage.prefix + topic);
    for (let partition = 0; partition < stage.partitions; partition += 1) {
      const end = await stage.reader.highWatermark(stage.prefix + topic, partition);
      lag += end - (committed.get(partition)?.offset ?? 0);
    }
  }
  return lag;
}
