import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { systemClock } from '../../src/base/clock';
import { kafkaClient } from '../../src/kafka/client.kafka';
import { feedbackDecoder } from '../../src/feedback/decode';
import { kafkaReader } from '../../src/kafka/reader.kafka';
import { confluentRegistry } from '../../src/avro/registry.confluent';
import type { LogRecord } from '../../src/log/source';
import { FEEDBACK_TOPICS } from '../../src/feedback/topics';
import { efs } from '../cli/process';
import { describeWithServers } from '../servers/servers';

const EXAMPLE = join(__dirname, '..', '..', 'examples', 'producer.mjs');
const PARTITIONS = 4;

describeWithServers(['kafka', 'registry'], 'the example producer', (servers) => {
  test('writes feedback that the service accepts: keys, partitions and every field', async () => {
    const prefix = `producer-${randomBytes(4).toString('hex')}.`;
    const settings = {
      EFS_KAFKA_BROKERS: servers.kafkaBrokers.join(','),
      EFS_SCHEMA_REGISTRY_URL: servers.registryUrl,
      EFS_TOPIC_PREFIX: prefix,
    };
    expect((await efs(['setup', '--partitions', String(PARTITIONS)], settings)).exitCode).toBe(0);
    const { stdout } = await promisify(execFile)(process.execPath, [EXAMPLE], {
      env: { ...process.env, ...settings },
    });
    expect(stdout).toContain('reported 2 messages of spring-sale as relayed, m1 as delivered\n');

    const reader = kafkaReader(kafkaClient({ brokers: servers.kafkaBrokers, clientId: 'test' }), systemClock);
    const decode = feedbackDecoder({
      registry: confluentRegistry({ url: servers.registryUrl, timeoutMs: 10_000 }),
      clock: systemClock,
      limits: { maxValueBytes: 1_000, maxHeaders: 1 },
      topics: FEEDBACK_TOPICS,
      partitioner: 'murmur2',
      partitions: PARTITIONS,
    });
    const delivered: unknown[] = [];
    for (const [index, { topic }] of FEEDBACK_TOPICS.entries()) {
      for (let partition = 0; partition < PARTITIONS; partition++) {
        const records: LogRecord[] = [];
        await reader.read(prefix + topic, partition, (record) =>
          records.push({ ...record, topic: index, partition }),
        );
        const { inputs, rejected } = await decode(records);
        delivered.push(...inputs);
        expect(rejected).toEqual([]);
      }
    }
    await reader.close();
    const about = { deliveryId: 'spring-sale', recipientDomain: 'example.com' };
    const relayed = { kind: 'Relayed', ...about, policy: 'EFS', validityPeriodMs: null, deliverySize: null };
    expect(delivered).toHaveLength(3);
    expect(delivered).toEqual(
      expect.arrayContaining([
        expect.objectContaining({ ...relayed, messageId: 'm1' }),
        expect.objectContaining({ ...relayed, messageId: 'm2' }),
        expect.objectContaining({ kind: 'Delivered', ...about, messageId: 'm1', attempt: 1 }),
      ]),
    );
  });
});
