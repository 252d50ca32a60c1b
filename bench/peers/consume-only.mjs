// Plain kafkajs that reads topics to their end and does nothing with the records: the cost of the client alone.
//   BROKERS, TOPICS (comma-separated), RECORDS in the environment; prints { seconds, cpuSeconds, rss } from joining the
// group to the last record.
import { Kafka, logLevel } from 'kafkajs';

const { BROKERS, TOPICS, RECORDS } = process.env;
const kafka = new Kafka({ clientId: 'peer', brokers: BROKERS.split(','), logLevel: logLevel.ERROR });
const consumer = kafka.consumer({ groupId: `peer-${process.pid}`, maxBytesPerPartition: 1 << 20 });
const wanted = Number(RECORDS);

await consumer.connect();
await consumer.subscribe({ topics: TOPICS.split(','), fromBeginning: true });
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
      seen += batch.messages.length;
      if (seen >= wanted) resolve();
    },
  });
});
const { user, system } = process.cpuUsage(before);
const seconds = (performance.now() - begun) / 1000;
const rss = process.resourceUsage().maxRSS * 1024;
console.log(JSON.stringify({ seconds, cpuSeconds: (user + system) / 1e6, rss }));
await consumer.disconnect();
