import { type KafkaServer, startKafka } from '../servers/kafka';
import { describeWithServers } from '../servers/servers';
import { controllerOf, diary, type Diary, type Load, observer, startLoad } from './brokers';
import { type KafkaWorld, kafkaWorld } from './kafka-world';

const PARTITIONS = 6;
/** From the moment at which all partitions have leaders: what the service takes, and what a busy machine adds to it. */
const GOES_ON_WITHIN_MS = 2_000 + 1_000;

describeWithServers(['own-kafka'], 'beside three brokers', () => {
  let server: KafkaServer;
  let world: KafkaWorld;
  let load: Load;
  let notes: Diary;
  beforeAll(async () => {
    const replicated = { 'min.insync.replicas': 2, 'transaction.state.log.min.isr': 2 };
    server = await startKafka({ brokers: 3, properties: replicated });
  }, 90_000);
  afterAll(async () => {
    await server.stop();
  });
  beforeEach(async () => {
    world = await kafkaWorld(server.brokers, PARTITIONS);
    notes = diary();
    load = startLoad(world, PARTITIONS, `${world.groupId}-idle`, notes);
    const all = Array.from({ length: PARTITIONS }, (_, partition) => `partition ${partition}`);
    await notes.untilSeen([...all, 'transaction', 'heartbeat 0', 'heartbeat 1'], 30_000);
  }, 60_000);
  afterEach(async () => {
    await load.stop();
    await world.close();
  }, 60_000);

  const isWhole = (): void => {
    for (const [partition, taken] of load.taken.entries()) {
      const inOrder = taken.filter((n, index) => index === taken.indexOf(n));
      expect(inOrder).toEqual(Array.from({ length: inOrder.length }, (_, n) => n));
      expect(inOrder.length).toBeGreaterThan(load.acknowledged[partition] ?? 0);
    }
  };

  test.each(['group coordinator', 'transaction coordinator', 'controller', 'leader of a partition'])(
    'goes on within 2 s of all partitions having leaders when the %s is killed, as the same members, says which broker it was, and loses nothing',
    async (role) => {
      const seen = observer(server.brokers, world.topics);
      const idle = `${world.groupId}-idle`;
      const victims: Record<string, () => Promise<number> | number> = {
        'group coordinator': () => seen.coordinator('group', idle),
        'transaction coordinator': () => seen.coordinator('transaction', `${idle}-kpi-0`),
        controller: () => controllerOf(server),
        'leader of a partition': () => seen.leader(),
      };
      await seen.inSync(3);
      const before = [...load.assigned];
      const victim = (await victims[role]?.()) ?? 0;
      await server.nodes[victim - 1]?.kill('SIGKILL');
      const survivors = observer(
        server.brokers.filter((_, index) => index !== victim - 1),
        world.topics,
      );
      const led = await survivors.ledWithout(victim);
      const goesOn = await notes.firstAfter(led, 30_000);
      await server.nodes[victim - 1]?.restart();
      await survivors.inSync(3);
      await load.drained();
      await Promise.all([seen.close(), survivors.close()]);
      expect(Math.max(...Object.values(goesOn))).toBeLessThan(GOES_ON_WITHIN_MS);
      expect(load.assigned).toEqual(before);
      expect([...load.out]).toContain(`broker ${victim} (${server.brokers[victim - 1]})`);
      isWhole();
    },
    120_000,
  );

  test('loses nothing while its brokers restart one after the other', async () => {
    const seen = observer(server.brokers, world.topics);
    for (const node of server.nodes) {
      await seen.inSync(3);
      await node.kill('SIGTERM');
      await node.restart();
    }
    await load.drained();
    await seen.close();
    isWhole();
  }, 180_000);
});
