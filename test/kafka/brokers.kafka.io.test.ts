import { type KafkaServer, startKafka } from '../servers/kafka';
import { describeWithServers } from '../servers/servers';
import { controllerOf, eventLog, type EventLog, type Load, observer, startLoad } from './brokers';
import { type KafkaWorld, kafkaWorld } from './kafka-world';

const PARTITIONS = 6;
/** From the time at which all partitions have leaders: the service's bound, and an allowance for a busy machine. */
const RECOVERS_WITHIN_MS = 2_000 + 1_000;

describeWithServers(['own-kafka', 'undisturbed'], 'sources, sinks and group members on three brokers', () => {
  let server: KafkaServer;
  let world: KafkaWorld;
  let load: Load;
  let events: EventLog;
  beforeAll(async () => {
    const replicated = { 'min.insync.replicas': 2, 'transaction.state.log.min.isr': 2 };
    server = await startKafka({ brokers: 3, properties: replicated });
  }, 90_000);
  afterAll(async () => {
    await server.stop();
  });
  beforeEach(async () => {
    world = await kafkaWorld(server.brokers, PARTITIONS);
    events = eventLog();
    load = startLoad(world, PARTITIONS, `${world.groupId}-idle`, events);
    const all = Array.from({ length: PARTITIONS }, (_, partition) => `partition ${partition}`);
    await events.untilSeen([...all, 'transaction', 'heartbeat 0', 'heartbeat 1'], 30_000);
  }, 60_000);
  afterEach(async () => {
    await load.stop();
    await world.close();
  }, 60_000);

  const expectNothingLost = (): void => {
    for (const [partition, taken] of load.taken.entries()) {
      const inOrder = taken.filter((n, index) => index === taken.indexOf(n));
      expect(inOrder).toEqual(Array.from({ length: inOrder.length }, (_, n) => n));
      expect(inOrder.length).toBeGreaterThan(load.acknowledged[partition] ?? 0);
    }
  };

  test.each(['group coordinator', 'transaction coordinator', 'controller', 'leader of a partition'])(
    'after a kill of the %s they continue within 2 s of new leaders, without reassignment, name the broker and lose nothing',
    async (role) => {
      const seen = observer(server.brokers, world.topics);
      const idle = `${world.groupId}-idle`;
      const nodeOf: Record<string, () => Promise<number> | number> = {
        'group coordinator': () => seen.coordinator('group', idle),
        'transaction coordinator': () => seen.coordinator('transaction', `${idle}-kpi-0`),
        controller: () => controllerOf(server),
        'leader of a partition': () => seen.leader(),
      };
      await seen.inSync(3);
      const before = [...load.assigned];
      const victim = (await nodeOf[role]?.()) ?? 0;
      await server.nodes[victim - 1]?.kill('SIGKILL');
      const survivors = observer(
        server.brokers.filter((_, index) => index !== victim - 1),
        world.topics,
      );
      const led = await survivors.ledWithout(victim);
      const recovered = await events.firstAfter(led, 30_000);
      await server.nodes[victim - 1]?.restart();
      await survivors.inSync(3);
      await load.drained();
      await Promise.all([seen.close(), survivors.close()]);
      expect(Math.max(...Object.values(recovered))).toBeLessThan(RECOVERS_WITHIN_MS);
      expect(load.assigned).toEqual(before);
      expect([...load.unavailable]).toContain(`broker ${victim} (${server.brokers[victim - 1]})`);
      expectNothingLost();
    },
    120_000,
  );

  test('they lose nothing while the brokers restart one after the other', async () => {
    const seen = observer(server.brokers, world.topics);
    for (const node of server.nodes) {
      await seen.inSync(3);
      await node.kill('SIGTERM');
      await node.restart();
    }
    await load.drained();
    await seen.close();
    expectNothingLost();
  }, 180_000);
});
