// A dashboard's reader of efs.delivery-kpi in plain kafkajs: keeps the newest KPIs of every delivery, and prints a line
// whenever one changes. The rules are those of docs/records.md, "Reading the topic correctly".
//
//   npm install kafkajs avsc
//   node examples/subscriber.mjs
import { randomUUID } from 'node:crypto';
import avsc from 'avsc';
import kafkajs from 'kafkajs';

const brokers = (process.env.EFS_KAFKA_BROKERS ?? 'localhost:9092').split(',');
const registry = (process.env.EFS_SCHEMA_REGISTRY_URL ?? 'http://localhost:8081').replace(/\/+$/, '');
const topic = `${process.env.EFS_TOPIC_PREFIX ?? ''}efs.delivery-kpi`;

/** Types by the id in front of a value; ids never change their meaning. */
const types = new Map();

async function decode(value) {
  const id = value.readInt32BE(1); // after a zero byte
  if (!types.has(id)) {
    const response = await fetch(`${registry}/schemas/ids/${id}`);
    if (!response.ok) throw new Error(`the registry answers ${response.status} for schema ${id}`);
    types.set(id, avsc.Type.forSchema(JSON.parse((await response.json()).schema), { wrapUnions: false }));
  }
  return types.get(id).fromBuffer(value.subarray(5));
}

/** The newest record of each delivery. */
const deliveries = new Map();

/** Whether a record says more than the one that is known: a later generation, or a later revision of the same. */
const isNewer = (record, known) =>
  known === undefined ||
  record.generation > known.generation ||
  (record.generation === known.generation && record.revision > known.revision);

async function take(value) {
  if (value === null) return;
  const record = await decode(value);
  if (!isNewer(record, deliveries.get(record.deliveryId))) return; // seen before: records may come twice
  deliveries.set(record.deliveryId, record);
  // The KPIs are complete as they stand; nothing is ever added up over records.
  const { policy, kpis } = record;
  const success = kpis.success === null ? 'not yet' : `${(100 * kpis.success).toFixed(1)} %`;
  console.log(
    `${record.deliveryId} ${policy} success ${success} relayed ${kpis.relayed} failed ${kpis.failed}`,
  );
}

// A group of its own and no committed offsets: whoever shows everything has to read everything at each start, and the
// compacted topic is small. kafkajs leaves out what aborted transactions wrote unless it is told otherwise.
const kafka = new kafkajs.Kafka({ clientId: 'dashboard', brokers, logLevel: kafkajs.logLevel.ERROR });
const consumer = kafka.consumer({ groupId: `dashboard-${randomUUID()}`, maxWaitTimeInMs: 250 });
await consumer.connect();
await consumer.subscribe({ topic, fromBeginning: true });
await consumer.run({ autoCommit: false, eachMessage: ({ message }) => take(message.value) });

for (const signal of ['SIGINT', 'SIGTERM']) {
  process.once(signal, () => void consumer.disconnect().then(() => process.exit(0)));
}
