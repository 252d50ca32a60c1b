import { randomUUID } from 'node:crypto';
import { Partitioners } from 'kafkajs';
import Encoder from 'kafkajs/src/protocol/encoder';
import { systemClock } from '../../src/base/clock';
import { kafkaClient } from '../../src/kafka/client.kafka';
import { type Codec, CODECS, deflate, loadCodec } from '../../src/kafka/codecs.kafka';
import { kafkaReader } from '../../src/kafka/reader.kafka';
import type { Inbox, LogRecord } from '../../src/log/source';
import { kafkaSource, SOURCE_LIMITS } from '../../src/kafka/source.kafka';
import { openCluster } from '../../src/kafka/cluster.kafka';
import { encodeBatch, encodeProduceRequest } from '../../src/kafka/encode.kafka';
import { kafkaTransactionalSinks } from '../../src/kafka/transactional-sink.kafka';
import { kafkaSink } from '../../src/kafka/sink.kafka';
import type { OutgoingRecord } from '../../src/log/sink';
import { describeWithServers } from '../servers/servers';
import { storedAs } from './batches';
import { createTopics, untilDone } from './kafka-world';

const COMPRESSED = CODECS.filter((codec) => codec !== 'off');
const MIB = 1 << 20;
const FETCH = { maxWaitMs: 100, maxBytes: 8 * MIB, maxBytesPerPartition: 8 * MIB, maxBatchBytes: 64 * MIB };

const record = (topic: string, index: number, partition = 0): OutgoingRecord => ({
  topic,
  partition,
  key: Buffer.from(`message-${index}`),
  value: Buffer.from(`delivery-1 gmail.com ${index}`),
  timestamp: 1_700_000_000_000 + index,
});

