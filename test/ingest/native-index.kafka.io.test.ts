import { randomUUID } from 'node:crypto';
import { systemClock } from '../../src/base/clock';
import { INGEST_INDEX_TOPIC } from '../../src/feedback/topics';
import { kafkaClient } from '../../src/kafka/client.kafka';
import { kafkaReader } from '../../src/kafka/reader.kafka';
import { kafkaSink } from '../../src/kafka/sink.kafka';
import { createTopics } from '../kafka/kafka-world';
import { describeWithServers } from '../servers/servers';
import { nativeIndexContract } from './native-index.contract';

describeWithServers(['kafka'], 'the index of native ids on Kafka', (servers) => {
  nativeIndexContract(async () => {
    const kafka = kafkaClient({ brokers: servers.kafkaBrokers, clientId: 'efs-test' });
    const prefix = `t${randomUUID().slice(0, 8)}.`;
    const admin = kafka.admin();
    await admin.connect();
    await createTopics(admin, [prefix + INGEST_INDEX_TOPIC], 4, { 'cleanup.policy': 'compact,delete' });
    await admin.disconnect();
    const closing: (() => Promise<void>)[] = [];
    const opened = <T extends { close(): Promise<void> }>(each: T): T => {
      closing.push(() => each.close());
      return each;
    };
    return {
      prefix,
      sink: () => opened(kafkaSink(kafka, { clock: systemClock, prefix })),
      reader: () => opened(kafkaReader(kafka, systemClock)),
      close: async () => void (await Promise.all(closing.map((close) => close()))),
    };
  });
});
