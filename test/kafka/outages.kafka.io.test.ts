import { EfsError } from '../../src/base/errors';
import type { Batch, Inbox, LogRecord, RecordHeader, Source } from '../../src/log/source';
import { pollMs } from '../servers/child';
import { type KafkaServer, startKafka } from '../servers/kafka';
import { describeWithServers } from '../servers/servers';
import { before, processorMs } from '../support/bounds';
import { inTransaction, type KafkaWorld, kafkaWorld, TEST_LIMITS } from './kafka-world';
import { text } from '../log/source.contract';

const START = [0, 0, 0];
const valuesOf = (batch: Batch | null): string[] =>
  (batch?.records ?? []).map((record) => record.value?.toString() ?? 'null');

async function assignedTo(source: Source, failures: unknown[] = []): Promise<number[][]> {
  const assignments: number[][] = [];
  await new Promise<void>((resolve) => {
    void source.start({
      onAssigned(partitions) {
        assignments.push([...partitions]);
        if (partitions.length > 0) resolve();
      },
      onFailed: (error) => failures.push(error),
    });
  });
  return assignments;
}

/** Waits, for as long as the test may take. */
const until = async (condition: () => boolean): Promise<void> => {
  while (!condition()) await pollMs(20);
};

describeWithServers(['kafka'], 'a source on Kafka', (servers) => {
  let world: KafkaWorld;
  beforeEach(async () => {
    world = await kafkaWorld(servers.kafkaBrokers);
  });
  afterEach(async () => {
    await world.close();
  });

  test('its inbox fails with position-lost when retention overtakes the position, after giving the fetched records', async () => {
    const limits = { ...TEST_LIMITS, inbox: { records: 1, bytes: 1, bytesInAll: 1 } };
    const source = world.member({ limits });
    await assignedTo(source);
    await world.append(0, 0, [text('first')]);
    const inbox = await source.open(0, START);
    await until(() => inbox.lag()[0] === 1);
    for (const value of ['second', 'third', 'fourth']) await world.append(0, 0, [text(value)]);
    await world.raiseLow(0, 0, 3);
    expect(valuesOf(await inbox.take({ max: 10, lingerMs: 0 }))).toEqual(['first']);
    const lost = await inbox.take({ max: 10, lingerMs: 0 }).catch((error: unknown) => error);
    expect(lost).toBeInstanceOf(EfsError);
    expect((lost as EfsError).code).toBe('position-lost');
  });

  test('it skips the records of an aborted transaction', async () => {
    const source = world.member();
    await assignedTo(source);
    await inTransaction(world.kafka, world.topics[0] ?? '', 0, [text('aborted')], false);
    await world.append(0, 0, [text('good')]);
    const inbox = await source.open(0, START);
    const seen: string[] = [];
    let next: readonly number[] = [];
    while (next[0] !== 3) {
      const batch = await inbox.take({ max: 10, lingerMs: 0 });
      seen.push(...valuesOf(batch));
      next = batch?.next ?? [];
    }
    expect(seen).toEqual(['good']);
  });

  test('it reads a record of 5,000 headers and one of 1 MB in 400 ms of processor time', async () => {
    const source = world.member();
    await assignedTo(source);
    const headers = Array.from({ length: 5_000 }, (_, index) => ({
      name: Buffer.from(`h${index}`),
      value: Buffer.from('v'),
    }));
    await world.append(0, 0, [{ ...text('bomb'), headers }]);
    await world.append(0, 0, [{ key: null, value: Buffer.alloc(1_000_000) }]);
    const records: LogRecord[] = [];
    let read: readonly RecordHeader[] = [];
    const spent = await processorMs(async () => {
      const inbox = await source.open(0, START);
      while (records.length < 2)
        records.push(...((await inbox.take({ max: 9, lingerMs: 0 }))?.records ?? []));
      read = records[0]?.headers() ?? [];
    });
    expect(spent).toBeLessThan(400);
    expect(records[0]?.headerCount).toBe(5_000);
    expect(read.map(({ name }) => name.toString())).toEqual(headers.map(({ name }) => name.toString()));
    expect(records[1]?.value).toHaveLength(1_000_000);
  });

  test('it keeps its partitions while the taker pauses longer than the session timeout', async () => {
    const limits = { ...TEST_LIMITS, inbox: { records: 1, bytes: 1, bytesInAll: 1 } };
    const source = world.member({ limits });
    const assignments = await assignedTo(source);
    const inbox = await source.open(0, START);
    for (const value of ['a', 'b', 'c']) await world.append(0, 0, [text(value)]);
    await new Promise((resolve) => setTimeout(resolve, TEST_LIMITS.group.sessionTimeoutMs + 1_500));
    const seen: string[] = [];
    while (seen.length < 3) seen.push(...valuesOf(await inbox.take({ max: 1, lingerMs: 0 })));
    expect(seen).toEqual(['a', 'b', 'c']);
    expect(assignments).toHaveLength(1);
  });

  test('it fails with not-co-partitioned when one topic gets more partitions than the others', async () => {
    const failures: unknown[] = [];
    await assignedTo(world.member({ limits: { ...TEST_LIMITS, checkEveryMs: 100 } }), failures);
    await world.admin.createPartitions({ topicPartitions: [{ topic: world.topics[1] ?? '', count: 5 }] });
    await until(() => failures.length > 0);
    expect(failures).toHaveLength(1);
    expect((failures[0] as EfsError).code).toBe('not-co-partitioned');
  });

  test('it commits noted positions as group offsets, and never starts from them', async () => {
    const source = world.member({ limits: { ...TEST_LIMITS, commitEveryMs: 0 } });
    await assignedTo(source);
    await world.append(0, 0, [text('a'), text('b')]);
    source.commitProgress(0, [2, 0, 0]);
    const committed = async (): Promise<string | undefined> => {
      const [topic] = await world.admin.fetchOffsets({
        groupId: world.groupId,
        topics: [world.topics[0] ?? ''],
      });
      return topic?.partitions.find(({ partition }) => partition === 0)?.offset;
    };
    while ((await committed()) !== '2') await new Promise((resolve) => setTimeout(resolve, 20));
    // And never reads them: the same group starts at the given positions.
    await source.stop();
    const next = world.member();
    await assignedTo(next);
    expect(valuesOf(await (await next.open(0, START)).take({ max: 9, lingerMs: 0 }))).toEqual(['a', 'b']);
  });

  test('a stop during start prevents any assignment', async () => {
    const source = world.member();
    const assignments: unknown[] = [];
    const starting = source.start({
      onAssigned: (partitions) => assignments.push(partitions),
      onFailed: () => undefined,
    });
    await source.stop();
    await starting;
    await assignedTo(world.member());
    expect(assignments).toEqual([]);
  });

  test('a reader leaves no consumer group behind', async () => {
    await world.append(0, 0, [text('a')]);
    await world.reader().read(world.topics[0] ?? '', 0, () => undefined);
    const { groups } = await world.admin.listGroups();
    expect(groups.map(({ groupId }) => groupId).filter((id) => id.startsWith('unused'))).toEqual([]);
  });
});

