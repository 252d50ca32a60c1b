import { randomUUID } from 'node:crypto';
import { systemClock } from '../../src/base/clock';
import { kafkaClient } from '../../src/kafka/client.kafka';
import type { Codec } from '../../src/kafka/codecs.kafka';
import { kafkaCommittedOffset, kafkaReader } from '../../src/kafka/reader.kafka';
import { kafkaTransactionalSinks } from '../../src/kafka/transactional-sink.kafka';
import { kafkaSink } from '../../src/kafka/sink.kafka';
import { createTopics, untilDone } from './kafka-world';
import { describeWithServers } from '../servers/servers';
import { processorMs } from '../support/bounds';
import { outgoing, sinkContract, type SinkWorld, type Written } from '../log/sink.contract';

async function kafkaWorld(brokers: string[], compression: Codec = 'off'): Promise<SinkWorld> {
  const kafka = kafkaClient({ brokers, clientId: 'efs-test' });
  const prefix = `t${randomUUID().slice(0, 8)}.`;
  const group = `${prefix}group`;
  const checkpointTopic = `${prefix}in`;
  const admin = kafka.admin();
  await admin.connect();
  await createTopics(admin, [`${prefix}out`, checkpointTopic], 3);
  await admin.disconnect();
  const reader = kafkaReader(kafka, systemClock);
  const sinks = [kafkaSink(kafka, { clock: systemClock, prefix, compression })];
  for (const partition of [0, 1, 2]) await untilDone(() => reader.watermarks(`${prefix}out`, partition));
  const committedOffset = kafkaCommittedOffset(kafka);
  // A broker that had no groups so far is still creating its offsets topic.
  await untilDone(() => committedOffset(group, checkpointTopic, 0));
  return {
    sink() {
      const sink = kafkaSink(kafka, { clock: systemClock, prefix, compression });
      sinks.push(sink);
      return sink;
    },
    transactionalSinks() {
      const sinks = kafkaTransactionalSinks(kafka, {
        clock: systemClock,
        group,
        prefix,
        compression,
      });
      // A broker that had no transactions so far is still creating its transaction log.
      return { open: (name) => untilDone(() => sinks.open(name)) };
    },
    committedOffset,
    group,
    checkpointTopic,
    async written(partition) {
      const written: Written[] = [];
      await reader.read(`${prefix}out`, partition, (record) =>
        written.push({
          key: record.key?.toString() ?? null,
          value: record.value?.toString() ?? null,
          timestamp: record.timestamp,
          headers: record.headers(),
        }),
      );
      return written;
    },
    async close() {
      await Promise.all([reader.close(), ...sinks.map((sink) => sink.close())]);
    },
  };
}

describeWithServers(['kafka'], 'compressing sinks on Kafka', (servers) => {
  sinkContract(() => kafkaWorld(servers.kafkaBrokers, 'zstd'));
});

describeWithServers(['kafka'], 'sinks on Kafka', (servers) => {
  sinkContract(() => kafkaWorld(servers.kafkaBrokers));

  test('a record of 5,000 headers and one of 1 MB are written in 400 ms of processor time', async () => {
    const world = await kafkaWorld(servers.kafkaBrokers);
    const sink = world.sink();
    await sink.emit([outgoing(0, 'first')]);
    const headers = Array.from({ length: 5_000 }, (_, index) => ({
      name: Buffer.from(`h${index}`),
      value: index % 7 === 0 ? null : Buffer.from(`${index}`),
    }));
    const spent = await processorMs(async () => {
      await sink.emit([{ ...outgoing(0, 'bomb'), headers }]);
      await sink.emit([{ ...outgoing(0, 'large'), value: Buffer.alloc(1_000_000, 'x') }]);
    });
    expect(spent).toBeLessThan(400);
    const [, bomb, large] = await world.written(0);
    expect(bomb?.headers).toEqual(headers);
    expect(large?.value).toHaveLength(1_000_000);
    await world.close();
  });
});
