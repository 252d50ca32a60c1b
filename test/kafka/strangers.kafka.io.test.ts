import type { EfsError } from '../../src/base/errors';
import type { Source } from '../../src/log/source';
import { describeWithServers } from '../servers/servers';
import { until } from '../fire/stage';
import { type KafkaWorld, kafkaWorld } from './kafka-world';

/** Starts a member and keeps its last assignment and strangers. */
async function started(source: Source) {
  const last: { partitions: readonly number[] | null; strangers: EfsError | null } = {
    partitions: null,
    strangers: null,
  };
  const failed: unknown[] = [];
  await source.start({
    onAssigned: (partitions) => void (last.partitions = partitions),
    onForeignMembers: (found) => void (last.strangers = found),
    onFailed: (error) => void failed.push(error),
  });
  return { last, failed };
}

describeWithServers(['kafka'], 'a consumer group shared with strangers', (servers) => {
  let world: KafkaWorld;
  let other: KafkaWorld;

  beforeAll(async () => {
    [world, other] = await Promise.all([kafkaWorld(servers.kafkaBrokers), kafkaWorld(servers.kafkaBrokers)]);
  });
  afterAll(async () => {
    await Promise.all([world, other].map((each) => each?.close()));
  });

  it('is reported to every member, assigns strangers no partitions, and is reported as over when they have left', async () => {
    const first = await started(world.member());
    await until('the first has all partitions', () => first.last.partitions?.length === 4);
    const source = other.member({ groupId: world.groupId });
    const stranger = await started(source);
    await until(
      'both report strangers',
      () => first.last.strangers !== null && stranger.last.strangers !== null,
    );
    expect(first.last.strangers).toMatchObject({
      code: 'group-shared',
      message: `consumer group ${world.groupId} has members that read other topics: efs-test at 127.0.0.1 reads ${other.topics.join(', ')}`,
    });
    expect(stranger.last.strangers?.message).toContain(`reads ${world.topics.join(', ')}`);
    expect([first.last.partitions?.length, stranger.last.partitions]).toEqual([4, []]);
    await source.stop();
    await until('the strangers have left', () => first.last.strangers === null);
    expect([...first.failed, ...stranger.failed]).toEqual([]);
  });

  it('of another protocol keeps a member out, which reports strangers and no outage, until it has left', async () => {
    const groupId = `${other.groupId}-taken`;
    const consumer = other.kafka.consumer({ groupId, sessionTimeout: 6_000 });
    await consumer.connect();
    await consumer.subscribe({ topics: [...other.topics] });
    await consumer.run({ eachMessage: async () => undefined });
    const outages: unknown[] = [];
    const failed = (_: unknown, error: unknown) => void outages.push(error);
    const late = await started(other.member({ groupId, outages: { failed, answered: () => undefined } }));
    await until('it reports strangers', () => late.last.strangers !== null);
    expect(late.last.strangers).toMatchObject({ code: 'group-shared' });
    expect(late.last.strangers?.message).toContain(`consumer group ${groupId}: `);
    await consumer.disconnect();
    await until(
      'it has all partitions',
      () => late.last.partitions?.length === 4 && late.last.strangers === null,
    );
    expect([outages, late.failed]).toEqual([[], []]);
  });
});
