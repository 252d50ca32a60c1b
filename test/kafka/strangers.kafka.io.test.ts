import type { EfsError } from '../../src/base/errors';
import type { Source } from '../../src/log/source';
import { describeWithServers } from '../servers/servers';
import { until } from '../fire/stage';
import { type KafkaWorld, kafkaWorld } from './kafka-world';

/** What a member has been told last. */
async function started(source: Source) {
  const told: { partitions: readonly number[] | null; strangers: EfsError | null } = {
    partitions: null,
    strangers: null,
  };
  const failed: unknown[] = [];
  await source.start({
    onAssigned: (partitions) => void (told.partitions = partitions),
    onStrangers: (found) => void (told.strangers = found),
    onFailed: (error) => void failed.push(error),
  });
  return { told, failed };
}

describeWithServers(['kafka'], 'a group that others are in, too', (servers) => {
  let world: KafkaWorld;
  let other: KafkaWorld;

  beforeAll(async () => {
    [world, other] = await Promise.all([kafkaWorld(servers.kafkaBrokers), kafkaWorld(servers.kafkaBrokers)]);
  });
  afterAll(async () => {
    await Promise.all([world, other].map((each) => each?.close()));
  });

  it('is told to every member, gives strangers no partitions, and is told to be over when they have left', async () => {
    const first = await started(world.member());
    await until('the first has all', () => first.told.partitions?.length === 4);
    const source = other.member({ groupId: world.groupId });
    const stranger = await started(source);
    await until('both are told', () => first.told.strangers !== null && stranger.told.strangers !== null);
    expect(first.told.strangers).toMatchObject({
      code: 'group-shared',
      message: `consumer group ${world.groupId} has members that read other topics: efs-test at 127.0.0.1 reads ${other.topics.join(', ')}`,
    });
    expect(stranger.told.strangers?.message).toContain(`reads ${world.topics.join(', ')}`);
    expect([first.told.partitions?.length, stranger.told.partitions]).toEqual([4, []]);
    await source.stop();
    await until('it is over', () => first.told.strangers === null);
    expect([...first.failed, ...stranger.failed]).toEqual([]);
  });

  it('of another protocol keeps a member out, which is told instead of an outage, until it has left', async () => {
    const groupId = `${other.groupId}-taken`;
    const consumer = other.kafka.consumer({ groupId, sessionTimeout: 6_000 });
    await consumer.connect();
    await consumer.subscribe({ topics: [...other.topics] });
    await consumer.run({ eachMessage: async () => undefined });
    const outages: unknown[] = [];
    const late = await started(other.member({ groupId, onOutage: (error) => outages.push(error) }));
    await until('it is told', () => late.told.strangers !== null);
    expect(late.told.strangers).toMatchObject({ code: 'group-shared' });
    expect(late.told.strangers?.message).toContain(`consumer group ${groupId}: `);
    await consumer.disconnect();
    await until('it has all', () => late.told.partitions?.length === 4 && late.told.strangers === null);
    expect([outages, late.failed]).toEqual([[], []]);
  });
});
