import { Kafka, logLevel } from 'kafkajs';
import { systemClock } from '../../src/base/clock';
import { kafkaTopicAdmin } from '../../src/kafka/admin.kafka';
import { confluentRegistry } from '../../src/avro/registry.confluent';
import { schemaIds, TOPIC_SCHEMAS, WRITTEN_RECORDS } from '../../src/feedback/schemas';
import { SETUP_TOPICS } from '../../src/feedback/topics';
import { setup } from '../../src/service/setup';
import { untilDone } from '../kafka/kafka-world';
import { describeWithServers } from '../servers/servers';

const WEEK_MS = 7 * 86_400_000;
const KEPT = { inputRetentionMs: 40 * 86_400_000, brokers: ['kafka:9092'] };

describeWithServers(['kafka', 'registry'], 'set-up on real servers', (servers) => {
  const prefix = `setup-${process.pid}-${Date.now()}.`;
  const connect = () => {
    const kafka = new Kafka({ brokers: servers.kafkaBrokers, logLevel: logLevel.NOTHING });
    const admin = kafkaTopicAdmin(kafka, systemClock);
    const registrar = confluentRegistry({ url: servers.registryUrl, timeoutMs: 10_000 });
    return { kafka, admin, registrar };
  };

  it('creates everything once, and changes nothing the second time', async () => {
    const { admin, registrar } = connect();
    const options = { admin, registrar, prefix, partitions: 3, ...KEPT };
    const first = await setup(options);
    expect(new Set(first.map(({ outcome }) => outcome))).toEqual(new Set(['created']));
    expect(first).toHaveLength(SETUP_TOPICS.length + 2 * TOPIC_SCHEMAS.length);
    const facts = await admin.describe(SETUP_TOPICS.map((topic) => prefix + topic));
    expect(facts.get(`${prefix}mta.relayed`)).toEqual({
      partitions: 3,
      cleanupPolicy: 'delete',
      retentionMs: KEPT.inputRetentionMs,
      retentionBytes: -1,
      maxMessageBytes: 1_048_588,
      replicas: 1,
      inSync: 1,
      minInSync: 1,
    });
    expect(facts.get(`${prefix}efs.delivery-kpi`)).toMatchObject({ partitions: 3, cleanupPolicy: 'compact' });

    const second = await setup(options);
    expect(new Set(second.map(({ outcome }) => outcome))).toEqual(new Set(['unchanged']));
    expect(second.map(({ name, detail }) => [name, detail])).toEqual(
      first.map(({ name, detail }) => [name, detail]),
    );
    const ids = await schemaIds(registrar, prefix, WRITTEN_RECORDS);
    expect(new Set(Object.values(ids)).size).toBe(4);
    await admin.close();
  });

  it('completes existing topics, and refuses topics with different numbers of partitions', async () => {
    const { kafka, admin, registrar } = connect();
    const raw = kafka.admin();
    await raw.connect();
    const other = `other-${prefix}`;
    const relayed = {
      name: `${other}mta.relayed`,
      partitions: 2,
      replicationFactor: 1,
      config: { 'retention.ms': String(WEEK_MS) },
    };
    await admin.create([relayed]);
    const steps = await setup({ admin, registrar, prefix: other, partitions: 3, ...KEPT });
    expect(steps[0]).toMatchObject({ outcome: 'unchanged', detail: expect.stringContaining('2 partitions') });
    expect(steps[0]?.warning).toContain('keeps only 7 days');
    expect(steps.filter(({ warning }) => warning !== undefined)).toHaveLength(1);
    await raw.createPartitions({ topicPartitions: [{ topic: `${other}mta.relayed`, count: 4 }] });
    // The broker answers before it shows them.
    await untilDone(async () => {
      const name = `${other}mta.relayed`;
      const { partitions } = (await admin.describe([name])).get(name) ?? {};
      if (partitions !== 4) throw new Error(`${name} has ${partitions} partitions`);
    });
    await expect(setup({ admin, registrar, prefix: other, partitions: 3, ...KEPT })).rejects.toMatchObject({
      code: 'topic-unfit',
    });
    await raw.disconnect();
    await admin.close();
  });

  it('distinguishes a refusal by Kafka from an outage', async () => {
    const { admin } = connect();
    const topic = { name: `${prefix}refused`, partitions: 1, replicationFactor: 99, config: {} };
    await expect(admin.create([topic])).rejects.toMatchObject({ code: 'topic-unfit' });
    await admin.close();
    const nowhere = new Kafka({
      brokers: ['127.0.0.1:1'],
      logLevel: logLevel.NOTHING,
      retry: { retries: 0 },
    });
    await expect(kafkaTopicAdmin(nowhere, systemClock).brokers()).rejects.toMatchObject({
      code: 'kafka-unavailable',
    });
  });
});
