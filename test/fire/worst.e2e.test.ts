import { connect } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { systemClock } from '../../src/base/clock';
import { DeliveryId, MessageId } from '../../src/base/ids';
import type { Delivered } from '../../src/feedback/records';
import { kafkaClient } from '../../src/kafka/client.kafka';
import type { Codec } from '../../src/kafka/codecs.kafka';
import { kafkaSink } from '../../src/kafka/sink.kafka';
import { partitionOf } from '../../src/log/partitioner';
import type { OutgoingRecord } from '../../src/log/sink';
import { describeWithServers, type SharedServers } from '../servers/servers';
import { isReady, type Worker } from './processes';
import { openStage, type Stage, standing, until } from './stage';

const PARTITIONS = 3;
const TOPIC = 'mta.delivered';
/** The index of the topic among the positions. */
const TOPIC_INDEX = 1;
const EVERY_MS = 100;
const AT = Date.UTC(2026, 10, 1);

const WAIT_MAX_MS = 2_000;
const LIVEZ_MAX_MS = 1_000;
const RSS_MAX_MIB = 512;

const delivered = (messageId: string): Delivered => ({
  ...{ kind: 'Delivered', eventId: 'e', messageId: MessageId(messageId), deliveryId: DeliveryId('d') },
  ...{ occurredAt: AT, recipientDomain: 'example.net', relayedAt: null, attempt: 1 },
});

/** Records for partition 0 that a client may send in one batch, all of them together some 60 MiB. */
const WORST: readonly [string, Codec, () => readonly Partial<OutgoingRecord>[]][] = [
  [
    'a batch that inflates to 60 MiB of values that are no feedback',
    'gzip',
    () => Array.from({ length: 240 }, () => ({ value: Buffer.alloc(250 * 1024) })),
  ],
  [
    'a batch that inflates beyond the bound',
    'zstd',
    () => Array.from({ length: 320 }, () => ({ value: Buffer.alloc(250 * 1024) })),
  ],
  [
    'a batch of 2,000 records with 256 headers each',
    'gzip',
    () => {
      const headers = Array.from({ length: 256 }, (_, index) => ({
        name: Buffer.from(`name-${index}`),
        value: Buffer.alloc(64),
      }));
      return Array.from({ length: 2_000 }, () => ({ value: Buffer.alloc(8), headers }));
    },
  ],
  [
    'a batch of 200,000 empty records',
    'gzip',
    () => Array.from({ length: 200_000 }, () => ({ value: Buffer.alloc(0) })),
  ],
];

/** Feedback for the other partitions, one record each at a time, and how long each waited to be folded. */
async function othersWait(stage: Stage, servers: SharedServers, signal: AbortSignal): Promise<number> {
  const sink = kafkaSink(kafkaClient({ brokers: [...servers.kafkaBrokers], clientId: 'test' }), {
    clock: systemClock,
    prefix: stage.prefix,
  });
  const waiting: { partition: number; end: number; at: number }[] = [];
  const ends = [0, 0, 0];
  let worst = 0;
  for (let count = 0; !signal.aborted || waiting.length > 0; count += 1) {
    const messageId = `m${count}`;
    const key = Buffer.from(messageId);
    const partition = partitionOf(key, PARTITIONS);
    if (partition !== 0 && !signal.aborted) {
      await sink.emit([{ topic: TOPIC, partition, key, value: stage.encode(delivered(messageId)) }]);
      ends[partition] = (ends[partition] ?? 0) + 1;
      waiting.push({ partition, end: ends[partition], at: Date.now() });
    }
    const tasks = await standing(stage, 'status');
    for (const each of waiting.splice(0)) {
      worst = Math.max(worst, Date.now() - each.at);
      if ((tasks?.[each.partition]?.positions[TOPIC_INDEX] ?? 0) < each.end) waiting.push(each);
    }
    await pause(EVERY_MS);
  }
  await sink.close();
  return worst;
}

/** The longest that a probe waited, in milliseconds, and the most memory of the worker, in MiB. */
async function probed(worker: Worker, signal: AbortSignal): Promise<{ livezMs: number; rssMiB: number }> {
  let [livezMs, rssMiB] = [0, 0];
  while (!signal.aborted) {
    const began = performance.now();
    await worker.get('/livez');
    livezMs = Math.max(livezMs, performance.now() - began);
    rssMiB = Math.max(rssMiB, (await worker.counter('process_resident_memory_bytes')) / 2 ** 20);
    await pause(EVERY_MS);
  }
  return { livezMs, rssMiB };
}

/** Connections that ask for the dearest answers and read none of them. */
function askWithoutReading(port: number): () => void {
  const sockets = Array.from({ length: 100 }, () => {
    const socket = connect(port, '127.0.0.1');
    socket.on('error', () => undefined);
    socket.pause();
    const request = (path: string): string => `GET ${path} HTTP/1.1\r\nHost: localhost\r\n\r\n`;
    socket.write(request('/api/deliveries?limit=1000') + request('/api/deliveries/d/export'));
    return socket;
  });
  return () => sockets.forEach((socket) => socket.destroy());
}

describeWithServers(['kafka', 'registry', 'redis', 'undisturbed'], 'the worst inputs', (servers) => {
  let stage: Stage;
  let worker: Worker;
  beforeAll(async () => {
    stage = await openStage(servers, { partitions: PARTITIONS });
    worker = stage.run('worker');
    await until('it is ready', () => isReady(worker));
  }, 60_000);
  afterAll(() => stage.close());

  const bounded = async (act: () => Promise<void>): Promise<void> => {
    const over = new AbortController();
    const [wait, probes] = [othersWait(stage, servers, over.signal), probed(worker, over.signal)];
    await act().finally(() => over.abort());
    const [waitMs, { livezMs, rssMiB }] = [await wait, await probes];
    expect(waitMs).toBeLessThan(WAIT_MAX_MS);
    expect(livezMs).toBeLessThan(LIVEZ_MAX_MS);
    expect(rssMiB).toBeLessThan(RSS_MAX_MIB);
  };

  it.each(WORST)(
    'keep other partitions, probes and memory within their bounds: %s',
    async (_, compression, records) => {
      const kafka = kafkaClient({ brokers: [...servers.kafkaBrokers], clientId: 'test' });
      const sink = kafkaSink(kafka, { clock: systemClock, prefix: stage.prefix, compression });
      await bounded(async () => {
        await sink.emit(
          records().map((record) => ({ topic: TOPIC, partition: 0, key: null, value: null, ...record })),
        );
        const { high } = await stage.reader.watermarks(stage.prefix + TOPIC, 0);
        const position = async (): Promise<number> =>
          (await standing(stage, 'status'))?.[0]?.positions[TOPIC_INDEX] ?? 0;
        await until('they are passed', async () => (await position()) >= high, 60_000);
      });
      await sink.close();
    },
    120_000,
  );

  it('keep them also where a hundred clients ask for the dearest answers and read none', async () => {
    const port = worker.lines().find(({ msg }) => msg === 'starting')?.['port'] as number;
    await bounded(async () => {
      const hangUp = askWithoutReading(port);
      await pause(5_000);
      hangUp();
    });
  }, 60_000);
});
