// A dashboard's reader of efs.delivery-kpi in plain kafkajs: keeps the newest KPIs of every delivery, and prints a line
// whenever one changes. The rules are those of docs/records.md, "Reading the topic correctly".
//
//   npm install kafkajs @kafkajs/confluent-schema-registry
//   node examples/subscriber.mjs
import { randomUUID } from 'node:crypto';
import { SchemaRegistry } from '@kafkajs/confluent-schema-registry';
import kafkajs from 'kafkajs';

const { EFS_KAFKA_BROKERS = 'localhost:9092', EFS_TOPIC_PREFIX = '' } = process.env;
const registry = new SchemaRegistry({ host: process.env.EFS_SCHEMA_REGISTRY_URL ?? 'http://localhost:8081' });

/** The newest record of each delivery. */
const deliveries = new Map();

/** Whether a record says more than the one that is known: a later generation, or a later revision of the same. */
const isNewer = (record, known) =>
  known === undefined ||
  record.generation > known.generation ||
  (record.generation === known.generation && record.revision > known.revision);

async function take(value) {
  if (value === null) return;
  const record = await registry.decode(value);
  if (!isNewer(record, deliveries.get(record.deliveryId))) return; // seen before: records may come twice
  deliveries.set(record.deliveryId, record);
  // The KPIs are complete as they stand; nothing is ever added up over records.
  const { deliveryId, policy, kpis } = record;
  const success = kpis.success === null ? 'not yet' : `${(100 * kpis.success).toFixed(1)} %`;
  console.log(`${deliveryId} ${policy} success ${success} relayed ${kpis.relayed} failed ${kpis.failed}`);
}

// A group of its own and no committed offsets: whoever shows everything has to read everything at each start, and the
// compacted topic is small. kafkajs leaves out what aborted transactions wrote unless it is told otherwise.
const { Kafka, logLevel } = kafkajs;
const kafka = new Kafka({ brokers: EFS_KAFKA_BROKERS.split(','), logLevel: logLevel.ERROR });
const consumer = kafka.consumer({ groupId: `dashboard-${randomUUID()}`, maxWaitTimeInMs: 250 });
await consumer.connect();
await consumer.subscribe({ topic: `${EFS_TOPIC_PREFIX}efs.delivery-kpi`, fromBeginning: true });
await consumer.run({ autoCommit: false, eachMessage: ({ message }) => take(message.value) });

for (const signal of ['SIGINT', 'SIGTERM']) {
  process.once(signal, () => void consumer.disconnect().then(() => process.exit(0)));
}
