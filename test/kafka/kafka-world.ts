import { randomUUID } from 'node:crypto';
import { type Admin, type Kafka, Partitioners } from 'kafkajs';
import { systemClock } from '../../src/base/clock';
import { kafkaClient } from '../../src/kafka/client.kafka';
import { kafkaReader } from '../../src/kafka/reader.kafka';
import type { Source } from '../../src/log/source';
import {
  kafkaSource,
  type KafkaSourceOptions,
  SOURCE_LIMITS,
  type SourceLimits,
} from '../../src/kafka/source.kafka';
import { kafkaSink } from '../../src/kafka/sink.kafka';
import type { SourceWorld } from '../log/source.contract';

/** Limits for tests: the group removes a dead member within seconds. */
export const TEST_LIMITS: SourceLimits = {
  ...SOURCE_LIMITS,
  group: {
    sessionTimeoutMs: 6_000,
    heartbeatIntervalMs: 300,
    rebalanceTimeoutMs: 6_000,
  },
};

/** Creates topics and waits until every partition has a leader: brokers get new metadata one after the other. */
export async function createTopics(
  admin: Admin,
  topics: readonly string[],
  partitions: number,
  config: Readonly<Record<string, string>> = {},
): Promise<void> {
  const configEntries = Object.entries(config).map(([name, value]) => ({ name, value }));
  await admin.createTopics({
    topics: topics.map((topic) => ({ topic, numPartitions: partitions, configEntries })),
    waitForLeaders: false,
  });
  await untilDone(() => admin.fetchTopicOffsets(topics.at(-1) ?? ''));
  await untilDone(() => Promise.all(topics.map((topic) => admin.fetchTopicOffsets(topic))));
}

/** Retries until it succeeds, for at most half a minute. */
export async function untilDone<T>(attempt: () => Promise<T>): Promise<T> {
  for (const began = Date.now(); ;) {
    try {
      return await attempt();
    } catch (error) {
      if (Date.now() - began > 30_000) throw error;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
}

export interface KafkaWorld extends SourceWorld {
  readonly kafka: Kafka;
  readonly admin: Admin;
  readonly groupId: string;
  member(options?: Partial<KafkaSourceOptions>): Source;
}

/** New topics and a new group on a running Kafka. */
export async function kafkaWorld(
  brokers: readonly string[],
  count = 4,
  config: Readonly<Record<string, string>> = {},
): Promise<KafkaWorld> {
  const kafka = kafkaClient({ brokers: [...brokers], clientId: 'efs-test' });
  const admin = kafka.admin();
  await admin.connect();
  const prefix = `t${randomUUID().slice(0, 8)}.`;
  const names = ['a', 'b', 'c'];
  const topics = names.map((name) => prefix + name);
  const groupId = `${prefix}group`;
  await createTopics(admin, topics, count, config);
  const sink = kafkaSink(kafka, { clock: systemClock, prefix });
  const closing: (() => Promise<unknown>)[] = [() => sink.close()];
  const member = (options: Partial<KafkaSourceOptions> = {}): Source => {
    const source = kafkaSource({
      kafka,
      topics,
      groupId,
      clock: systemClock,
      limits: TEST_LIMITS,
      ...options,
    });
    closing.push(() => source.stop());
    return source;
  };

  return {
    kafka,
    admin,
    groupId,
    topics,
    member,
    reader() {
      const reader = kafkaReader(kafka, systemClock);
      closing.push(() => reader.close());
      return reader;
    },
    append: (topic, partition, records) =>
      untilDone(() =>
        sink.emit(records.map((record) => ({ topic: names[topic] ?? '', partition, ...record }))),
      ),
    appendInTransaction: (topic, partition, records) =>
      inTransaction(
        kafka,
        topics[topic] ?? '',
        partition,
        records.map(({ key, value }) => ({ key, value })),
        true,
      ),
    async raiseLow(topic, partition, low) {
      const partitions = [{ partition, offset: String(low) }];
      await admin.deleteTopicRecords({ topic: topics[topic] ?? '', partitions });
    },
    removed: async () => undefined,
    async broken(how) {
      if (how === 'uneven') await createTopics(admin, [`${prefix}other`], count + 1);
      return member({ topics: [...topics.slice(1), `${prefix}other`] });
    },
    async close() {
      await Promise.all(closing.map((close) => close()));
      await admin.disconnect();
    },
  };
}

/** Appends in one transaction and waits until it has ended in the log; aborts it where `commit` is false. */
export async function inTransaction(
  kafka: Kafka,
  topic: string,
  partition: number,
  records: readonly { key: Buffer | null; value: Buffer | null }[],
  commit: boolean,
): Promise<void> {
  const transactionalId = randomUUID();
  const open = async () => {
    const producer = kafka.producer({
      transactionalId,
      idempotent: true,
      maxInFlightRequests: 1,
      createPartitioner: Partitioners.DefaultPartitioner,
    });
    await producer.connect();
    return producer;
  };
  const producer = await open();
  const transaction = await producer.transaction();
  await transaction.send({ topic, messages: records.map((record) => ({ ...record, partition })) });
  await (commit ? transaction.commit() : transaction.abort());
  await producer.disconnect();
  // Markers are written after the answer; the first transaction of another producer of this id waits for them.
  const next = await open();
  await next.transaction();
  await next.disconnect();
}