// The broker inflates a bomb too, and on a busy machine that holds it up for longer than its session: other files on the same
// broker would lose it.
describeWithServers(['kafka', 'undisturbed'], 'compressed topics', (servers) => {
  const prefix = `t${randomUUID().slice(0, 8)}.`;
  const kafka = kafkaClient({ brokers: servers.kafkaBrokers, clientId: 'efs-test' });
  const admin = kafka.admin();
  const cluster = openCluster(kafka);
  const reader = kafkaReader(kafka, systemClock);
  const plain = kafkaSink(kafka, { clock: systemClock, prefix });

  /** Creates a topic, which the broker compresses with `codec`. */
  const topicOf = async (codec: Codec = 'off', partitions = 1): Promise<string> => {
    const name = randomUUID().slice(0, 8);
    await createTopics(admin, [prefix + name], partitions, {
      ...(codec === 'off' ? {} : { 'compression.type': codec }),
      'max.message.bytes': String(8 * MIB),
    });
    return name;
  };
  const produceBytes = async (topic: string, batch: Buffer, partition = 0): Promise<void> => {
    const at = { topic: prefix + topic, partition };
    const [node] = (await cluster.byLeader([at])).keys();
    const request = { now: 5, producer: null, codec: 'off' } as const;
    const { buffer: body } = encodeProduceRequest(
      [{ ...at, records: [record('', 0)], sequence: 0 }],
      request,
    );
    // The request of an encoded batch, up to the size of the batch.
    const head = body.subarray(0, body.length - encodeBatch([record('', 0)], 5).length);
    head.writeInt32BE(batch.length, head.length - 4);
    await cluster.produce(node ?? 0, new Encoder().writeBuffer(Buffer.concat([head, batch])), [at]);
  };
  const codecsOf = async (topic: string): Promise<Codec[]> => {
    const at = { topic: prefix + topic, partition: 0 };
    const [node] = (await cluster.byLeader([at])).keys();
    const { partitions } = await cluster.fetch(node ?? 0, [{ ...at, offset: 0 }], FETCH);
    return partitions.flatMap(({ batches }) =>
      batches.filter(({ count }) => count > 0).map(({ codec }) => codec),
    );
  };
  const read = async (topic: string): Promise<LogRecord[]> => {
    const records: LogRecord[] = [];
    await reader.read(prefix + topic, 0, (each) => records.push(each));
    return records;
  };
  /** Retries: the marker that ends a transaction is written after its answer. */
  const expectRecords = (topic: string, count: number): Promise<void> =>
    untilDone(async () => {
      const shown = (await read(topic)).map(({ key, value, timestamp }) => `${key} ${value} ${timestamp}`);
      expect(shown).toEqual(
        some(topic, count).map(({ key, value, timestamp }) => `${key} ${value} ${timestamp}`),
      );
    });
  const some = (topic: string, count = 2_000): OutgoingRecord[] =>
    Array.from({ length: count }, (_, index) => record(topic, index));

  beforeAll(async () => {
    await Promise.all([admin.connect(), ...CODECS.map(loadCodec)]);
  });
  afterAll(() => Promise.all([admin.disconnect(), cluster.close(), reader.close(), plain.close()]));

  test.each(COMPRESSED)('the reader reads %s as the broker’s Java library compresses it', async (codec) => {
    const topic = await topicOf(codec);
    await plain.emit(some(topic));
    expect(new Set(await codecsOf(topic))).toEqual(new Set([codec]));
    await expectRecords(topic, 2_000);
  });

  test.each(COMPRESSED)(
    'the broker accepts %s as the sinks compress it, and the reader reads it',
    async (codec) => {
      const topic = await topicOf();
      const sink = kafkaSink(kafka, { clock: systemClock, prefix, compression: codec });
      await sink.emit(some(topic, 1_000));
      await sink.close();
      const sinks = kafkaTransactionalSinks(kafka, {
        ...{ clock: systemClock, prefix, compression: codec },
        group: `${prefix}group`,
      });
      const transactional = await untilDone(() => sinks.open('task-0'));
      expect(await transactional.emit(some(topic).slice(1_000), null)).toBe('acknowledged');
      await transactional.close();
      expect(new Set(await codecsOf(topic))).toEqual(new Set([codec]));
      await expectRecords(topic, 2_000);
    },
  );

  test('the reader reads gzip as kafkajs’ producer compresses it', async () => {
    const topic = await topicOf();
    const producer = kafka.producer({ createPartitioner: Partitioners.DefaultPartitioner });
    await producer.connect();
    const messages = some(topic, 500).map(({ key, value, timestamp }) => ({
      key,
      value,
      timestamp: String(timestamp),
    }));
    await producer.send({ topic: prefix + topic, compression: 1, messages });
    await producer.disconnect();
    await expectRecords(topic, 500);
  });

  test('the broker accepts snappy in Java’s framing of several blocks, and the reader reads it', async () => {
    const topic = await topicOf();
    const records = encodeBatch(some(topic, 700), 5).subarray(61);
    const cut = [records.subarray(0, 9_000), records.subarray(9_000, 9_001), records.subarray(9_001)];
    const blocks = cut
      .map((part) => deflate('snappy', part))
      .flatMap((block) => {
        const length = Buffer.alloc(4);
        length.writeUInt32BE(block.length);
        return [length, block];
      });
    const header = Buffer.from('\x82SNAPPY\0\0\0\0\x01\0\0\0\x01', 'latin1');
    await produceBytes(topic, storedAs('snappy', Buffer.concat([header, ...blocks]), 700));
    expect((await read(topic)).map(({ value }) => String(value))).toEqual(
      some(topic, 700).map(({ value }) => String(value)),
    );
  });

  test.each(COMPRESSED)(
    'a decompression bomb in %s is passed over as one unreadable record within a second, in bounded memory',
    async (codec) => {
      const topic = await topicOf('off', 2);
      const bomb = encodeBatch([{ ...record(topic, 1), value: Buffer.alloc(100 * MIB) }], 5, codec);
      await plain.emit([record(topic, 0), record(topic, 0, 1)]);
      await produceBytes(topic, bomb);
      await plain.emit([record(topic, 2), record(topic, 2, 1)]);
      const limits = { ...SOURCE_LIMITS, fetch: { ...SOURCE_LIMITS.fetch, maxBatchBytes: 64 * MIB } };
      const source = kafkaSource({
        kafka,
        clock: systemClock,
        groupId: null,
        topics: [prefix + topic],
        limits,
      });
      await source.start({ onAssigned: () => undefined, onFailed: () => undefined });
      const before = process.memoryUsage().rss;
      const [bombed, other] = [await source.open(0, [0]), await source.open(1, [0])];
      const next = (inbox: Inbox) => inbox.take({ max: 1, lingerMs: 0 });
      expect((await next(bombed))?.records.map(({ offset }) => offset)).toEqual([0]);
      const began = performance.now();
      expect(await next(bombed)).toMatchObject({
        records: [
          {
            offset: 1,
            unreadable: expect.stringContaining(
              `${topic}/0: the batch of offsets 1 to 1, compressed with ${codec}`,
            ) as string,
          },
        ],
        next: [2],
      });
      expect((await next(bombed))?.records.map(({ offset }) => offset)).toEqual([2]);
      expect(performance.now() - began).toBeLessThan(1_000);
      expect(process.memoryUsage().rss - before).toBeLessThan(192 * MIB);
      expect((await next(other))?.records.map(({ offset }) => offset)).toEqual([0]);
      expect((await next(other))?.records.map(({ offset }) => offset)).toEqual([1]);
      await source.stop();
    },
  );
});
