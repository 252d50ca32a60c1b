// A mail transfer agent's side in plain kafkajs: reports two messages as relayed, one of them as delivered. The rules are
// those of docs/records.md: the key is the messageId, the partition is the one that Kafka's default partitioner gives.
//
//   npm install kafkajs @kafkajs/confluent-schema-registry
//   efs setup
//   node examples/producer.mjs
import { randomUUID } from 'node:crypto';
import { SchemaRegistry } from '@kafkajs/confluent-schema-registry';
import kafkajs from 'kafkajs';

const { EFS_KAFKA_BROKERS = 'localhost:9092', EFS_TOPIC_PREFIX = '' } = process.env;
const registry = new SchemaRegistry({ host: process.env.EFS_SCHEMA_REGISTRY_URL ?? 'http://localhost:8081' });
const { Kafka, logLevel, Partitioners } = kafkajs;
const kafka = new Kafka({ brokers: EFS_KAFKA_BROKERS.split(','), logLevel: logLevel.ERROR });
// The murmur2 of the Java client, which efs checks (EFS_PARTITIONER). A record that comes twice changes nothing.
const producer = kafka.producer({ createPartitioner: Partitioners.DefaultPartitioner });

/** Sends one record, written with the newest schema of its topic; `efs setup` has registered one. */
async function report(topic, feedback) {
  const id = await registry.getLatestSchemaId(`${EFS_TOPIC_PREFIX}${topic}-value`);
  const value = await registry.encode(id, { eventId: randomUUID(), ...feedback });
  await producer.send({
    topic: EFS_TOPIC_PREFIX + topic,
    messages: [{ key: feedback.messageId, value }],
  });
}

const relayedAt = Date.now();
const message = (messageId) => ({ messageId, deliveryId: 'spring-sale', recipientDomain: 'example.com' });

await producer.connect();
for (const id of ['m1', 'm2']) {
  await report('mta.relayed', { ...message(id), occurredAt: relayedAt, policy: 'EFS' });
}
await report('mta.delivered', { ...message('m1'), occurredAt: relayedAt + 1_000, relayedAt });
await producer.disconnect();
console.log('reported 2 messages of spring-sale as relayed, m1 as delivered');
