import type { Admin } from 'kafkajs';
import { systemClock } from '../../src/base/clock';
import { kafkaClient } from '../../src/kafka/client.kafka';
import { kafkaCommittedOffset, kafkaReader } from '../../src/kafka/reader.kafka';
import { kafkaTransactionalSinks } from '../../src/kafka/transactional-sink.kafka';
import { untilDone } from './kafka-world';
import { type KafkaServer, startKafka } from '../servers/kafka';
import { describeWithServers } from '../servers/servers';
import { outgoing } from '../log/sink.contract';

/** Two partitions led by brokers 1 and 2. Moving the second to broker 1 takes broker 2 out of its replicas. */
async function createOut(admin: Admin): Promise<void> {
  const replicaAssignment = [
    { partition: 0, replicas: [1, 3] },
    { partition: 1, replicas: [2, 1] },
  ];
  await admin.createTopics({ waitForLeaders: false, topics: [{ topic: 'out', replicaAssignment }] });
  await admin.createTopics({ waitForLeaders: false, topics: [{ topic: 'in', numPartitions: 3 }] });
  await untilDone(() => leaderOf(admin, 1, 2));
}

async function leaderOf(admin: Admin, partition: number, broker: number): Promise<void> {
  const { topics } = await admin.fetchTopicMetadata({ topics: ['out'] });
  const leader = topics[0]?.partitions.find(({ partitionId }) => partitionId === partition)?.leader;
  if (leader !== broker) throw new Error(`partition ${partition} is led by ${leader}`);
}

describeWithServers(['own-kafka'], 'a transactional sink on three brokers', () => {
  let servers: KafkaServer | undefined;
  beforeAll(async () => {
    servers = await startKafka({ brokers: 3 });
  }, 90_000);
  afterAll(() => servers?.stop());

  test('it acknowledges only records that are in the log when a leader moves between two emits', async () => {
    const kafka = kafkaClient({ brokers: servers?.brokers ?? [], clientId: 'efs-test' });
    const admin = kafka.admin();
    await admin.connect();
    await createOut(admin);
    const reader = kafkaReader(kafka, systemClock);
    const committedOffset = kafkaCommittedOffset(kafka);
    const valuesOf = (partition: number): Promise<string[]> =>
      untilDone(async () => {
        const values: string[] = [];
        await reader.read('out', partition, ({ value }) => values.push(String(value)));
        return values;
      });
    const sinks = kafkaTransactionalSinks(kafka, { clock: systemClock, group: 'g' });
    const open = () => untilDone(() => sinks.open('task-1'));
    const emitted = ['a', 'b', 'c'];

    let sink = await open();
    for (const [index, value] of emitted.entries()) {
      if (value === 'b') {
        await admin.alterPartitionReassignments({
          topics: [{ topic: 'out', partitionAssignment: [{ partition: 1, replicas: [1, 3] }] }],
        });
        await untilDone(() => leaderOf(admin, 1, 1));
      }
      const emit = () =>
        sink.emit([outgoing(0, value), outgoing(1, value)], {
          ...{ topic: 'in', partition: 1, offset: index, metadata: value },
        });
      while ((await emit()) !== 'acknowledged') {
        await sink.close();
        sink = await open();
        // Nothing unacknowledged is committed, nor its checkpoint: here every refusal precedes the end of the transaction.
        const checkpoint = await committedOffset('g', 'in', 1);
        expect([await valuesOf(0), await valuesOf(1)]).toEqual([
          emitted.slice(0, index),
          emitted.slice(0, index),
        ]);
        expect(checkpoint?.offset ?? -1).toBe(index - 1);
      }
    }
    await sink.close();
    sink = await open();
    expect([await valuesOf(0), await valuesOf(1)]).toEqual([emitted, emitted]);
    expect(await committedOffset('g', 'in', 1)).toEqual({ offset: 2, metadata: 'c' });
    await Promise.all([sink.close(), reader.close(), admin.disconnect()]);
  });
});