describeWithServers(['own-kafka'], 'a source during an outage of Kafka', () => {
  let server: KafkaServer;
  let world: KafkaWorld;
  let waiting: Set<unknown>;
  let source: Source;
  let inbox: Inbox;
  beforeAll(async () => {
    server = await startKafka();
  });
  afterAll(async () => {
    await server.stop();
  });
  beforeEach(async () => {
    world = await kafkaWorld(server.brokers);
    waiting = new Set();
    source = world.member({
      outages: {
        failed: (party) => void waiting.add(party),
        answered: (party) => void waiting.delete(party),
      },
    });
    await assignedTo(source);
    inbox = await source.open(0, START);
  });

  test('it reports the outage and its end, and continues at its position', async () => {
    await world.append(0, 0, [text('before')]);
    expect(valuesOf(await inbox.take({ max: 9, lingerMs: 0 }))).toEqual(['before']);
    await server.kill('SIGKILL');
    await until(() => waiting.size > 0);
    const taken = inbox.take({ max: 9, lingerMs: 0 });
    await server.restart();
    await world.append(0, 0, [text('after')]);
    expect(valuesOf(await taken)).toEqual(['after']);
    await until(() => waiting.size === 0);
    await world.close();
  });

  test('it stops within five seconds while Kafka does not answer, also when stopped twice', async () => {
    server.pause();
    await before(5_000, () => Promise.all([source.stop(), source.stop()]));
    expect(await inbox.take({ max: 9, lingerMs: 0 })).toBeNull();
    server.resume();
    await world.close();
  });
});
