// A service with kafkajs and ioredis as one writes it in a day, done well: batches, a cached resolver per schema id, pipelined
// reads and writes, counters per delivery in Redis, one KPI record per delivery and batch. It guarantees nothing: a crash
// or a rebalance counts twice or not at all, and a message's status depends on the order of arrival.
//   BROKERS, TOPICS (comma-separated, in the order of KINDS), REGISTRY, REDIS, OUTPUT, RECORDS in the environment;
//   prints { seconds, cpuSeconds, rss } from joining the group to the last KPI record acknowledged.
import avsc from 'avsc';
import { Redis } from 'ioredis';
import { Kafka, logLevel, Partitioners } from 'kafkajs';

const { BROKERS, TOPICS, REGISTRY, REDIS, OUTPUT, RECORDS } = process.env;
const topics = TOPICS.split(',');
const KINDS = ['relayed', 'delivered', 'hardBounced', 'softBounced', 'retryOutcome', 'complained'];
const wanted = Number(RECORDS);

const redis = new Redis(REDIS);
const kafka = new Kafka({ clientId: 'peer', brokers: BROKERS.split(','), logLevel: logLevel.ERROR });
const consumer = kafka.consumer({ groupId: `peer-${process.pid}`, maxBytesPerPartition: 1 << 20 });
const producer = kafka.producer({ createPartitioner: Partitioners.DefaultPartitioner });

const types = new Map();
function typeOf(id) {
  if (!types.has(id)) types.set(id, fetchType(id));
  return types.get(id);
}
async function fetchType(id) {
  const answer = await fetch(`${REGISTRY}/schemas/ids/${id}`);
  return answer.ok ? avsc.Type.forSchema(JSON.parse((await answer.json()).schema)) : null;
}

/** A record's feedback, or null where it cannot be decoded: a complete service would dead-letter such records. */
async function decode({ value }) {
  if (value === null || value.length < 5 || value[0] !== 0) return null;
  const type = await typeOf(value.readInt32BE(1));
  try {
    return type?.fromBuffer(value.subarray(5)) ?? null;
  } catch {
    return null;
  }
}

const FAILURES = ['hardBounced', 'FAILED', 'EXPIRED'];

/** The status that a message has after a feedback. */
function statusAfter(before, kind, feedback) {
  const outcome = kind === 'retryOutcome' ? feedback.outcome : kind;
  if (FAILURES.includes(outcome)) return 'FAILED';
  if (outcome === 'delivered' || outcome === 'SUCCEEDED') return before === 'FAILED' ? before : 'SENT';
  return before ?? 'TAKEN_INTO_ACCOUNT';
}

async function handle(kind, messages) {
  const feedbacks = [];
  for (const message of messages) {
    const feedback = await decode(message);
    if (feedback !== null) feedbacks.push(feedback);
  }
  const byDelivery = groupByDelivery(feedbacks);
  const reads = redis.pipeline();
  for (const [delivery, list] of byDelivery) {
    reads.hmget(`peer:${delivery}`, ...list.map((each) => each.messageId));
  }
  const known = await reads.exec();
  const writes = redis.pipeline();
  const deliveries = [...byDelivery];
  deliveries.forEach(([delivery, list], index) => {
    const counts = {};
    const statuses = new Map();
    list.forEach((feedback, at) => {
      const before = statuses.get(feedback.messageId) ?? known[index][1][at];
      const after = statusAfter(before, kind, feedback);
      if (after === before) return;
      if (before !== null) counts[before] = (counts[before] ?? 0) - 1;
      counts[after] = (counts[after] ?? 0) + 1;
      statuses.set(feedback.messageId, after);
    });
    if (statuses.size > 0) writes.hset(`peer:${delivery}`, ...[...statuses].flat());
    for (const [status, count] of Object.entries(counts))
      writes.hincrby(`peer-kpi:${delivery}`, status, count);
    writes.hgetall(`peer-kpi:${delivery}`);
  });
  const written = await writes.exec();
  const kpis = written.map(([, reply]) => reply).filter((reply) => typeof reply === 'object');
  await producer.send({
    topic: OUTPUT,
    messages: deliveries.map(([key], index) => ({ key, value: JSON.stringify(kpis[index]) })),
  });
}

function groupByDelivery(feedbacks) {
  const groups = new Map();
  for (const each of feedbacks) {
    const group = groups.get(each.deliveryId);
    if (group === undefined) groups.set(each.deliveryId, [each]);
    else group.push(each);
  }
  return groups;
}

await producer.connect();
await consumer.connect();
await consumer.subscribe({ topics, fromBeginning: true });
let begun = 0;
let before;
consumer.on(consumer.events.GROUP_JOIN, () => {
  begun = performance.now();
  before = process.cpuUsage();
});
let seen = 0;
await new Promise((resolve) => {
  void consumer.run({
    autoCommitInterval: 5_000,
    partitionsConsumedConcurrently: 20,
    eachBatch: async ({ batch }) => {
      await handle(KINDS[topics.indexOf(batch.topic)], batch.messages);
      seen += batch.messages.length;
      if (seen >= wanted) resolve();
    },
  });
});
const { user, system } = process.cpuUsage(before);
const seconds = (performance.now() - begun) / 1000;
const rss = process.resourceUsage().maxRSS * 1024;
console.log(JSON.stringify({ seconds, cpuSeconds: (user + system) / 1e6, rss }));
process.exit(0);
