import { randomUUID } from 'node:crypto';
import { must } from '../../src/base/assert';
import { watchHeldBack } from '../../src/tasks/held-back';
import { recordingLog } from '../base/recording-log';
import { until } from '../fire/stage';
import { text } from '../log/source.contract';
import { describeWithServers } from '../servers/servers';
import { virtualClock } from '../support/clock';
import { type KafkaWorld, kafkaWorld } from './kafka-world';

const START = [0, 0, 0];

describeWithServers(['kafka'], 'records behind an open transaction', (servers) => {
  let world: KafkaWorld;
  beforeAll(async () => {
    world = await kafkaWorld(servers.kafkaBrokers);
  });
  afterAll(async () => {
    await world?.close();
  });

  it('are known to be held back, are a reason after a minute, and none once it has ended', async () => {
    const topic = must(world.topics[0], 'a topic');
    const producer = world.kafka.producer({
      transactionalId: randomUUID(),
      idempotent: true,
      maxInFlightRequests: 1,
    });
    await producer.connect();
    const transaction = await producer.transaction();
    await transaction.send({ topic, messages: [{ value: 'never committed', partition: 1 }] });
    await world.append(0, 1, [text('behind it'), text('this, too')]);

    const source = world.member({ groupId: null });
    await source.start({ onAssigned: () => undefined, onFailed: () => undefined });
    const inbox = await source.open(1, START);
    await until('three offsets are held back', () => inbox.heldBack()[0] === 3);
    expect([inbox.lag(), inbox.caughtUp()]).toEqual([[0, 0, 0], true]);
    const reader = world.reader();
    expect((await reader.watermarks(topic, 1)).high).toBe(0);
    expect(await reader.highWatermark(topic, 1)).toBe(3);

    const clock = virtualClock();
    const reasons = new Map<string, string | null>();
    const held = watchHeldBack({
      clock,
      log: recordingLog(),
      onReason: (key, reason) => void reasons.set(key, reason),
    });
    const note = (position: number): void =>
      held.note(topic, 1, {
        position,
        lag: inbox.lag()[0] ?? 0,
        heldBack: inbox.heldBack()[0] ?? 0,
      });
    note(0);
    clock.advance(60_000);
    note(0);
    expect(reasons.get(`held-back/${topic}/1`)).toContain('3 offsets wait behind an open transaction');

    await transaction.abort();
    await until('nothing is held back', () => inbox.heldBack()[0] === 0);
    const batch = await inbox.take({ max: 10, lingerMs: 0 });
    expect(batch?.records.map(({ value }) => String(value))).toEqual(['behind it', 'this, too']);
    note(batch?.next[0] ?? 0);
    expect(reasons.get(`held-back/${topic}/1`)).toBeNull();
    await producer.disconnect();
  });
});
